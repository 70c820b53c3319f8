"""docs/api.md: its code prints what stands below it, and its reference is that of the docstrings."""

import contextlib
import io
import re

import accelsim

from .reference import ORDER, PAGE, page


def test_the_reference_is_up_to_date():
    assert page() == PAGE.read_text(encoding="utf-8"), "python -m tests.api.reference --write"
    assert set(ORDER) == set(accelsim.PUBLIC)


def test_the_code_prints_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for code, said in found:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/api.md", "exec"), names)
        assert printed.getvalue() == said
    assert len(found) == 4 and (tmp_path / "a.pdf").exists()
