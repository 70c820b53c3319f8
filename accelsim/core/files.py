"""Files of a user: what may be a name, where a file beside another one lies, and writing without losing anything."""

import os
import re
from pathlib import Path

from accelsim.core.errors import InputError

LONGEST_NAME = 100
NAME = re.compile(r"\w(?:[\w .,+=@()-]{0,98}[\w.+=@()-])?")
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
    while not found.exists() and at.is_symlink() and seen < 40:
        at = at.parent / os.readlink(at)
        if (at.parent / name).exists():
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
    temporary = target.with_name(f".{target.name[:LONGEST_NAME]}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
