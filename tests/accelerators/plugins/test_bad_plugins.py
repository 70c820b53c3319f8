"""What is wrong with a machine from outside is said in one sentence, on one line."""

import json
import re
import shutil

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.contract import check_contract
from accelsim.accelerators.plugins import CONTRACT, name_plugin, plugins
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from tests.accelerators.plugins.conftest import accelsim, edit

UNUSABLE = {
    "syntax": (
        "machine.py",
        "SCHEMA = Mach",
        "SCHEMA = = Mach",
        r"machine.py:\d+: the plug-in cannot be read: invalid syntax",
    ),
    "missing import": (
        "machine.py",
        "from accelsim.components.dma import Dma",
        "from accelsim.components.dma import Dna",
        r"it cannot be imported: ImportError: cannot import name 'Dna' .*machine.py:\d+\)",
    ),
    "unknown module": (
        "dot_array.py",
        "from accelsim.isa.tables",
        "import no_such_library\nfrom accelsim.isa.tables",
        r"it cannot be imported: ModuleNotFoundError: No module named 'no_such_library' \(.*dot_array.py:\d+\)",
    ),
    "exception": (
        "machine.py",
        "class My",
        "SCHEMA.clocks['core'] // 2\n\n\nclass My",
        r"it cannot be imported: TypeError: unsupported operand .*\(.*machine.py:\d+\)",
    ),
    "clock": (
        "machine.py",
        '"core", VectorUnit',
        '"cor", VectorUnit',
        r"TypeError: \w+.vector: there is no clock 'cor'",
    ),
    "contract": (
        "machine.py",
        "    schema = SCHEMA",
        "    contract = 7\n    schema = SCHEMA",
        rf"it is made for contract 7 between machines and accelsim, but accelsim \S+ has contract {CONTRACT}; see the",
    ),
    "no machine": (
        "machine.py",
        "MACHINE = ",
        "MACHIN = ",
        r"MACHINE must be an object of a class derived from .*, not NoneType",
    ),
    "a class": (
        "machine.py",
        "MACHINE = MyMachine()",
        "MACHINE = MyMachine",
        r"MACHINE must be an object .*, not type",
    ),
    "name": (
        "machine.py",
        'name="NAME"',
        'name="other"',
        r"its schema is called 'other', but its folder or entry point 'made\d+'",
    ),
    "twice": (
        "machine.py",
        '"vector": Part',
        '"dot": Part',
        r"machine.py:\d+: 'dot' stands twice in one mapping; names must d",
    ),
}


def named(text: str, folder) -> str:
    """A text of the template as it stands in a made machine."""
    camel = folder.name.capitalize() + "Machine"
    return (
        text.replace("NAME", folder.name)
        .replace("class My", f"class {folder.name.capitalize()}")
        .replace("MyMachine", camel)
    )


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_plug_in_that_cannot_be_used(new, fault):
    file, old, text, sentence = UNUSABLE[fault]
    folder = new()
    edit(folder / file, named(old, folder), named(text, folder))
    with pytest.raises(InputError) as said:
        name_plugin(folder)
    assert re.search(sentence, str(said.value)), said.value
    assert str(folder) in str(said.value)
    assert "\n" not in str(said.value)


ISSUE = "p.issue(have.array, **size, passes=work.passes, frees=frees, wait=loaded)"
WRONG = {
    "unit": (
        "compiler.py",
        ISSUE,
        ISSUE.replace("have.array", "'dots'"),
        r"the program names the unit 'dots', but the machine has dot, vector, operand_gb \(did you mean 'dot'\?\)",
    ),
    "operand": (
        "compiler.py",
        ISSUE,
        ISSUE.replace("frees=frees", "free=frees"),
        r"an instruction for dot has rows, .* but its command has rows, .*: 'free' is not among them",
    ),
    "missing operand": ("compiler.py", ISSUE, ISSUE.replace(" frees=frees,", ""), r": 'frees' is missing"),
    "counter": (
        "compiler.py",
        "wait=p.all_of(have.store)",
        "wait=p.all_of('result')",
        r"the program names the counter 'result', but the machine has .* \(did you mean 'result_gb'\?\)",
    ),
    "no counter": (
        "compiler.py",
        "wait=p.all_of(have.store)",
        "wait=p.all_of(have.array)",
        r"the program waits for the unit 'dot', which has no counter: no port `done`",
    ),
    "table": (
        "compiler.py",
        ISSUE,
        f"p.enter('tiles', rows=rows)\n            {ISSUE}",
        r"the program names the table 'tiles', but the machine has none",
    ),
    "buffer": (
        "compiler.py",
        "p.load(have.act, work.left",
        "p.load(have.store, work.left",
        r"the program names the load buffer 'result_gb', but the machine has operand_gb",
    ),
    "two links": (
        "machine.py",
        'Link("dot.release",',
        'Link("dot.outputs",',
        r"dot.outputs -> operand_gb.release: the payloads differ",
    ),
    "one port twice": (
        "machine.py",
        '"result_gb.results.vector"),',
        '"result_gb.results.vector"),\n        Link("dot.outputs", "vector.outputs"),',
        r"dot.outputs -> vector.outputs: dot.outputs is already connected; share a port through an arbiter",
    ),
    "no link": (
        "machine.py",
        '        Link("dot.outputs", "vector.outputs"),\n',
        "",
        r"dot.outputs is not connected; its wiring has no link",
    ),
    "no part": (
        "machine.py",
        'Link("dot.release"',
        'Link("dott.release"',
        r"dott.release -> .* names no part of it \(did you mean 'dot'\?\)",
    ),
    "no port": (
        "machine.py",
        'Link("dot.release"',
        'Link("dot.releases"',
        r"dot.releases -> .*: a channel runs from an Out to an In",
    ),
    "no stream": (
        "machine.py",
        'streams=("result_gb", ',
        'streams=("results", ',
        r"the stream 'results' is no part of it",
    ),
    "undeclared": (
        "dot_array.py",
        "def tick(now, r, command,",
        "def tick(now, r, comand, command,",
        r"the tick of dot asks for 'comand', which its class does not declare \(did you mean 'command'\?\)",
    ),
    "no price": (
        "prices.yaml",
        ", tiles: tile_start}",
        "}",
        r"^made\d+/prices.yaml:11: DotArray.tiles \(dot\) has no price; add it under components.DotArr",
    ),
    "no entry": (
        "prices.yaml",
        "  DotArray:",
        "  DotArrays:",
        r"^energy table generic_28nm with made\d+/prices.yaml: components.DotArray: the table has no entry for dot",
    ),
    "no source": ("prices.yaml", "source:", "sauce:", r"^made\d+/prices.yaml:7: logic.tile_start.sauce: no such entry"),
    "no number": (
        "prices.yaml",
        "low: 1.0",
        "low: one",
        r"^made\d+/prices.yaml:6: logic.tile_start.pj.low: expected a",
    ),
    "no section": (
        "prices.yaml",
        "vdd:",
        "vddd:",
        r"^made\d+/prices.yaml:3: vddd: no such section \(did you mean 'vdd'",
    ),
    "no action": (
        "prices.yaml",
        "tiles: tile_start}",
        "tiles: tile_starts}",
        r"^made\d+/prices.yaml:11: components.DotArray.counters.tiles: there is no action 'tile_starts' \(did",
    ),
    "no amount": (
        "prices.yaml",
        "mac_dot: multipliers,",
        "mac_dot: multipliers / 0,",
        r"^made\d+/prices.yaml:12: components.DotArray.area.mac_dot: 'multipliers / 0' cannot be evaluated",
    ),
    "no price list": (
        "machine.py",
        '"prices.yaml"',
        '"price.yaml"',
        r"price.yaml: there is no such file; a machine that names",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_machine_whose_parts_do_not_fit(loaded, fault):
    file, old, text, sentence = WRONG[fault]
    folder = loaded({file: (old, text)})
    with pytest.raises(InputError) as said:
        check_contract(load_arch(folder.name, schema), cases=1)
    assert re.search(sentence, str(said.value)), said.value
    assert "\n" not in str(said.value)


def test_a_part_that_is_called_as_a_table_of_the_sequencer(loaded):
    folder = loaded()
    for file in ("machine.py", "NAME.yaml", "prices.yaml"):
        path = folder / file.replace("NAME", folder.name)
        path.write_text(path.read_text().replace("operand_gb", "operands"))
    done = accelsim(folder.parent, "--plugin", folder, "check-machine", folder.name, status=2)
    assert done.stderr.startswith(
        "error: two tables of the program would be called 'operands': the sequencer has program,"
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere", "--plugin nowhere: expected a folder with a machine.py, or a .py file, and there is none"),
        ("empty", "--plugin empty: the folder holds no machine.py, so it is no plug-in"),
        ("text.txt", "--plugin text.txt: expected a folder with a machine.py, or a .py file, and there is none"),
        ("a-b.py", "plug-in .*/a-b.py: 'a-b' is the machine's name, which must be a Python identifier; rename it"),
        ("json.py", "plug-in .*/json.py: a module 'json' lies in .*json/__init__.py already; rename it"),
    ],
)
def test_a_path_that_is_no_plug_in(outside, path, sentence):
    (outside / "empty").mkdir()
    for file in ("text.txt", "a-b.py", "json.py"):
        (outside / file).touch()
    with pytest.raises(InputError, match=f"^{sentence}$"):
        name_plugin(path)


def test_two_plug_ins_of_one_name(new, outside):
    folder = new()
    (outside / "deeper").mkdir()
    shutil.copytree(folder, outside / "deeper" / folder.name)
    done = accelsim(outside, "--plugin", folder.name, "--plugin", f"deeper/{folder.name}", "list", status=2)
    assert re.fullmatch(
        rf"error: .*deeper/{folder.name}: a module '{folder.name}' lies in .* already; rename it\n", done.stderr
    )


def test_a_machine_without_a_compiler(loaded):
    folder = loaded({"machine.py": ("    def compile(", "    def compiles(")})
    with pytest.raises(InputError, match=rf"{folder}/machine.py: the machine {folder.name} has no compiler: its cla"):
        check_contract(load_arch(folder.name, schema), cases=1)


def test_a_configuration_alone_makes_no_code_run(new, outside):
    folder = new()
    marker = outside / "ran"
    (folder / "machine.py").write_text(f"open({json.dumps(str(marker))}, 'w')\n" + (folder / "machine.py").read_text())
    done = accelsim(outside, "describe", folder / f"{folder.name}.yaml", status=2)
    assert re.search(
        rf"{folder.name}.yaml:2: machine: machine '{folder.name}' is not known: expected .*vitcod", done.stderr
    )
    assert not marker.exists()
    with pytest.raises(InputError, match="is not known"):
        machine(folder.name)
    assert folder.name not in plugins()
