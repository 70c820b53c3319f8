"""Exceptions of a plug-in and ticks that cannot be compiled are said to be the plug-in's, with file and line."""

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.contract import check_contract
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from tests.accelerators.plugins.conftest import accelsim

CRASHES = {
    "compiler": ("compiler.py", "    for number, layer in enumerate(workload.layers):", "    raise KeyError('a b')",
    "KeyError: 'a b'"),
    "peak": ("machine.py", '        return arch.parts["dot"]["multipliers"]', "        return 1 // 0",
    "ZeroDivisionError: integer"),
}  # fmt: skip


def without_notice(stderr: str) -> str:
    """Without the line that says that components are compiled."""
    return "".join(line for line in stderr.splitlines(keepends=True) if not line.startswith("compiling "))


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("command", ["run", "check-machine", "compare"])
def test_an_exception_of_a_plug_in_is_its_fault(loaded, crash, command):
    file, old, text, said = CRASHES[crash]
    folder = loaded({file: (old, f"{text}  # {old}" if old.startswith("        ") else f"{text}\n{old}")})
    line = 1 + next(n for n, t in enumerate((folder / file).read_text().splitlines()) if t.startswith(text))
    more = {"run": ("fmnist_vit_s90", "--no-plots"), "check-machine": (), "compare": ("fmnist_vit_s90", "-j", 0)}[
        command
    ]
    done = accelsim(folder.parent, "--plugin", folder, command, folder.name, *more, status=2)
    name = f"{folder.name} fmnist_vit_s90: " if command == "compare" else ""
    said_of_it = without_notice(done.stderr)
    assert said_of_it.startswith(
        f"error: {name}{folder / file}:{line}: the plug-in machine {folder.name} failed: {said}"
    ), done.stderr
    assert said_of_it.count("\n") == 1


def test_a_tick_that_numba_cannot_compile(loaded):
    """One sentence with file, line and numba's reason; everything only when asked for."""
    folder = loaded(
        {"dot_array.py": ("            r.tiles += 1\n", "            r.tiles += 1\n            r.total += work\n")}
    )
    line = 1 + (folder / "dot_array.py").read_text().splitlines().index("            r.total += work")
    done = accelsim(folder.parent, "--plugin", folder, "run", folder.name, "fmnist_vit_s90", status=2)
    assert without_notice(done.stderr) == (
        f"error: {folder / 'dot_array.py'}:{line}: the tick of DotArray cannot be compiled: "
        "there is no register, parameter, counter or item's field 'total'\n"
    )
    command = ("--plugin", folder, "run", folder.name, "fmnist_vit_s90")
    whole = accelsim(folder.parent, *command, status=1, ACCELSIM_TRACEBACK="1").stderr
    assert "Traceback" in whole
    assert "KeyError: 'total'" in whole


def test_a_machine_that_does_not_come_to_its_end(loaded):
    """A tile that never gives its place back: the loads behind it wait for ever."""
    folder = loaded(
        {"dot_array.py": ("space.bytes, space.read_bytes = r.frees,", "space.bytes, space.read_bytes = 0,")}
    )
    done = accelsim(folder.parent, "--plugin", folder, "run", folder.name, "fmnist_vit_s90", "--no-plots", status=2)
    line = 1 + (folder / "dot_array.py").read_text().splitlines().index("    @tick")
    assert without_notice(done.stderr).startswith(
        f"error: {folder / 'dot_array.py'}:{line}: the plug-in machine {folder.name} does not come to its end: nothing "
        "can move at core cycle "
    ), done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("math.floor(work)", r"NameError: name 'math' is not defined"),
        ("r.holds = 'yes'", r"Cannot cast Literal\[str\]\(yes\) to int64"),
        ("return 'done'", r"No conversion from Literal\[str\]\(done\) to int64"),
        ("command.pop()", r"Unknown attribute 'pop' of type Channel\(a record, .*\)"),
    ],
)
def test_what_numba_says_of_a_tick(loaded, text, reason):
    folder = loaded({"dot_array.py": ("            r.tiles += 1\n", f"            r.tiles += 1\n            {text}\n")})
    with pytest.raises(
        InputError, match=rf"^{folder}/dot_array.py:\d+: the tick of DotArray cannot be compiled: {reason}"
    ) as said:
        check_contract(load_arch(folder.name, schema), cases=1)
    assert len(str(said.value).removeprefix(str(folder))) < 400
