"""`run --why`: where the MACs stand still, and what a setting, simulated, does about it."""

import json
import re

import accelsim as acs


def test_the_advice_is_what_a_run_with_it_gives(call, work, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    done = call("run", "vitcod", work, "-o", tmp_path / "r", "--no-plots", "--why")
    assert done.exit_code == 0
    lines = re.findall(r"^(\d+)\. (.*)$", done.stdout, re.MULTILINE)
    stored = json.loads((tmp_path / "r" / "result.json").read_text())["losses"]
    assert [int(n) for n, _ in lines] == list(range(1, len(stored) + 1))
    assert all(said.startswith(loss["sentence"]) for (_, said), loss in zip(lines, stored))
    with_setting = re.search(
        r"With (\S+)=(\d+) attention takes ([\d,]+) core cycles fewer, and the run ([\d,]+) ", done.stdout
    )
    name, value, _, cycles = with_setting.groups()
    assert acs.run("vitcod", str(work), {name: int(value)}, trace=False).cycles == int(cycles.replace(",", ""))
    assert "What the longest attention layers are made of" in done.stdout
    critical = json.loads((tmp_path / "r" / "result.json").read_text())["critical"]
    longest = max(critical, key=lambda step: step["cycles"])
    assert f"{longest['cycles']:,} core cycles (" in done.stdout.split("are made of")[1]
