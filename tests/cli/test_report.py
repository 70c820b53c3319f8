"""`accelsim report` of result folders."""

import json
import re


def test_results_side_by_side(call, result, work, tmp_path):
    assert call("run", "vitcod", work, "-o", tmp_path / "b", "--no-plots", "--set", "softmax.lanes=4").exit_code == 0
    done = call("report", result, tmp_path / "b", "-o", tmp_path / "r.html")
    assert done.exit_code == 0 and done.stdout.startswith(f"{tmp_path / 'r.html'}: 0.")
    text = (tmp_path / "r.html").read_text()
    found = json.loads(re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)[1])["runs"]
    for held, folder in zip(found, (result, tmp_path / "b")):
        assert held["figures"]["cycles"] == json.loads((folder / "result.json").read_text())["total_cycles"]
    assert "lanes: 4" in found[1]["configuration"]


def test_another_name_is_refused(call, result):
    done = call("report", result, "-o", "r.txt")
    assert done.exit_code == 2 and done.stderr == "error: r.txt: a report is a page; name it .html\n"
