"""Where what was compiled is kept to be executed again: nobody but its owner can write there, and a file is used only
when it is whole.

A kept file begins with a line that holds the length and the digest of what follows. The digest covers the file's name
too, so that one cannot stand in for another.
"""

import atexit
import hashlib
import logging
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "ACCELSIM_CACHE"
BESIDE = "__pycache__"  # below the folder: machine code, beside the modules that it was made of
OTHERS = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path:
    """Where compiled code is kept: ACCELSIM_CACHE, else the user's cache folder. Where others could write there, or
    this user cannot, a temporary folder of this process and those that it starts, which is removed at its end."""
    folder, why = wanted()
    why = why or distrusted(folder) or distrusted(folder / BESIDE)
    return temporary(why) if why else folder


def wanted() -> tuple[Path, str | None]:
    """The folder that should be used, links followed; or why there is none."""
    chosen = os.environ.get(VARIABLE)
    caches = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if chosen:
            return Path(chosen).resolve(), None
        # The standard for the variable has a relative path ignored.
        caches = Path(caches) if os.path.isabs(caches) else Path.home() / ".cache"
        return (caches / "accelsim").resolve(), None
    except (OSError, RuntimeError) as error:  # no home and no entry in the password file; links in a circle
        return Path(), f"there is no folder for it ({error})"


def distrusted(folder: Path) -> str | None:
    """Why a folder is not one that this user can write and others cannot; it is made if it is not there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        why = foreign(folder.lstat(), stat.S_ISDIR)
        if why is None:
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        why = f"cannot be written ({error.strerror})"
    return why and f"{folder} {why}"


def foreign(found: os.stat_result, right_kind) -> str | None:
    """Why another user may have made a file or folder what it is."""
    if not right_kind(found.st_mode):
        return "is something else"
    if not hasattr(os, "geteuid"):  # Windows: a user's own folders are nobody else's
        return None
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    return "can be written by others (chmod go-w)" if found.st_mode & OTHERS else None


def temporary(why: str) -> Path:
    """A new folder of this process and those that it starts."""
    made = Path(tempfile.mkdtemp(prefix="accelsim-cache-")).resolve()
    (made / BESIDE).mkdir(mode=0o700)
    atexit.register(remove, made, os.getpid())
    os.environ[VARIABLE] = str(made)
    logging.getLogger("accelsim").warning(
        "note: compiled code is kept for this command only, since %s; %s=FOLDER says where else", why, VARIABLE
    )
    return made


def remove(folder: Path, owner: int) -> None:
    """Remove a folder at the end of the process that made it; not at that of a fork."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def seal(name: str, content: bytes) -> bytes:
    """What stands before the content of a kept file of this name."""
    digest = hashlib.sha256(name.encode() + b"\0" + content).hexdigest()
    return f"# {len(content)} bytes, {digest}\n".encode()


def put(path: Path, content: bytes) -> bool:
    """Keep a file, whole or not at all; whether that could be done: on a full disk there is one file less to load."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")  # nobody else may read or write it
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(seal(path.name, content) + content)
        os.replace(name, path)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        return False
    return True


def get(path: Path) -> bytes | None:
    """The content of a kept file; None if there is none that is whole and this user's alone."""
    data = own(path)
    line, _, content = (data or b"").partition(b"\n")
    return content if data and seal(path.name, content) == line + b"\n" else None


def own(path: Path) -> bytes | None:
    """What is in a regular file that this user made and no other can write; None if it is not one."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
        with os.fdopen(handle, "rb") as file:
            return None if foreign(os.fstat(handle), stat.S_ISREG) else file.read()
    except OSError:
        return None
