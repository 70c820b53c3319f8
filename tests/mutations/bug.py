"""What a seeded bug is, and where those of components lie."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """This text of a file becomes that. tests: those that must fail."""

    name: str
    file: str
    before: str
    after: str
    breaks: str
    tests: tuple[str, ...]


def own(unit: str) -> tuple[str, str]:
    """A component of ViTCoD's, and its tests."""
    return f"accelerators/vitcod/components/{unit}.py", f"accelerators/vitcod/components/test_{unit}.py"


def of(machine: str, unit: str) -> tuple[str, str]:
    """A component of another machine, and its tests."""
    return f"accelerators/{machine}/components/{unit}.py", f"accelerators/{machine}/components/test_{unit}.py"


def shared(unit: str) -> tuple[str, str]:
    """A component of several machines, and its tests."""
    return f"components/{unit}.py", f"components/test_{unit}.py"


def line(name: str, where: tuple[str, ...], before: str, after: str, breaks: str) -> Bug:
    """A bug of a file and its tests."""
    return Bug(name, where[0], before, after, breaks, tuple(where[1:]))
