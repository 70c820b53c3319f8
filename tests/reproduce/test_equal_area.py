"""Equal area is equal: every configuration on these terms fills the area of the machine it is compared with."""

import pytest

from accelsim.core.errors import InputError
from accelsim.reproduce.claims import TERMS
from accelsim.reproduce.equal_area import LEAST, area, largest, subjects
from accelsim.reproduce.paper import load, read, with_studies
from accelsim.reproduce.runs import base
from accelsim.sweep.goal import area_mm2
from tests.reproduce.conftest import TEXT

SMALLER: dict[str, str] = {}
"""Machines that may fill less than `LEAST`, each with the reason."""
STUDIES = [load(name).study for name in with_studies()]
SUBJECTS = [(study, *subject) for study in STUDIES for subject in subjects(study)]


def named(value: object) -> str:
    return value if isinstance(value, str) else getattr(value, "machine", "")


@pytest.mark.parametrize(("study", "name", "machine", "grows"), SUBJECTS, ids=named)
def test_a_machine_on_equal_area_fills_it(study, name, machine, grows):
    """Where this fails because areas have changed, `python -m benchmarks.equal_area` says the sizes to set."""
    share = area(machine) / area(study.machine)
    assert share <= 1
    assert share >= LEAST or name in SMALLER


@pytest.mark.parametrize("study", STUDIES, ids=named)
def test_no_machine_on_equal_area_is_left_out(study):
    """What has a configuration on these terms, is no model and has an area, says what of it grows."""
    names = {name for name, *_ in subjects(study)}
    assert {who.name for who in study.opponents if "area" in who.terms and who.machine != "platform"} <= names
    crossing = study.crossover.opponents if study.crossover else ()
    own = base(study.machine).arch
    assert {f"crossover: {n}" for n, m in crossing if base(m).arch != own} <= names


def test_the_dense_machine_stands_on_all_terms():
    for study in STUDIES[:2] + STUDIES[3:]:  # Sanger's, SpAtten's and ViTCoD's; ViTALiTy's paper has one
        dense = next(who for who in study.opponents if who.name == "dense")
        assert set(dense.terms) == set(TERMS), study.machine


@pytest.mark.parametrize(("study", "name", "machine", "grows"), SUBJECTS, ids=named)
def test_what_grows_is_as_large_as_it_can_be_and_no_larger(study, name, machine, grows):
    """One step more does not fit; the same steps of another area are smaller."""
    most = area(study.machine)
    settings, size = largest(machine, grows, most)
    pairs = [tuple(text.split("=")) for text in settings]
    more = [(n, str(int(v) + grows[n])) for n, v in pairs]
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
