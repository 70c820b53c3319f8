"""What a file imports is parsed once for each text, and then known."""

import ast

from accelsim.core import imports
from accelsim.core.imports import imported, parsed, recall, remember

TEXT = """\
import a.b, c
from ..up import x, y
from . import z
if 1:
    def f():
        from q import (
            r,
        )
"""


def test_all_statements_are_found():
    found = [(0, ["a", "b"], []), (0, ["c"], []), (2, ["up"], ["x", "y"]), (1, [], ["z"]), (0, ["q"], ["r"])]
    assert list(parsed(TEXT.encode())) == found


def test_a_text_that_is_known_is_not_parsed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "KNOWN", {})
    monkeypatch.setattr(imports, "FRESH", [])
    for name in ("one.py", "two.py", "other.py"):
        (tmp_path / name).write_text("import two, other\n" if name == "one.py" else "")
    monkeypatch.syspath_prepend(tmp_path)
    first = imported(tmp_path / "one.py")
    assert first == [tmp_path / "two.py", tmp_path / "other.py"]
    remember(tmp_path)
    assert imports.FRESH == []
    monkeypatch.setattr(imports, "KNOWN", {})
    recall(tmp_path)
    imported.cache_clear()
    with monkeypatch.context() as without:
        without.setattr(ast, "parse", lambda *_: 1 / 0)
        assert imported(tmp_path / "one.py") == first
    (tmp_path / "one.py").write_text("import other\n")
    imported.cache_clear()
    assert imported(tmp_path / "one.py") == [tmp_path / "other.py"]
    imported.cache_clear()
    (tmp_path / imports.KEPT).write_bytes(b"damaged")
    monkeypatch.setattr(imports, "KNOWN", {})
    recall(tmp_path)
    assert imports.KNOWN == {} and imported(tmp_path / "one.py") == [tmp_path / "other.py"]
    imported.cache_clear()
