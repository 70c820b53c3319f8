"""Which Verilator is used, and that only what this user built whole is loaded. Works without any Verilator."""

import sys
from pathlib import Path

import pytest

from accelsim.core.errors import InputError
from accelsim.rtl import verilator as tool
from accelsim.rtl import vsim


@pytest.fixture
def tools() -> None:
    """Nothing is needed here: what is on the path is made by the tests."""


@pytest.fixture
def on_the_path(tmp_path, monkeypatch):
    """Puts a program called verilator on the path, without the extra, that says something and fails with a root."""
    monkeypatch.setitem(sys.modules, "verilator", None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)

    def make(said: str) -> str:
        program = tmp_path / "verilator"
        program.write_text(f'#!/bin/sh\n[ -z "$VERILATOR_ROOT" ] || exit 3\necho "{said}"\n')
        program.chmod(0o755)
        return str(program)

    return make


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", "is 5.006"),
        ("Verilator 4.228 2022-10-01 rev UNKNOWN.REV", "is 4.228"),
        ("Verilator 5.035 2025-01-01", "is 5.035"),
        ("Can't locate Pod/Usage.pm in @INC", "does not say its version"),
    ],
)
def test_a_verilator_too_old_is_refused_in_a_sentence_that_names_the_extra(on_the_path, said, what):
    program = on_the_path(said)
    sentence = f"co-simulation needs Verilator 5.036 or newer, and {program} {what}: install accelsim[rtl]"
    assert tool.missing() == sentence
    with pytest.raises(InputError) as error:
        tool.verilator("--lint-only")
    assert str(error.value) == sentence
    with pytest.raises(InputError) as error:
        vsim.build([], "top")
    assert str(error.value) == sentence


@pytest.mark.parametrize("said", ["Verilator 5.036 2025-04-27", "Verilator 5.048 2026-01-01", "Verilator 6.002"])
def test_one_that_is_new_enough_is_used_without_a_root(on_the_path, said):
    """A distribution's program knows its root, and does not work when it is told it."""
    program = on_the_path(said)
    assert tool.no_verilator() is None and tool.find_verilator() == (program, None)
    assert tool.verilator("--cc").startswith("Verilator")
    assert tool.headers(program, None) == Path("/usr/share/verilator/include")


def test_only_what_was_vouched_for_is_whole(tmp_path):
    library = tmp_path / "bench.so"
    library.write_bytes(b"\x7fELF" * 100)
    library.chmod(0o600)
    assert not vsim.whole(library)
    vsim.vouch(library)
    assert vsim.whole(library)
    library.chmod(0o666)
    assert not vsim.whole(library)
    library.chmod(0o600)
    for damaged in (b"", b"\x7fELF" * 99, b"\x7fELF" * 99 + b"\x7fELf"):
        library.write_bytes(damaged)
        assert not vsim.whole(library)
    library.unlink()
    assert not vsim.whole(library)


def test_a_damaged_bench_is_built_anew(tmp_path, monkeypatch):
    """The library, the list of its ports, and an object of the runtime that all benches share."""
    if why := tool.missing():
        pytest.skip(why)
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    source = tmp_path / "inverter.sv"
    source.write_text("module inverter(input logic a, output logic b);\n  assign b = !a;\nendmodule\n")

    def output() -> int:
        bench = vsim.Bench(vsim.build([source], "inverter"))
        bench.ports["a"][0] = 0
        bench.eval()
        found = int(bench.ports["b"][0])
        bench.close()
        return found

    assert output() == 1
    names = ("*/bench.so", "*/ports.txt", "runtime-*/verilated_threads.o")
    damaged = [file for name in names for file in tmp_path.glob(f"rtl/{name}")]
    assert len(damaged) == 3
    for file in damaged:
        data = file.read_bytes()
        file.unlink()  # what is loaded stays as it is
        file.write_bytes(data[: len(data) // 2])
        file.chmod(0o600)
    assert output() == 1 and all(vsim.whole(file) for file in damaged)
