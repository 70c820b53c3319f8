"""Stored stimulus, changed by a word."""

from pathlib import Path


def changed(path: Path, row: int, word: int, by: int) -> None:
    """Add to a word of a stored row; words count from the low end."""
    lines = path.read_text().split()
    end = len(lines[row]) - 8 * word
    value = (int(lines[row][end - 8 : end], 16) + by) & 0xFFFFFFFF
    lines[row] = f"{lines[row][: end - 8]}{value:08x}{lines[row][end:]}"
    path.write_text("\n".join(lines) + "\n")
