"""All bugs that are seeded in a whole machine in one build: of a module its variants stand side by side and see the
same, and a number that is read when time begins says which of them is listened to. A build of each would take minutes.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir
from itertools import groupby
from pathlib import Path

from accelsim.core import Simulator
from accelsim.rtl.cosim import Case, Outcome
from accelsim.rtl.mutations import Mutation, seeded
from accelsim.rtl.vsim import build
from accelsim.rtl.whole import Moment, period_of, run_one, watched

CHOICE = "seeded.hex"  # the number of the bug, from 1; 0 for none


def bugs_of(
    mutations: Sequence[Mutation], runs: Iterable[tuple[Case, Simulator]]
) -> Iterator[tuple[Mutation, int, str]]:
    """Each of these bugs whose module stands in the machine, as soon as a run shows it: the differences in that run,
    and the first of them; in the end those that none has shown, with 0. All runs are of one netlist; the simulator
    does each once, whatever number of bugs is looked for in it.

    Raises InputError without Verilator or g++.
    """
    left: dict[int, Mutation] | None = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, sim in runs:
            if left is None:
                there = [m for m in mutations if m.module in case.netlist.modules()]
                built = build(with_variants(case, there, folder), case.netlist.top)
                left = dict(enumerate(there, 1))
            period, run = period_of(case, sim), list(watched(case, sim))
            count, text = shown(0, case, run, period, built, folder)
            if count:
                raise RuntimeError(f"without any bug the modules differ as well: {text}")
            for number in [*left]:
                count, text = shown(number, case, run, period, built, folder)
                if count:
                    yield left.pop(number), count, text
            if not left:
                return
    yield from ((mutation, 0, "") for mutation in (left or {}).values())


def shown(number: int, case: Case, run: Sequence[Moment], period: int, built: Path, folder: Path) -> tuple[int, str]:
    """Differences that a bug makes in a run, and the first of them."""
    (folder / CHOICE).write_text(f"{number:x}\n")
    outcome = Outcome(case.name)
    try:
        with chdir(folder):
            run_one(case, run, period, outcome, built)
    except RuntimeError as refused:  # a module that pushes without end
        return 1, str(refused)
    return outcome.differences, outcome.first


def with_variants(case: Case, mutations: Sequence[Mutation], folder: Path) -> list[Path]:
    """The files of a netlist, in the order to read them, with the modules that have bugs in all their variants."""
    numbered = sorted(enumerate(mutations, 1), key=lambda one: one[1].module)
    by_module = {module: list(some) for module, some in groupby(numbered, key=lambda one: one[1].module)}
    files = []
    for path in case.netlist.files(folder):
        if path.stem in by_module:
            text = side_by_side(path.read_text(), path.stem, by_module[path.stem])
            path = folder / path.name
            path.write_text(text)
        files.append(path)
    return files


def side_by_side(text: str, module: str, mutations: Sequence[tuple[int, Mutation]]) -> str:
    """A module's text as a choice between its variants, which follow: the module as it is, and each with its bug."""
    head = text[text.index(f"module {module}") : text.index(");\n") + 3]
    head = re.sub(r"\s*//.*", "", head)  # a comment may have a comma
    parameters = ", ".join(f".{p}({p})" for p in re.findall(r"^\s*parameter int (\w+)", head, re.M))
    ports = re.findall(r"^\s*(input|output)\s+(.*?)(\w+),?$", head, re.M)
    outputs = [(kind, port) for way, kind, port in ports if way == "output"]
    numbers = [0, *(number for number, _ in mutations)]
    body = ["  logic [15:0] chosen[1];", f'  initial $readmemh("{CHOICE}", chosen);']
    others = " || ".join(f"chosen[0] == {n}" for n in numbers[1:])
    for n in numbers:
        body += [f"  {kind}{port}__{n};" for kind, port in outputs]
        own = {port for way, _, port in ports if way == "output" or port == "clk"}
        ends = ", ".join(f".{port}({port}__{n})" if port in own else f".{port}" for _, _, port in ports)
        if "clk" in own:  # the others stand still, which takes less time
            body.append(f"  wire clk__{n} = clk && {f'chosen[0] == {n}' if n else f'!({others})'};")
        body.append(f"  {module}__{n} #({parameters}) v{n} ({ends});")
    for _, port in outputs:
        choice = "".join(f"chosen[0] == {n} ? {port}__{n} : " for n in numbers[1:])
        body.append(f"  assign {port} = {choice}{port}__0;")
    made = [head + "\n".join(body) + "\nendmodule\n", renamed(text, module, 0)]
    made += [renamed(seeded(text, mutation, f"{module}.sv"), module, number) for number, mutation in mutations]
    return "\n".join(made)


def renamed(text: str, module: str, number: int) -> str:
    """The text of a variant."""
    return text.replace(f"module {module} ", f"module {module}__{number} ", 1)
