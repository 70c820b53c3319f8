"""docs/validation.md: its code runs, and its table names every check there is."""

import re

from tests.conftest import ROOT
from tests.validation.faults import judged

TEXT = (ROOT / "docs" / "validation.md").read_text()


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codes = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(codes) == 2
    for code in codes:
        exec(compile(code, "docs/validation.md", "exec"), {})


def test_every_check_is_explained(clean):
    # the systolic array's own checks have a table of their own, behind this sentence
    before, of_systolic, after = re.split(
        r"(?<=Of the systolic array:)(.*?)(?=A command of the array says)", TEXT, flags=re.DOTALL
    )
    assert "| gemm, attention |" in of_systolic
    rows = re.findall(r"^\| ([a-z, ]+) \| ", before + after, re.MULTILINE)
    explained = {name for row in rows for name in row.split(", ")} - {"check", "member"}
    assert explained == {check.name for check in judged(clean).checks}
