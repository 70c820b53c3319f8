"""What cases are made of: values, conditions and the ends of commands."""

from hypothesis import strategies as st

from tests.fuzz import seeds
from tests.fuzz.trees import NUMBERS, WORDS

RUN = ("--no-plots", "-o", "out")
MACHINE = st.sampled_from(seeds.MACHINES)
LINKS = ("nowhere", "w.yaml", ".", "/dev/null", "/dev/zero", "/proc/self/mem", "../out")


def plain(text: str) -> str:
    """A word of YAML as an argument; the operating system takes no zero bytes and no halves of characters."""
    return text.strip("'\"").replace("\0", "").encode("utf-8", "replace").decode() or "x"


VALUES = tuple(dict.fromkeys(plain(text) for text in (*NUMBERS, *WORDS)))
CONDITIONS = (
    "lines", "x", "1/0", "lines ** 9", "'x' * 2000000000 == 1", "not " * 4000 + "1", "(" * 300 + "1" + ")" * 300,
    "lines > 1", "lines == 'x' * 2000000000", "2 ** 99", "1 / 0 == 1", "lines.x == 1", "x < 1", "'%9d' % 1 == 1",
    "(lines",
    "min() < 1", "9 % 0 < 1", "1" + " + 1" * 5000 + " > 0", "-" * 5000 + "1 < 2", "1 < 2 < lines", "lines > '1'",
    "1e999 > 1",
)  # fmt: skip
