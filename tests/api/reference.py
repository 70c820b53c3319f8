"""`docs/api.md`, made from docstrings: `python -m tests.api.reference --write`."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import accelsim
from accelsim.api.pictures import Pictures

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
MARK = "<!-- what follows is made from docstrings by `python -m tests.api.reference --write` -->"
ORDER = (
    "run", "load_run", "Run", "Table", "Picture", "load_machine", "load_workload", "Workload", "machines", "workloads",
    "validate", "estimate", "Estimate", "run_sweep", "load_results", "compare",
)  # fmt: skip


def signature(thing: object, name: str) -> str:
    """As a caller writes it, without quotes around annotations and without `self`."""
    made = inspect.signature(thing)
    kept = [p for p in made.parameters.values() if p.name not in ("self", "cls")]
    text = f"{name}{made.replace(parameters=kept)}"
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text).replace("base.", "")


def members(kind: type) -> Iterator[tuple[str, str, str]]:
    """(name, signature or nothing, docstring) of what a class itself offers."""
    for name, held in vars(kind).items():
        if name.startswith("_"):
            continue
        thing = held.__func__ if isinstance(held, classmethod | staticmethod) else held
        if callable(thing):
            yield name, signature(thing, name), inspect.getdoc(thing) or ""
        elif doc := inspect.getdoc(held):
            yield name, "", doc


def reference() -> str:
    """Everything public, in the order of a first use."""
    said = []
    for name in ORDER:
        thing = getattr(accelsim, name)
        if inspect.isclass(thing):
            said += [f"## {name}", "", inspect.getdoc(thing) or "", ""]
            for kind, prefix in ((thing, "."), *([(Pictures, ".plot.")] if name == "Run" else [])):
                for member, call, doc in members(kind):
                    said.append(f"- `{prefix}{call or member}`: {' '.join(doc.split())}")
            said.append("")
        else:
            call = signature(thing, name)
            said += [f"## {name}", "", f"```\n{call}\n```", "", inspect.getdoc(thing) or "", ""]
    return "\n".join(said).rstrip() + "\n"


def page() -> str:
    """The page with its reference made anew; what stands above the mark is written by hand."""
    above = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    return f"{above}{MARK}\n\n{reference()}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
