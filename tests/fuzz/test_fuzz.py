"""No file and no argument makes a command end in anything but success or one clear sentence; and what else there is
would be noticed."""

import json
import signal

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.trial import draw_workload
from accelsim.config import load_arch
from tests.fuzz import sandbox, seeds
from tests.fuzz.binary import with_header
from tests.fuzz.kinds import KINDS, shares, trials
from tests.fuzz.machines import faults as faults_of
from tests.fuzz.sandbox import GOOD, Case, Sandbox, judge, kept, listing
from tests.fuzz.trees import emitted, tree
from tests.fuzz.words import RUN

CASES = 200  # of all kinds; half a minute on a machine that has nothing else to do
LONG = 3000


@pytest.fixture(scope="module")
def box():
    with Sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def box_with_torch():
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    with Sandbox(with_torch=True) as made:
        yield made


def faults(box: Sandbox, kind: str, number: int, folder) -> list[str]:
    """Run cases; those that fail are kept, and said with the folder for `python -m tests.fuzz --replay FOLDER`."""
    found, names = [], set()
    for n, (case, outcome) in enumerate(trials(box, kind, number)):
        names.add(outcome.name)
        if outcome.name not in GOOD:
            case.keep(folder / f"{kind}-{n}", outcome)
            found.append(f"{folder / f'{kind}-{n}'}: {outcome}")
    assert "clear" in names or "ok" in names
    return found


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "export"])
def test_every_case_ends_in_success_or_one_clear_sentence(box, tmp_path, kind):
    assert faults(box, kind, shares(KINDS, CASES)[kind], tmp_path) == []


def test_every_checkpoint_is_taken_or_refused_clearly(box_with_torch, tmp_path):
    assert faults(box_with_torch, "export", shares(KINDS, CASES)["export"], tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "export"])
def test_many_cases_of_every_kind(box, tmp_path, kind):
    assert faults(box, kind, shares(KINDS, LONG)[kind], tmp_path) == []


def test_seeds_are_valid(box):
    """What is damaged is whole before; otherwise the first error would hide all others."""
    work = seeds.workload()
    for files, command in (
        ({}, ("validate", "vitcod", "w.yaml")),
        ({"m.yaml": seeds.configurations()[2].encode()}, ("run", "m.yaml", "w.yaml", *RUN)),
        ({"t.yaml": seeds.TABLE.encode()}, ("run", "vitcod", "w.yaml", *RUN, "--set", "energy.table=t.yaml")),
        ({"t.kind": seeds.TRACES["t.kind"].encode()}, ("dram", "t.kind")),
        (seeds.plugin(), ("--plugin", "my_machine", "run", "my_machine", "w.yaml", *RUN)),
        ({"r.db": seeds.store()}, ("results", "r.db")),
        ({"t.csv": seeds.SPARSE.encode()}, ("import-topology", "t.csv", "-o", "out.yaml")),
    ):
        for text in [t for n, t in files.items() if n.endswith(".yaml") and b"/" not in n.encode()]:
            assert emitted(tree(text.decode())) == emitted(tree(emitted(tree(text.decode()))))
        outcome = box.run(Case("x", command, work | files, ("out.yaml", "out", "r.db", "r.db-wal", "r.db-shm")))
        assert outcome.name == "ok", (command, str(outcome), outcome.stderr)
    for text in seeds.SWEEPS:
        outcome = box.run(
            Case("sweep", ("sweep", "s.yaml", "--store", "out", "-j", "0"), {**work, "s.yaml": text.encode()})
        )
        assert outcome.name == "ok", (text, str(outcome), outcome.stderr, outcome.stdout)


def test_the_same_numbers_give_the_same_cases(box):
    one, other = ([case for case, _ in trials(box, "topology", 5, 3)] for _ in range(2))
    assert one == other and len(set(map(repr, one))) > 1


def test_memory_has_a_limit(box):
    case = Case("x", ("--plugin", "bad", "list"), {"bad/machine.py": b"x = bytearray(1 << 31)\n"})
    outcome = box.run(case)
    assert outcome.status == 2 and "MemoryError" in outcome.stderr


@pytest.mark.slow
def test_time_has_a_limit(box):
    case = Case("x", ("--plugin", "bad", "list"), {"bad/machine.py": b"while True: pass\n"})
    assert box.run(case).name == "hang"


def verdict(case: Case, folder, status=0, stdout="", stderr="", touched=(), cpu=1.0, made=()) -> str:
    case.write(folder)
    before = listing(folder)
    for name, text in made:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return judge(case, {"status": status, "touched": list(touched), "cpu": cpu}, stdout, stderr, before, folder)[0]


SENTENCE = "error: w.yaml:3: batch is 0 but must be a whole number of at least 1.\n"


@pytest.mark.parametrize(
    ("expected", "happened"),
    [
        ("ok", {}),
        ("clear", {"status": 2, "stderr": SENTENCE}),
        ("clear", {"status": 2, "stderr": "Usage: accelsim run [OPTIONS]\nMissing argument\n"}),
        ("unclear", {"status": 2, "stderr": ""}),
        ("unclear", {"status": 2, "stderr": "something is wrong\n"}),
        ("unclear", {"status": 2, "stderr": SENTENCE.replace("w.yaml", "a file")}),
        ("unclear", {"status": 2, "stderr": SENTENCE + "\x1b[31m"}),
        ("unclear", {"status": 2, "stderr": SENTENCE.strip() + "x" * 3000}),
        ("unclear", {"status": 2, "stderr": SENTENCE * 50}),
        ("left behind", {"status": 2, "stderr": SENTENCE, "made": [("out", "half")]}),
        ("memory", {"status": 2, "stderr": "error: there is not enough memory for this\n"}),
        ("internal error", {"status": 1, "stderr": "internal error: KeyError: 'a'\n"}),
        ("internal error", {"status": 1, "stdout": "1 point failed: internal error: KeyError: 'a'\n"}),
        ("traceback", {"status": 1, "stderr": 'Traceback (most recent call last):\n  File "x.py"\nKeyError: 1\n'}),
        ("status", {"status": 1, "stderr": ""}),
        ("noise", {"stderr": "RuntimeWarning: overflow encountered\n"}),
        ("elsewhere", {"made": [("other.txt", "x")]}),
        ("elsewhere", {"made": [("w.yaml", "changed")]}),
        ("elsewhere", {"touched": ["open '/etc/passwd'"]}),
        ("killed", {"status": -signal.SIGSEGV}),
        ("hang", {"status": -signal.SIGXCPU, "cpu": 20.0}),
        ("hang", {"status": -signal.SIGKILL}),
    ],
)
def test_outcomes_are_told_apart(tmp_path, expected, happened):
    assert verdict(Case("x", (), {"w.yaml": b"x"}, about=("w.yaml",)), tmp_path, **happened) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, "ok"), ({"mac_utilization": 1.1}, "absurd"), ({"energy_pj": -1}, "absurd"), ({"total_cycles": 0}, "absurd"),
     ({"engine_utilization": {"denser": 2}}, "absurd"), ({"power_w": float("inf")}, "absurd")],
)  # fmt: skip
def test_absurd_figures_are_noticed(tmp_path, change, expected):
    figures = {
        "mac_utilization": 0.5,
        "bandwidth_utilization": None,
        "q_forward_hit_rate": 0.1,
        "engine_utilization": {},
    }
    figures |= {"macs": 5, "total_cycles": 5, "energy_pj": 1.0, "power_w": 1.0} | change
    assert verdict(Case("run", ()), tmp_path, made=[("out/result.json", json.dumps(figures))]) == expected


def test_a_real_fault_is_found_kept_and_replayed(box, tmp_path):
    """A plug-in whose import writes where it should not."""
    case = Case("x", ("--plugin", "bad", "list"), {"bad/machine.py": b"open('/var/tmp/accelsim-fuzz', 'w').close()\n"})
    outcome = box.run(case)
    assert outcome.name == "elsewhere" and "/var/tmp/accelsim-fuzz" in outcome.why
    case.keep(tmp_path / "it", outcome)
    assert kept(tmp_path / "it") == case


def test_headers_that_lie_are_headers():
    assert with_header("{}", b"x")[:6] == b"\x93NUMPY"
    assert sandbox.USAGE.match("Usage: accelsim run")


def test_a_machine_that_breaks_its_promises_is_noticed(monkeypatch):
    """One that does more than its peak."""
    arch, work = load_arch("systolic", schema, ["dram.model=pipe"]), draw_workload(3, largest=8)
    assert faults_of(arch, work) == []
    monkeypatch.setattr(machine("systolic"), "peak_macs", lambda arch: 1, raising=False)
    with pytest.raises(ValueError, match="more than 1"):
        faults_of(arch, work)
