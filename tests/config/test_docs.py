"""What docs/configuration.md promises."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from accelsim.config import units
from accelsim.config.schema import SECTIONS
from accelsim.core import document

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| (count|bits|bytes|cycles|bytes/cycle|permille|mW|fJ) \| `(.+?)` \| (.*?) ?\| (\d+) \|$", TEXT, re.MULTILINE
)


def test_the_table_of_units_was_found():
    assert len(ROWS) == 15


@pytest.mark.parametrize(("unit", "text", "clock", "value"), ROWS)
def test_the_table_of_units(unit, text, clock, value):
    hertz = units.frequency(clock) if clock else Fraction(10**9)
    assert units.whole(text, unit, "core", hertz) == int(value)


def test_the_example_is_a_file_with_every_section(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "small.yaml"
    path.write_text(example, encoding="utf-8")
    entry, repeated = document.read(path)
    assert (set(entry.value), repeated) == (set(SECTIONS), [])
    assert yaml.safe_load(example)["machine"] == "vitcod"
