"""docs/your-own-machine.md, followed step by step: its files are written, its edits made, its commands run."""

import re
import shlex
import tomllib

from tests.accelerators.plugins.conftest import accelsim, edit, python
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "your-own-machine.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def words(text: str) -> str:
    return " ".join(text.split())


def applied(folder, block: str) -> None:
    """Make the edit of a diff: what has no sign is there before and after."""
    head, *lines = block.splitlines()
    before = [line[1:] for line in lines if line[0] in " -"]
    after = [line[1:] for line in lines if line[0] in " +"]
    edit(folder / head.removeprefix("--- "), "\n".join(before) + "\n", "\n".join(after) + "\n")


def run(folder, block: str) -> None:
    """Every command of a console; each line of output that is shown must be there, in this order."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        program, *arguments = shlex.split(command)
        call = {"accelsim": accelsim, "python": python}[program]
        done = call(folder, *arguments, status=2 if any(line.startswith("error:") for line in shown) else 0)
        output, at = words(done.stdout + done.stderr), 0
        for line in map(words, shown):
            assert line in output[at:], f"{command}: {line!r} is not in\n{done.stdout}{done.stderr}"
            at = output.index(line, at)


def test_every_step_works_as_the_page_says(tmp_path):
    followed = []
    for kind, block in BLOCKS:
        followed.append(kind)
        if kind == "console":
            run(tmp_path, block)
        elif kind == "diff":
            applied(tmp_path, block)
        elif kind in ("python", "yaml"):
            (tmp_path / re.match(r"# (\S+)\n", block)[1]).write_text(block, encoding="utf-8")
    assert (followed.count("console"), followed.count("diff")) == (7, 5)


def test_the_entry_point_is_one():
    (text,) = (block for kind, block in BLOCKS if kind == "toml")
    entries = tomllib.loads(text)["project"]["entry-points"]["accelsim.machines"]
    assert entries == {"my_machine": "my_machine.machine:MACHINE"}


def test_every_page_finds_it():
    assert "(your-own-machine.md)" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
