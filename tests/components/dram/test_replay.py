"""Replay: jumping, flushing, ordering, latencies in closed form, and the files written."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim.components.dram.constraints import RD, WR
from accelsim.components.dram.handle import handle
from accelsim.components.dram.loop import compiled
from accelsim.components.dram.mapping import address_map
from accelsim.components.dram.replay import CONTROLLERS, replay, replay_file, write_completions
from accelsim.components.dram.standard import load_standard
from accelsim.components.dram.state import build
from accelsim.components.dram.traces import Trace, read_trace
from accelsim.core.errors import InputError
from tests.components.dram.test_checker import traffic

REFERENCE = load_standard("ddr4_2400_reference")
ROW = 1 << 17  # under m1 on one channel: the next row of the same bank


def trace(*requests) -> Trace:
    arrival, address, kind = zip(*requests)
    return Trace(np.array(arrival, np.int64), np.array(address, np.int64), np.array([k == "W" for k in kind]))


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_latencies_of_a_quiet_memory(controller):
    """A closed bank costs one clock, tRCD, CL and the burst; a hit no tRCD; a conflict a tRP more."""
    found = replay(trace((0, 0, "R"), (1000, 64, "R"), (2000, ROW, "R"), (3000, ROW, "W")), controller=controller)
    assert (found.done - found.accept)[:3].tolist() == [1 + 17 + 21, 1 + 21, 1 + 17 + 17 + 21]
    assert (found.statistics["row_hits"], found.statistics["row_misses"], found.statistics["row_conflicts"]) == (
        2,
        1,
        1,
    )
    assert found.statistics["unfinished"] == 0


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_closed_page_never_hits_and_never_conflicts(controller):
    found = replay(trace((0, 0, "R"), (1000, 64, "R"), (2000, ROW, "R")), controller=controller, closed_page=True)
    assert (found.done - found.accept).tolist() == [39, 39, 39]
    assert found.statistics["RDA"] == 3 and found.statistics["PRE"] == found.statistics["PREA"] == 0
    assert found.statistics["row_misses"] == 3 and found.statistics["row_hits"] == 0


@pytest.mark.parametrize("mapping", ["m1", "m2"])
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_a_stream_keeps_the_gap_of_its_bank_groups(controller, mapping):
    """m1 streams within one bank, tCCD_L apart; m2 alternates groups, tCCD_S apart: the bus is full."""
    found = replay(trace(*((0, 64 * i, "R") for i in range(40))), controller=controller, mapping=mapping, commands=True)
    reads = found.commands["cycle"][found.commands["command"] == RD]
    assert np.median(np.diff(reads)) == {"m1": 6, "m2": 4}[mapping]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    controller=st.sampled_from(CONTROLLERS),
    channels=st.sampled_from([1, 2, 16]),
    ranks=st.sampled_from([1, 2]),
    closed_page=st.booleans(),
    flush=st.booleans(),
)
@example(seed=34, controller="dramsim3", channels=1, ranks=1, closed_page=False, flush=True)  # flushed at once
def test_jumping_is_the_same_as_stepping_every_clock(seed, controller, channels, ranks, closed_page, flush):
    standard = load_standard("hbm2").with_ranks(ranks)
    requests = traffic(seed, standard, channels, 120)
    options = {"closed_page": closed_page, "flush": flush, "commands": True}
    jumped = replay(requests, standard, controller, channels, **options)
    stepped = replay(requests, standard, controller, channels, every_clock=True, **options)
    for a, b in zip(jumped, stepped):
        np.testing.assert_equal(a, b)


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_a_memory_called_late_has_refreshed_on_time(controller):
    """Starting the clock at a million is the same as having waited that long: what was due is done first."""
    start = 1_000_000
    requests = trace((start, 0, "R"), (start, ROW, "W"), (start + 5, 64, "R"))
    waited = replay(requests, controller=controller, commands=True)
    s = build(REFERENCE, address_map("m1", REFERENCE, 1), controller, log=4096)
    accept, done = np.full(3, -1, np.int64), np.full(3, -1, np.int64)
    line, is_write = requests.address >> 6, requests.is_write.astype(np.int64)
    compiled(controller)(handle(s), start, requests.arrival, line, is_write, accept, done, True)
    np.testing.assert_array_equal(done, waited.done)
    np.testing.assert_array_equal(s.log[: s.chip[0].logged], waited.commands)
    assert waited.statistics["REF"] == start // 9360


def test_a_write_waits_for_an_older_read_of_its_line_and_never_for_ever():
    """DRAMsim3 itself livelocks here: its write buffer fills behind a write whose line is still to be read."""
    reads = [(0, ROW * i, "R") for i in range(60)]  # one bank: its queue and the read queue fill
    writes = [(0, ROW * 59, "W"), *((0, ROW * i + 64, "W") for i in range(40))]
    found = replay(trace(*reads, *writes), controller="dramsim3", commands=True)
    assert found.statistics["unfinished"] == 0
    read_at = found.done[59] - REFERENCE.read_cycles
    write_at = found.done[60] - REFERENCE.write_cycles
    assert write_at > read_at
    column = np.isin(found.commands["command"], (RD, WR)) & (found.commands["row"] == 59)
    assert found.commands["command"][column].tolist()[:2] == [RD, WR]


def test_a_drain_that_a_read_stops_leaves_the_order_of_reads_alone():
    """Only the state DRAMsim3 never leaves is treated differently: here draining stops, and reads go on in turn."""
    reads = [(0, ROW * i, "R") for i in range(21)]  # one bank, so most of them wait in the read queue
    others = [(0, 8192 * (1 + i % 15) + 64 * (i // 15), "W") for i in range(31)]
    found = replay(trace(*reads, *others[:10], (0, ROW * 20, "W"), *others[10:]), controller="dramsim3")
    assert (np.diff(found.done[:21]) > 0).all()
    assert found.done[31] > found.done[20]


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("mapping", ["m1", "m2"])
def test_the_trace_that_livelocks_dramsim3_ends(reference, channels, mapping):
    requests = read_trace(reference / "dram" / "open" / "traces" / "depend_3000.csv.gz")
    found = replay(requests, "ddr4_2400_reference", "dramsim3", channels, mapping)
    assert (found.done > found.accept).all()


def test_flushing_drains_what_dramsim3_would_keep():
    requests = trace(*((0, ROW * i, "W") for i in range(5)))
    kept = replay(requests, flush=False)
    assert kept.done.tolist() == [-1] * 5 and kept.statistics["unfinished"] == 5
    drained = replay(requests)
    assert (drained.done > 0).all() and drained.statistics["WR"] == 5


def test_reads_are_forwarded_from_writes_and_merged_into_reads():
    requests = trace((0, 0, "W"), (0, 0, "R"), (0, 64, "R"), (0, 64, "R"), (0, 0, "W"))
    found = replay(requests, controller="dramsim3")
    assert found.done[1] == found.accept[1] + 1 and found.done[2] == found.done[3]
    assert (found.statistics["forwarded"], found.statistics["merged"]) == (1, 2)
    assert found.statistics["RD"] == 1 and found.statistics["WR"] == 1


def test_thousands_of_merged_reads_find_room():
    """More requests in flight than slots at first: the replay starts again with more."""
    count = 9000
    requests = trace(*((0, 0, "R") for _ in range(count)))
    found = replay(requests, "hbm2", "dramsim3", 16, "bank|bankgroup|rank|channel|row|column")
    assert (found.done >= 0).all() and found.accept.tolist() == [i // 16 for i in range(count)]


def test_statistics_add_up():
    requests = traffic(1, REFERENCE, 4, 400)
    found = replay(requests, "ddr4_2400_reference", "frfcfs", 4, io=True).statistics
    assert sum(found["bytes_per_channel"]) == 400 * 64
    assert found["bandwidth_gb_per_s"] == pytest.approx(400 * 64 / (found["cycles"] * 0.833))
    assert found["peak_gb_per_s"] == pytest.approx(76.8, rel=1e-3)
    assert found["active_standby_cycles"] + found["precharged_standby_cycles"] == 4 * found["cycles"]
    assert found["row_misses"] + found["row_conflicts"] == found["ACT"]
    assert found["total_energy_pj"] == pytest.approx(sum(found["energy_pj"].values()))
    assert found["energy_pj"]["io_read"] == pytest.approx(found["RD"] * 512 * 4.6)
    assert found["refresh_share"] == pytest.approx(found["REF"] * 420 / (4 * found["cycles"]))
    assert "energy_pj" not in replay(requests, "lpddr4", "frfcfs", 4).statistics


def test_files_are_the_same_bytes_and_whole(tmp_path):
    path = tmp_path / "t.trace"
    path.write_text("".join(f"0x{64 * i:x} {'READ' if i % 3 else 'WRITE'} {i}\n" for i in range(50)))
    sums = set()
    for name in ("a.npz", "b.npz"):
        statistics = replay_file(path, controller="frfcfs", channels=2, completions=tmp_path / name)
        sums.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(sums) == 1 and statistics["requests"] == 50
    arrays = np.load(tmp_path / "a.npz")
    found = replay(read_trace(path), controller="frfcfs", channels=2)
    np.testing.assert_array_equal(arrays["accept"], found.accept)
    np.testing.assert_array_equal(arrays["done"], found.done)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz", "t.trace"]
    with pytest.raises(InputError, match=r"x.txt: the completions are written as .npz"):
        write_completions(tmp_path / "x.txt", found)
    with pytest.raises(InputError, match="cannot be written: there is no folder"):
        write_completions(tmp_path / "nowhere" / "x.npz", found)


def test_wrong_names_and_addresses(tmp_path):
    one = trace((0, 1 << 33, "R"))
    with pytest.raises(InputError) as e:
        replay(one)
    assert str(e.value) == (
        "request 0: address 0x200000000 lies outside the device: 1 channels of ddr4_2400_reference end at 0x200000000."
    )
    assert (replay(one, channels=2).done > 0).all()
    path = tmp_path / "far.csv"
    path.write_text("# far away\ncycle,addr,op\n0,0x40,R\n\n0,0x200000000,R\n")
    with pytest.raises(InputError) as e:
        replay_file(path)
    assert str(e.value) == (
        f"{path}:5: address 0x200000000 lies outside the device: 1 channels of ddr4_2400_reference end at 0x200000000."
    )
    with pytest.raises(InputError, match=r"controller is 'frfcs': expected one of .* \(did you mean 'frfcfs'\?\)"):
        replay(one, controller="frfcs")
    with pytest.raises(InputError, match="standard 'lpddr4' has no currents"):
        from accelsim.components.dram.energy import prices

        prices(load_standard("lpddr4"))
    with pytest.raises(InputError, match="standard 'ddr4_2400' has no power.io_read_pj_per_bit"):
        replay(trace((0, 0, "R")), "ddr4_2400", io=True)


def test_the_example_of_the_documentation_runs():
    text = (Path(__file__).resolve().parents[3] / "docs" / "dram.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "docs/dram.md", "exec"), {})


@pytest.mark.skipif(shutil.which("awk") is None, reason="awk is not installed")
def test_traces_of_dramsys_are_converted_as_the_documentation_says(tmp_path):
    text = (Path(__file__).resolve().parents[3] / "docs" / "dram.md").read_text()
    (command,) = re.findall(r"^    (awk .* > trace.csv)$", text, re.MULTILINE)
    lines = ("# a comment", "31:\tread\t0x40014000", "", "33: write 0x40014040 0xdead", "40: (64) read 0x40018000")
    (tmp_path / "player.stl").write_text("\n".join(lines))
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    found = read_trace(tmp_path / "trace.csv")
    assert found.arrival.tolist() == [186, 198, 240]
    assert found.address.tolist() == [0x40014000, 0x40014040, 0x40018000]
    assert found.is_write.tolist() == [False, True, False]


@settings(max_examples=15, deadline=None)
@given(
    gap=st.integers(20_000, 400_000),
    controller=st.sampled_from(CONTROLLERS),
    channels=st.sampled_from([1, 4]),
    ranks=st.sampled_from([1, 2]),
    closed_page=st.booleans(),
)
def test_refreshes_of_an_idle_memory_taken_at_once_are_the_same(gap, controller, channels, ranks, closed_page):
    """Commands that are recorded are issued one by one; otherwise those of an idle channel are counted at once."""
    requests = trace(*((gap * i + i % 3, ROW * i + 64 * i, "RW"[i % 4 == 1]) for i in range(6)))
    options = {"ranks": ranks, "closed_page": closed_page, "flush": False}
    one_by_one = replay(requests, REFERENCE, controller, channels, commands=True, **options)
    at_once = replay(requests, REFERENCE, controller, channels, **options)
    for a, b in zip(one_by_one[:3], at_once[:3], strict=True):
        np.testing.assert_equal(a, b)


def test_a_year_of_idling_costs_nothing():
    year = 365 * 86_400 * 1_200_000_000
    for controller in CONTROLLERS:
        found = replay(trace((0, 0, "R"), (year, 64, "R")), controller=controller, channels=4)
        assert found.done[1] - year < 1000
        assert found.statistics["REF"] == 4 * (found.statistics["cycles"] // 9360)
