"""Equal area is equal: every configuration on these terms fills the area of the machine it is compared with."""

import pytest

from accelsim.core.errors import InputError
from accelsim.reproduce.equal_area import LEAST, area, largest, subjects
from accelsim.reproduce.paper import load, read
from accelsim.reproduce.runs import base
from accelsim.sweep.goal import area_mm2
from tests.reproduce.conftest import TEXT

SMALLER: dict[str, str] = {}
"""Machines that may fill less than `LEAST`, each with the reason."""
STUDY = load("vitcod").study


@pytest.mark.parametrize("name", [name for name, *_ in subjects(STUDY)])
def test_a_machine_on_equal_area_fills_it(name):
    """Where this fails because areas have changed, `python -m benchmarks.equal_area` says the sizes to set."""
    (machine,) = [machine for n, machine, _ in subjects(STUDY) if n == name]
    share = area(machine) / area(STUDY.machine)
    assert share <= 1
    assert share >= LEAST or name in SMALLER


def test_no_machine_on_equal_area_is_left_out():
    """What has a configuration on these terms, is no model and has an area, says what of it grows."""
    names = {name for name, *_ in subjects(STUDY)}
    assert {who.name for who in STUDY.opponents if who.terms.get("area") and who.machine != "platform"} <= names
    own = base(STUDY.machine).arch
    assert {f"crossover: {n}" for n, m in STUDY.crossover.opponents if base(m).arch != own} <= names


@pytest.mark.parametrize(("name", "machine", "grows"), subjects(STUDY), ids=lambda x: x if isinstance(x, str) else "")
def test_what_grows_is_as_large_as_it_can_be_and_no_larger(name, machine, grows):
    """One step more does not fit; the same steps of another area are smaller."""
    most = area(STUDY.machine)
    settings, size = largest(machine, grows, most)
    pairs = [tuple(text.split("=")) for text in settings]
    more = [(n, str(int(v) // grows[n] * grows[n] + grows[n])) for n, v in pairs]
    assert size == area_mm2(base(machine).with_settings(pairs)) <= most < area_mm2(base(machine).with_settings(more))
    assert largest(machine, grows, 0.98 * most)[1] <= 0.98 * most


def test_what_does_not_fit_is_a_sentence():
    with pytest.raises(InputError, match=r"with the least of array.columns it is larger than 0.10 mm2"):
        largest("systolic_area", {"array.columns": 1}, 0.1)


def test_what_grows_on_no_area_is_refused(tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(
        TEXT.replace("      macs: systolic_832\n", "      macs: systolic_832\n      grows: {array.rows: 1}\n")
    )
    with pytest.raises(InputError, match="grows says what of a machine fills an area, but there is no configuration"):
        read(path)
