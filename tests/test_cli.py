"""The command line: what it prints, where, and with which exit status."""

import os
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
from typer.testing import CliRunner

import accelsim
from accelsim import cli
from accelsim.config import shipped
from accelsim.workload import load
from tests.config.machine import schemas


def call(*arguments: object):
    """A command in this process: `.exit_code`, `.stdout`, `.stderr`."""
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """A command in a process of its own, after a line of Python."""
    script = f"import sys; sys.argv[0] = 'accelsim'; from accelsim import cli\n{code}\ncli.main()"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=60)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A configuration of the test machine, which stands for all machines."""
    monkeypatch.setitem(sys.modules, "accelsim.accelerators", types.SimpleNamespace(schema=schemas))
    bare = types.SimpleNamespace(channels=lambda arch: [], diagram=list, wiring=list)
    monkeypatch.setitem(sys.modules, "accelsim.accelerators.description", bare)
    path = tmp_path / "mine.yaml"
    path.write_text("machine: toy\nparts: {engine: {lines: 16}}\n")
    return path


def test_help_needs_none_of_the_heavy_packages():
    heavy = "{'numpy', 'numba', 'matplotlib', 'yaml', 'torch'} & set(sys.modules)"
    done = run(f"import atexit; atexit.register(lambda: sys.stderr.write(repr({heavy})))", "--help")
    assert (done.returncode, done.stderr) == (0, "set()")
    assert "describe" in done.stdout


def test_version():
    assert call("--version").stdout == f"accelsim {accelsim.__version__}\n"


def test_list_names_what_is_shipped():
    lines = call("list").stdout.splitlines()
    assert lines[0] == "Machines (accelsim describe NAME)"
    assert {f"  {name}" for kind in shipped.KINDS for name in shipped.listing(kind)} <= set(lines)


def test_describe_prints_every_declaration_and_marks_what_was_changed(toy):
    done = call("describe", toy, "--set", "heads=serial", "--set", "dram.model=banked")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "mine: A machine to test with."
    assert "core 500 MHz 500 MHz frequency the clock of engine, buffer" in lines
    assert "heads serial * parallel choice how heads share the lines: parallel, serial" in lines
    assert "lines 16 * 32 count MAC lines" in lines
    assert "macs 8 8 count MACs of one line" in lines
    assert "capacity_bytes 54272 (53 KiB) 53 KiB bytes what it holds" in lines
    assert "Engine, clock core: Multiplies, one line a column." in lines
    assert "Banked, clock dram, model banked (of pipe, banked): A memory of banks." in lines
    assert "in work number what to do" in lines
    assert "mac_ops count multiplications and additions" in lines


def test_every_mistake_is_a_line_on_stderr(toy):
    done = call("describe", toy, "--set", "engine.line=3", "--set", "heads=sereal")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: --set heads=sereal: options.heads: expected one of parallel, serial, not 'sereal' "
        "(how heads share the lines) (did you mean 'serial'?)",
        "--set engine.line=3: engine.line: no such parameter (did you mean 'lines'?)",
    ]


@pytest.mark.parametrize("columns", [30, 60, 250])
def test_tables_fit_the_terminal_and_lose_nothing(toy, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = call("describe", toy).stdout
    assert max(map(len, text.splitlines())) <= columns
    assert "\x1b" not in text
    assert "…" not in text


def test_a_pipe_gets_unfolded_plain_text(toy, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    text = call("describe", toy).stdout
    assert "from the last operand to the last result" in text
    assert "\x1b" not in text


def test_synth_writes_a_workload_that_workload_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("synth", "levit_128", "--sparsity", 0.9, "--seed", 3)
    assert done.exit_code == 0
    made = load(tmp_path / "levit_128_s90.yaml")
    assert done.stdout == f"levit_128_s90.yaml: {len(made.layers)} layers, 90.00% of the attention scores pruned\n"
    assert (made.synthetic, made.provenance["seed"]) == (True, 3)
    lines = call("workload", "levit_128_s90.yaml").stdout.splitlines()
    assert lines[0] == "levit_128_s90: levit_128, batch 1, 90.00% of the attention scores pruned"
    masked = sum(made.masked_macs(layer) for layer in made.layers)
    assert lines[1] == f"{made.macs:,} MACs an image, {masked:,} with the masks; hash {made.hash[:16]}"
    assert lines[2] == "The masks are synthetic, not trained ones."
    layers = [line.split() for line in lines[-len(made.layers) :]]
    assert [words[0] for words in layers] == [layer.name for layer in made.layers]
    attention = made.attention_layers[0]
    words = next(words for words in layers if words[0] == attention.name)
    mask = made.masks[attention.name]
    share = f"{mask.denser_nnz.sum() / mask.nnz.sum():.1%}"
    assert words[1] == "attention"
    assert words[-8:] == [
        f"{attention.macs / 1e6:,.1f}",
        f"{made.masked_macs(attention) / 1e6:,.1f}",
        f"{1 - mask.nnz.sum() / mask.keep.size:.1%}",
        share,
        *map(str, mask.global_tokens),
    ]


def test_import_mask(tmp_path):
    pruned = ~np.eye(197, dtype=bool)[None, None].repeat(12, 0).repeat(3, 1)
    pruned[:, :, :, 0] = False
    np.save(tmp_path / "mask.npy", pruned)
    output = tmp_path / "mine.yaml"
    assert call("import-mask", tmp_path / "mask.npy", "--model", "deit_tiny", "-o", output).exit_code == 0
    made = load(output)
    assert made.masks["block0.attention"].global_tokens.tolist() == [1, 1, 1]
    assert made.masks["block0.attention"].nnz.tolist() == [393] * 3
    higher = call("import-mask", tmp_path / "mask.npy", "--model", "deit_tiny", "--threshold", 197, "-o", output)
    assert higher.exit_code == 0
    assert load(output).masks["block0.attention"].global_tokens.tolist() == [0, 0, 0]
    assert (
        call("import-mask", tmp_path / "mask.npy", "--model", "deit_tiny", "--true-is-kept", "-o", output).exit_code
        == 0
    )
    assert load(output).sparsity > 0.005


def test_user_errors_exit_with_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, start in [
        (("workload", "deit_tiny_s59"), "error: 'deit_tiny_s59': there is no such file and no workload of this name; "),
        (("synth", "deit_tiny", "--sparsity", 2), "error: sparsity is 2.0 but must be "),
        (("synth", "dait", "--sparsity", 0.9), "error: 'dait' is no known model; "),
        (
            ("synth", "deit_tiny", "--sparsity", 0.9, "-o", "no/x.yaml"),
            "error: no/x.yaml: the folder no does not exist",
        ),
        (("import-mask", "none.npy", "--model", "deit_tiny"), "error: none.npy: no such mask file"),
    ]:
        done = call(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(start)
        assert done.stderr.count("\n") == 1
    assert call("synth", "deit_tiny").exit_code == 2
    assert call("sinth").exit_code == 2


@pytest.mark.parametrize(
    ("error", "status", "stderr"),
    [
        ("KeyboardInterrupt()", 130, "interrupted\n"),
        (
            "ZeroDivisionError('by nought')",
            1,
            "internal error: ZeroDivisionError: by nought (ACCELSIM_TRACEBACK=1 shows where)\n",
        ),
        ("OSError(28, 'No space left on device', 'x.yaml')", 2, "error: x.yaml: No space left on device\n"),
    ],
)
def test_failures_are_one_line_unless_a_traceback_is_asked_for(error, status, stderr):
    broken = f"def broken(things): raise {error}\ncli.show = broken"
    done = run(broken, "list", ACCELSIM_TRACEBACK="0")
    assert (done.returncode, done.stderr) == (status, stderr)
    traced = run(broken, "list", ACCELSIM_TRACEBACK="1").stderr
    assert ("Traceback" in traced) == (status != 130)


def test_a_path_that_is_too_long_is_cut(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("sweep", "x" * 5000, "--store", "s.db")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: xxx") and done.stderr.endswith("File name too long\n")
    assert len(done.stderr) < 2100


def test_ctrl_c(tmp_path):
    wait = "import time; cli.show = lambda things: (sys.stdout.write('ready\\n'), sys.stdout.flush(), time.sleep(60))"
    script = f"import sys; from accelsim import cli\n{wait}\ncli.main()"
    running = subprocess.Popen(
        [sys.executable, "-c", script, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert (running.returncode, stderr) == (130, "interrupted\n")


@pytest.mark.parametrize(
    "swallowed",
    [
        "    try: os.kill(os.getpid(), signal.SIGINT)\n    except KeyboardInterrupt: raise ImportError('a library')\n",
        "    class Callback:\n        def __del__(self): os.kill(os.getpid(), signal.SIGINT)\n    Callback()\n",
    ],
    ids=["turned into an error of a library", "ignored in a callback"],
)
def test_an_interrupt_is_one_word_whatever_a_library_makes_of_it(swallowed):
    code = f"import os, signal\ndef broken(things):\n{swallowed}    import time; time.sleep(9)\ncli.show = broken"
    done = run(code, "list")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interrupt_while_the_command_line_is_imported_is_one_word():
    code = (
        "import os, signal, sys; sys.argv = ['accelsim']\n"
        "class Finder:\n"
        "    def find_spec(name, *_):\n"
        "        if name == 'accelsim.cli.rtl': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder); import accelsim.cli"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
