"""What `accelsim new-machine` writes: a machine that is right, small, and of its name; or nothing at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.contract import check_contract, failed
from accelsim.accelerators.new_machine import TEMPLATE, class_name, write_machine
from accelsim.accelerators.plugins import name_plugin
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.workload import Attention, Elementwise, Gemm, Norm, load
from tests.accelerators.plugins.conftest import accelsim, python

FILES = ["README.md", "compiler.py", "dot_array.py", "machine.py", "prices.yaml", "{0}.yaml", "test_{0}.py"]


def test_the_command_writes_a_machine_whose_own_test_passes(tmp_path):
    done = accelsim(tmp_path, "new-machine", "./swift")
    assert sorted(done.stdout.splitlines()) == sorted(
        [*(f"swift/{file.format('swift')}" for file in FILES), "try it: accelsim --plugin swift check-machine swift"]
    )
    assert "4 passed" in python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "swift").stdout
    assert "all rules hold" in accelsim(tmp_path, "--plugin", "./swift", "check-machine", "swift").stdout
    said = [file.read_text() for file in (tmp_path / "swift").iterdir() if file.is_file()]
    assert not any("my_machine" in text or "MyMachine" in text for text in said)
    assert any("class SwiftMachine(Machine)" in text for text in said)


def test_it_is_small_and_clean():
    lines = {file.name: len(file.read_text().splitlines()) for file in TEMPLATE.glob("*.*")}
    assert lines["machine.py"] + lines["compiler.py"] < 210
    assert lines["README.md"] == 10
    pytest.importorskip("ruff")
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", TEMPLATE]
    assert subprocess.run(check, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("name", "expected"), [("my_machine", "MyMachine"), ("gemm", "GemmMachine"), ("a_b", "ABMachine")]
)
def test_the_name_of_its_class(name, expected):
    assert class_name(name) == expected


def test_every_kind_of_layer_of_a_trained_network_is_run_whole(loaded):
    name = loaded().name
    work = load(find("workloads", "fmnist_vit_s90"))
    assert {type(layer) for layer in work.layers} >= {Gemm, Attention, Norm}
    record = run(load_arch(name, schema), work)
    counts = record.result.total.counts
    assert counts["dot"]["mac_ops"] == sum(layer.macs for layer in work.layers)
    reread = counts["operand_gb"]["read_bytes"]
    assert reread == 2 * counts["dot"]["mac_ops"]
    assert counts["operand_gb"]["write_bytes"] == counts["dram"]["read_bytes"]
    assert counts["result_gb"]["write_bytes"] == counts["dram"]["write_bytes"] == written(work)
    assert record.notes["plugin"].startswith(f"{name}, sources sha256 ")


def written(work) -> int:
    """Bytes of all outputs, and of the scores between the two products of attention."""
    total = 0
    for layer in work.layers:
        if isinstance(layer, Gemm):
            total += layer.outputs
        elif isinstance(layer, Attention):
            total += layer.heads * layer.q_tokens * (layer.kv_tokens + layer.v_dim)
        else:
            total += (layer.out_tokens if isinstance(layer, Elementwise) else layer.tokens) * layer.features
    return total * work.batch


@pytest.mark.parametrize(
    "overrides",
    [
        ("operand_gb.capacity_bytes=2200", "result_gb.capacity_bytes=250"),  # a row, or little more
        ("dot.multipliers=1", "vector.lanes=1", "operand_gb.outstanding=1"),
        ("operand_gb.outstanding=2", "dma.outstanding=1", "dram.model=pipe"),
    ],
)
def test_it_keeps_the_contract_at_other_sizes(loaded, overrides):
    rules = check_contract(load_arch(loaded().name, schema, overrides), cases=8, seed=100)
    assert [rule.broken for rule in failed(rules)] == []


def test_what_does_not_fit_is_a_sentence(loaded):
    name = loaded().name
    work = load(find("workloads", "fmnist_vit_s90"))
    for part, said in (
        ("operand_gb", r"a row of 1 outputs needs .* bytes of operand_gb \(20\).*make their capacity_bytes larger$"),
        (
            "result_gb",
            r"a row at a time needs result_gb.capacity_bytes of 64 \(it has 20\); make them at least that large$",
        ),
    ):
        arch = load_arch(name, schema, [f"{part}.capacity_bytes=20"])
        with pytest.raises(InputError, match=rf"layer \S+: {said}"):
            machine(name).build(arch, work)
    with pytest.raises(
        InputError, match=r"dot.multipliers = 129 read 258 bytes a cycle, but the ports of operand_gb 256"
    ):
        load_arch(name, schema, ["dot.multipliers=129"])


REFUSED = {
    "a-b": "the folder's name is the machine's, and 'a-b' is no Python identifier; use letters, digits and underscores",
    "class": "the folder's name is the machine's, and 'class' is no Python identifier; use letters, digits and",
    "vitcod": "the folder's name is the machine's, and a machine 'vitcod' is there already; choose another name",
    "json": "the folder's name is the machine's, and a module 'json' can be imported from .*json.* already; choose",
    "sys": "the folder's name is the machine's, and a module 'sys' can be imported from Python itself already; choose",
    "prices": "the folder's name is the machine's, and 'prices' is the name of a file in it; choose another name",
    "none/there": "the folder .*none does not exist",
    "full": "there is something already; name a folder that does not exist or is empty",
    "file": "there is something already; name a folder that does not exist or is empty",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_cannot_be_one_is_a_sentence_and_nothing_is_written(outside, name):
    (outside / "full").mkdir()
    (outside / "full" / "x").touch()
    (outside / "file").touch()
    before = sorted(outside.rglob("*"))
    with pytest.raises(InputError, match=rf"^{name}: {REFUSED[name]}"):
        write_machine(name)
    assert sorted(outside.rglob("*")) == before


def test_an_empty_folder_is_filled(outside):
    (outside / "empty").mkdir()
    assert len(write_machine("empty")) == len(FILES)


def test_nothing_is_half_written(outside, monkeypatch):
    written, write = [], Path.write_text

    def full(self, *arguments, **options):
        written.append(self)
        if len(written) == 4:
            raise OSError(28, "No space left on device", str(self))
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_machine("half")
    assert list(outside.iterdir()) == []


def test_the_template_is_itself_a_machine_that_is_not_listed(outside):
    assert name_plugin(TEMPLATE).name == "my_machine"
    from accelsim.accelerators import shipped

    assert not {"my_machine", "_template"} & set(shipped())
