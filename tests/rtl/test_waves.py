"""The waveforms of the model and of the modules show the same, and so does their picture."""

import numpy as np
import pytest

from accelsim.core import BUSY
from accelsim.rtl.cosim import AFTER, run_model
from accelsim.rtl.picture import busiest, draw
from accelsim.rtl.suite import case_of
from accelsim.rtl.waves import MODEL, read, vcd, write_waves
from tests.rtl.toy import TWINS, cases


def signals(case) -> list[str]:
    ends = ("__valid", "__room", "_push", "__pop", "_item")
    return [f"{w.name}{end}" for w in case.netlist.wires for end in ends] + [u.status for u in case.netlist.units]


@pytest.mark.parametrize("number", [0, 1])
def test_both_show_the_same_of_every_channel_in_every_cycle(number, tmp_path):
    case = case_of(TWINS, "scaler", number, 3)
    model, module = (read(path, signals(case)) for path in write_waves(case, tmp_path))
    found, sim = run_model(case)
    for i, wire in enumerate(case.netlist.wires):
        pushed = np.bincount(found[found[:, 1] == i][:, 0], minlength=sim.at + AFTER)
        assert pushed.sum() > 3
        assert model[f"{wire.name}_push"].tolist() == pushed.tolist()
        for end in ("__valid", "__room", "_push", "__pop"):
            assert model[wire.name + end].tolist() == module[wire.name + end].tolist(), wire.name + end
        assert model[f"{wire.name}__pop"].sum() == pushed.sum()
        for cycle in np.flatnonzero(pushed):
            assert model[f"{wire.name}_item"][cycle] == module[f"{wire.name}_item"][cycle]
    assert len(set(model["unit_status"])) >= 2 and model["unit_status"].tolist() == module["unit_status"].tolist()


def test_the_model_has_fields_and_what_components_did(tmp_path):
    case = next(cases(1, 3))
    path, _ = write_waves(case, tmp_path)
    found, sim = run_model(case)
    orders = found[found[:, 1] == 0]
    shown = read(path, ["order_count", "unit_status"])
    assert [shown["order_count"][cycle] for cycle in orders[:, 0]] == orders[:, 3].tolist()
    busy = int((shown["unit_status"][: sim.at] == BUSY).sum())
    assert busy == sim.result().total.status["unit"]["busy"] > 0


def test_signals_change_in_their_cycle(tmp_path):
    path = tmp_path / "some.vcd"
    path.write_text(vcd({"a": 1, "b": 40}, [(4, "a", 1), (6, "a", 0), (2, "b", 1 << 39)], 10))
    shown = read(path, ["a", "b"])
    assert shown["a"].tolist() == [0, 0, 1, 0, 0]
    assert shown["b"].tolist() == [0, *[1 << 39] * 4]
    with pytest.raises(KeyError):
        read(path, ["c"])


def test_the_window_is_where_both_have_some():
    first, second = np.zeros(100), np.zeros(100)
    first[10:60] = 1
    second[50:90] = 3
    assert 30 < busiest(first, second, size=20) <= 50
    assert busiest(np.ones(5), np.ones(5), size=20) == 0


def test_the_picture_is_drawn_from_both_files(tmp_path):
    case = next(cases(1, 3))
    write_waves(case, tmp_path)
    first = draw(tmp_path, case.netlist, case.name).read_bytes()
    assert first[:4] == b"\x89PNG" and draw(tmp_path, case.netlist, case.name).read_bytes() == first
    text = (tmp_path / MODEL).read_text()
    code = next(line.split()[3] for line in text.splitlines() if line.split()[4:5] == ["product_push"])
    (tmp_path / MODEL).write_text("\n".join(n for n in text.splitlines() if not n.endswith(f" {code}")) + "\n")
    assert draw(tmp_path, case.netlist, case.name).read_bytes() != first, "the model's dots are its own"
