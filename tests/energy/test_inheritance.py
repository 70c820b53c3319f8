"""A subclass of a priced component costs what its parent does, and what it adds."""

import pytest

from accelsim.core.errors import InputError
from accelsim.core.result import Part
from accelsim.core.simulator import Simulator
from accelsim.energy import bill, check_machine, floor_plan, load_table
from tests.core.toys import Server
from tests.energy.hand_made import priced, result

BUFFER = {"capacity_bytes": 16 << 10, "port_bytes": 16, "banks": 1}
COUNTS = {"read_bytes": 160, "write_bytes": 16, "byte_cycles": 9}


def run(*bases: str, kind: str = "Tagged", parameters: dict = BUFFER, **counts):
    made = result({"tags": (kind, parameters)}, {"tags": {**COUNTS, **counts}})
    made.parts["tags"] = Part(kind, "core", parameters, bases)
    return made


def costs(charges) -> dict[tuple, float]:
    return {(c.counter, c.action): c.pj for c in charges}


def table(**components):
    return load_table(priced(components=components))


def test_a_result_names_the_base_classes_up_to_component():
    class Faster(Server):
        pass

    class Fastest(Faster):
        pass

    sim = Simulator()
    sim.add(Fastest("one"))
    sim.add(Server("two"))
    parts = sim.parts()
    assert parts["one"].kinds == ("Fastest", "Faster", "Server") and parts["one"].bases == ("Faster", "Server")
    assert parts["two"].kinds == ("Server",)


def test_a_subclass_without_an_entry_costs_what_its_nearest_priced_parent_does():
    plain, prices = run(kind="Scratchpad"), table()
    for bases in (("Scratchpad",), ("Between", "Scratchpad")):
        assert costs(bill(run(*bases), prices)) == costs(bill(plain, prices))
        assert floor_plan(run(*bases).parts, prices) == floor_plan(plain.parts, prices)
    off = result({"tags": ("Slow", {"channels": 4})}, {"tags": {"read_bytes": 1, "write_bytes": 1}})
    off.parts["tags"] = Part("Slow", "core", {"channels": 4}, ("Memory",))
    assert all(charge.off_chip for charge in bill(off, prices))
    more = table(Slow={"counters": {"read_bytes": 0}})
    assert all(charge.off_chip for charge in bill(off, more)), "an entry of one's own need not say so again"


def test_what_a_subclass_says_is_laid_over_its_parents_entry():
    prices = table(
        Tagged={
            "counters": {"tag_reads": {"data.read": 2, "tag.read": 1}, "byte_cycles": "control"},
            "memories": {"tag": {"capacity_bytes": 1024, "port_bytes": 8, "banks": 1}},
            "area": "control",
        },
        Wider={"counters": {"byte_cycles": 0}, "area": {"control": 0, "mac": 3}},
    )
    parent, child = costs(bill(run(kind="Scratchpad"), prices)), costs(bill(run("Scratchpad", tag_reads=10), prices))
    assert child["read_bytes", "data.read"] == parent["read_bytes", "data.read"]
    assert child["tag_reads", "data.read"] == pytest.approx(parent["read_bytes", "data.read"] * 20 / 160)
    assert child["tag_reads", "tag.read"] > 0
    assert child["byte_cycles", "control"] == pytest.approx(9 * 5.0)
    (piece,) = floor_plan(run("Scratchpad").parts, prices)
    assert piece.logic_um2.nominal == pytest.approx(2000 / 0.7)
    grandchild = run("Tagged", "Scratchpad", kind="Wider", tag_reads=10)
    assert ("byte_cycles", "control") not in costs(bill(grandchild, prices))
    (piece,) = floor_plan(grandchild.parts, prices)
    assert piece.logic_um2.nominal == pytest.approx(3 * 436 / 0.7)


@pytest.mark.parametrize(
    ("made", "components", "sentence"),
    [
        (
            run("Scratchpad", tag_reads=1),
            {},
            r"generic_28nm: Tagged\.tag_reads \(tags\) has no price; add it under components\.Tagged\.counters",
        ),
        (
            run("Scratchpad"),
            {"Tagged": {"counters": {"tag_reads": 0}}},
            r"components\.Tagged\.counters\.tag_reads: tags has no such counter",
        ),
        (
            run("Scratchpad"),
            {"Scratchpad": {"counters": dict.fromkeys((*COUNTS, "tag_reads"), 0)}, "Tagged": {}},
            r"components\.Scratchpad\.counters\.tag_reads: tags has no such counter",
        ),
        (
            run("Scratchpad", parameters={**BUFFER, "banks": "two"}),
            {"Tagged": {"area": {"mac": 1}}},
            r"components\.Scratchpad\.memories\.data\.banks: 'banks' counts with banks, which is the word 'two'",
        ),
        (
            run("Scratchpad"),
            {"Tagged": {"area": {"mac": "lines"}}},
            r"components\.Tagged\.area\.mac: 'lines' names 'lines'",
        ),
        (
            run("Between", "Base"),
            {},
            r"components\.Tagged: the table has no entry for tags or a base class of it \(Between, Base\); every"
            r" component class has one, in the machine's prices or under energy\.override, if only `Tagged: \{\}`",
        ),
        (
            run(kind="Array"),
            {"Array": {"counters": {**dict.fromkeys(COUNTS, 0), "read_bytes": "data.read"}}},
            r"components\.Array\.counters\.read_bytes: data\.read: the machine has no memory 'tags\.data'",
        ),
    ],
)
def test_errors_name_the_class_that_says_it_before_time_starts(made, components, sentence):
    prices = table(**components)
    for check in (bill, lambda r, t: check_machine(r.total.counts, r.parts, t)):
        with pytest.raises(InputError, match=sentence):
            check(made, prices)


def test_a_machine_that_is_priced_passes_by_its_counters_names():
    made = run("Scratchpad")
    check_machine({"tags": list(COUNTS)}, made.parts, table())
