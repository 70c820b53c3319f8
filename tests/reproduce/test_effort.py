"""The search for each machine's best: the same for all, the same again, and never beyond the area."""

import pytest

from accelsim.core.errors import InputError
from accelsim.reproduce import effort
from accelsim.reproduce.claims import Effort, Seeker
from accelsim.reproduce.paper import load
from accelsim.reproduce.runs import Done, base
from accelsim.sweep.design import parameters
from accelsim.sweep.goal import area_mm2

EFFORT = Effort(
    "deit_tiny", (Seeker("ViTCoD", "vitcod"), Seeker("dense", "systolic_area", "os", ("array.dataflow=os",)))
)


def pretended(runs):
    """Machines that are as fast as they have lanes, and one value that none can run with."""
    done = Done()
    for run in runs:
        values = parameters(base(run.machine).with_settings([tuple(s.split("=", 1)) for s in run.set]))
        if values["vector.lanes"] == 32:
            done.refused[run] = "it cannot"
        else:
            done.figures[run] = {"seconds": 1 / values["vector.lanes"] + 1 / values["softmax.lanes"]}
    return done


@pytest.fixture(scope="module")
def study():
    return load("vitcod").study


def found(study, points, seed=1):
    asked = []

    def do(runs):
        asked.extend(runs)
        return pretended(runs)

    return effort.search(study, EFFORT, points, seed, do), asked


def test_every_machine_has_as_many_designs_and_none_is_too_large(study):
    searches, asked = found(study, 24)
    most = area_mm2(base("vitcod").arch)
    assert [(s.seeker.name, s.on.only) for s in searches] == [
        ("ViTCoD", "all"), ("dense", "all"), ("ViTCoD", "attention"), ("dense", "attention")
    ]  # fmt: skip
    assert [len(s.tried) for s in searches] == [24] * 4 and len(set(asked)) == len(asked) == 96
    for one in searches:
        assert next(iter(one.tried)) == ()  # as it is given, first of all
        assert all(one.area(design) <= most for design in one.tried)
        assert any(seconds is None for seconds in one.tried.values())
        (best,) = one.best()
        assert one.tried[best] == min(s for s in one.tried.values() if s is not None)
    assert all(run.set[0] == "array.dataflow=os" for run in asked if run.machine == "systolic_area")


def test_the_same_seed_finds_the_same_and_the_second_half_is_better(study):
    searches, asked = found(study, 40)
    assert [run.set for run in found(study, 40)[1]] == [run.set for run in asked]
    assert [run.set for run in found(study, 40, seed=2)[1]] != [run.set for run in asked]
    for one in searches:
        times = [seconds or 1 for seconds in one.tried.values()]
        assert sum(times[20:]) < sum(times[:20])


def test_the_table_compares_as_given_and_at_their_best(study):
    searches, _ = found(study, 24)
    done = pretended(effort.runs(study, searches, (1,)))
    grid = effort.grid(done, study, EFFORT, searches, 24, "ViTCoD", (1,))
    assert [row[:2] for row in grid.rows[:2]] == [("end to end", "ViTCoD"), ("end to end", "dense, os")]
    (mine,), (theirs,) = searches[0].best(), searches[1].best()
    seconds = [{d: s for one in searches[:2] for d, s in one.tried.items()}[d] for d in (mine, theirs)]
    given = [(1 / 64 + 1 / 8), (1 / 64 + 1 / 32)]
    wanted = (given[1] / given[0], seconds[1] / seconds[0], given[1] / seconds[1])
    assert grid.rows[1][2:5] == tuple(f"{x:.2f}x" for x in wanted)
    assert f"vector.lanes={256 if 'vector.lanes=256' in theirs else 128}" in grid.rows[1][6] or "vector" not in theirs
    assert "24" in grid.title and "refused" in grid.notes[2]
    flips = [f"dense, os, {row[0]}, from {row[2]} to {row[3]}" for row in grid.rows
             if row[1] != "ViTCoD" and (float(row[2][:-1]) > 1) != (float(row[3][:-1]) > 1)]  # fmt: skip
    assert all(text in grid.notes[1] for text in flips) and (flips or grid.notes[1].startswith("No search"))


def test_every_search_starts_from_equal_area(study):
    terms = {who.name: who.terms.get("area") for who in study.opponents}
    assert all(seeker.machine == terms.get(seeker.name, "vitcod") for seeker in study.effort.seekers)


def test_what_cannot_be_searched_is_refused(study):
    with pytest.raises(InputError, match="CPU is to be searched, but no 'space' says what may be set"):
        effort.search(study, Effort("deit_tiny", (Seeker("CPU", "cpu"),)), 4, 1, pretended)


@pytest.mark.parametrize("name", ["vitcod", "systolic", "sanger", "spatten"])
def test_every_value_of_a_space_is_one_of_the_machine(name):
    paper = load(name)
    machine = {"systolic": "systolic_area", "sanger": "sanger_32x16", "spatten": "spatten_equal"}.get(name, name)
    plain = base(machine)
    known = parameters(plain.arch)
    for free in paper.space:
        assert len(set(free.values)) == len(free.values) > 1
        for parameter in free.names:
            assert parameter in known
            for value in free.values:
                try:
                    plain.with_settings([(parameter, value)])
                except InputError as error:  # it may need another one beside it, but is a value all the same
                    assert parameter.split(".")[-1] in str(error) and "must be one of" not in str(error)
