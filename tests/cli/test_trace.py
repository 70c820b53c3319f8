"""`--trace`, and `accelsim trace` of a result folder."""

import json


def test_the_trace_of_a_run_and_of_its_result_are_the_same(call, work, tmp_path):
    done = call("run", "vitcod", work, "-o", tmp_path / "r", "--no-plots", "--trace", tmp_path / "a.json")
    assert done.exit_code == 0 and f"written to {tmp_path / 'a.json'}" in " ".join(done.stdout.split())
    assert call("trace", tmp_path / "r", "-o", tmp_path / "b.json").exit_code == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    events = json.loads((tmp_path / "a.json").read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    found = json.loads((tmp_path / "r" / "result.json").read_text())["components"]
    for part, said in found.items():
        for word in ("busy", "starved", "blocked"):
            mine = (e for e in events if e["ph"] == "X" and (names[e["tid"]], e["name"]) == (part, word))
            assert sum(e["args"]["cycles"] for e in mine) == said[word], (part, word)


def test_a_waveform_says_its_size_first_and_has_the_transfers_of_the_result(call, work, tmp_path):
    done = call("run", "vitcod", work, "-o", tmp_path / "r", "--no-plots", "--vcd", tmp_path / "a.vcd", "--json")
    assert done.exit_code == 0 and "a.vcd: about 0 MB, " in done.stderr
    moved = json.loads(done.stdout)["transfers"]
    assert f" {sum(moved.values()):,} transfers of {len(moved)} channels" in done.stderr
    assert (tmp_path / "a.vcd").read_text().count("$scope module") == 1 + len(moved)
    done = call("run", "vitcod", work, "-o", tmp_path / "s", "--vcd", "a.fst")
    assert done.exit_code == 2 and "a.fst: a waveform is written as a .vcd" in done.stderr


def test_a_wrong_name_is_said_before_the_run(call, work, tmp_path):
    done = call("run", "vitcod", work, "-o", tmp_path / "r", "--trace", "a.fst")
    assert done.exit_code == 2 and "a.fst: a trace is written as one of .pftrace, .json" in done.stderr
    assert not (tmp_path / "r").exists()
