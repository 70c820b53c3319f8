"""Files of a user: what may be a name, where a file beside another one lies, and writing without losing anything."""

import os
import platform
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from accelsim.core.errors import InputError

try:
    import fcntl
except ImportError:  # there is none on Windows, where nothing is swept
    fcntl = None

LONGEST_NAME = 100
NAME = re.compile(r"\w(?:[\w .,+=@()-]{0,98}[\w.+=@()-])?")
HIDDEN = ".accelsim"  # how hidden folders end
LEFT = re.compile(r"\..*\.([0-9]{1,9})-([0-9a-f]{8})\.[^.]+\.accelsim")
TAKEN = 60.0  # seconds after which the folder of a living process is locked, or not that process's
OTHER = re.compile(r"[^\w .,+=@()-]")
PLAIN = (
    f"a plain name of up to {LONGEST_NAME} letters, digits, spaces and _ - . , + = @ ( ), which begins with a letter"
)
PLAIN += " or digit, since results are written into a folder of that name"


def check_name(name: str, where: str) -> str:
    """The name. Raises InputError when it could not be a folder's or a file's, or would be one elsewhere."""
    if not NAME.fullmatch(name):
        raise InputError(f"{where} is {name!r} but must be {PLAIN}")
    return name


def as_name(stem: str) -> str:
    """The name nearest to that of a file, which may hold characters that a name may not."""
    found = OTHER.sub("_", stem)[:LONGEST_NAME].strip()
    return found if NAME.fullmatch(found) else f"_{found}"[:LONGEST_NAME].rstrip(" ,")


def beside(path: Path, name: str) -> Path:
    """The file called `name` beside `path`, or, where that is a symbolic link, beside what it points to."""
    found, seen = path.parent / name, 0
    at = path
    while not os.path.exists(found) and at.is_symlink() and seen < 40:  # not Path.exists, which fails for odd names
        at = at.parent / os.readlink(at)
        if os.path.exists(at.parent / name):
            return at.parent / name
        seen += 1
    return found


def write(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half.

    A symbolic link stays one: what it points to is written. A device or pipe is written to, never replaced.
    """
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            file.write(data)
        return
    try:
        with scratch(target.parent, target.name) as room:
            (room / "new").write_bytes(data)
            os.replace(room / "new", target)
    except OSError as error:
        error.filename = str(path)  # as the user calls it
        raise


@contextmanager
def scratch(folder: Path, name: str) -> Iterator[Path]:
    """A hidden folder in `folder`, removed at the end; before, those that killed processes left there are.

    What lies in its folder `replaced` was moved there to make place for what takes its name; a sweep moves it back if
    nothing has.
    """
    sweep(folder)
    made = Path(tempfile.mkdtemp(prefix=f".{name[:LONGEST_NAME]}.{os.getpid()}-{node()}.", suffix=HIDDEN, dir=folder))
    held = os.open(made, os.O_RDONLY) if fcntl else None
    try:
        if fcntl:
            with suppress(OSError):  # not every file system has locks; there, nothing is swept
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if held is not None:
            os.close(held)


def sweep(folder: Path) -> None:
    """Remove the hidden folders of `scratch` whose process on this machine is dead."""
    if not fcntl:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for left, found in [(Path(e.path), m) for e in entries if (m := LEFT.fullmatch(e.name))]:
            with suppress(OSError):
                sweep_one(left, int(found[1]), found[2])


def sweep_one(left: Path, pid: int, where: str) -> None:
    """Remove a hidden folder if it is of this machine and user, nobody holds its lock, and its process is gone.

    A number that another process has by now counts as gone after a while: the owner would hold the lock.
    """
    about = left.lstat()
    if where != node() or about.st_uid != os.getuid() or (alive(pid) and time.time() - about.st_mtime < TAKEN):
        return
    held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for kept in (left / "replaced").glob("*"):
            if not (left.parent / kept.name).exists():
                os.replace(kept, left.parent / kept.name)
        shutil.rmtree(left)
    finally:
        os.close(held)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return pid != os.getpid()


def node() -> str:
    """This machine in eight characters: processes of another one on a shared disk are not ours to judge."""
    return f"{zlib.crc32(platform.node().encode()):08x}"
