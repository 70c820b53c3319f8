"""The waveforms of the model and of the modules show the same."""

import re

from accelsim.rtl.cases import cases
from accelsim.rtl.cosim import run_model
from accelsim.rtl.waves import write_waves


def values(path, name: str, end: int) -> list[int]:
    """A signal's value in each cycle, read from a VCD file; the first signal of that name."""
    text = path.read_text()
    code = re.search(rf"\$var \w+ +\d+ (\S+) {name} ", text)[1]
    found, now, at = [], 0, 0
    for line in text[text.index("$enddefinitions") :].splitlines():
        if line.startswith("#"):
            at = int(line[1:])
            while 2 * len(found) < at and len(found) < end:
                found.append(now)
        elif line.split()[-1:] == [code] and line.startswith("b"):
            now = int(line.split()[0][1:], 2)
    return found + [now] * (end - len(found))


def test_both_show_what_is_pushed_in_which_cycle(tmp_path):
    case = next(cases("encoder", 1, 3, settings=1))
    model, module = write_waves(case, tmp_path)
    found, sim = run_model(case)
    expected = [0] * sim.at
    for cycle in found[found[:, 1] == 1][:, 0]:
        expected[cycle] += 1
    assert sum(expected) > 3
    assert values(model, "out_push", sim.at) == expected
    assert values(module, "out_push", sim.at) == expected
    assert max(values(model, "unit_status", sim.at)) > 0
