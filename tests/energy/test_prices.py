"""What a machine brings: rows and classes of its own, put into a table and moved with it."""

import json
import re
from pathlib import Path

import pytest
import yaml

from accelsim.accelerators import machine, shipped
from accelsim.core.errors import InputError
from accelsim.energy import load_table, read_prices
from accelsim.energy.document import names

ROW = {"pj": 2.0, "low": 1.0, "high": 3.0, "um2": 100, "source": "measured"}
OWN = {
    "name": "toy/prices.yaml",
    "logic": {"lookup": ROW},
    "dram": {"toy_burst": {"pj": 50, "source": "a data sheet"}},
    "components": {"Lookup": {"counters": {"reads": "lookup"}, "area": {"lookup": "lanes"}}},
}


def changed(**over) -> dict:
    return {**OWN, **over}


def test_rows_and_classes_are_added_to_the_shared_ones():
    table, shared = load_table(prices=[OWN]), load_table()
    assert table.rows["lookup"].pj == (2, 1, 3) and table.rows["lookup"].source == "measured"
    assert table.components["Lookup"].counters == {"reads": {"lookup": 1}}
    assert {n: r for n, r in table.rows.items() if n in shared.rows} == shared.rows
    assert {k: e for k, e in table.components.items() if k != "Lookup"} == shared.components
    assert "lookup" not in shared.rows, "a machine must not reach into the shared table"


def test_a_class_that_the_table_has_is_replaced_as_a_whole():
    table = load_table(prices=[changed(components={"LoadBuffer": {"counters": {"read_bytes": "lookup"}}})])
    assert table.components["LoadBuffer"].counters == {"read_bytes": {"lookup": 1}}
    assert table.components["LoadBuffer"].memories == {}
    assert table.components["StoreBuffer"] == load_table().components["StoreBuffer"], "an alias in the file stays"


def test_a_shared_row_may_be_repeated_but_not_repriced():
    area = {"nominal": 436, "low": 356, "high": 676}
    mac = {"pj": 0.76, "low": 0.41, "high": 1.67, "um2": area, "source": "said again"}
    assert load_table(prices=[changed(logic={"lookup": ROW, "mac": mac})]).rows["mac"] == load_table().rows["mac"]
    sentence = (
        "toy/prices.yaml: logic.mac: energy table generic_28nm has this row already under logic, with other figures"
        " (pj 0.76, low 0.41, high 1.67, um2 {'nominal': 436, 'low': 356, 'high': 676}); a machine adds rows and"
        " reprices none: give yours another name, or say energy.override.mac in a configuration"
    )
    with pytest.raises(InputError, match=re.escape(sentence)):
        load_table(prices=[changed(logic={"lookup": ROW, "mac": {**mac, "pj": 0.8}})])
    with pytest.raises(InputError, match=r"dram\.mac: energy table generic_28nm has this row already under logic"):
        load_table(prices=[changed(dram={"mac": mac})])
    with pytest.raises(InputError, match=r"other/prices\.yaml: logic\.lookup: energy table generic_28nm has this row"):
        load_table(prices=[OWN, {"name": "other/prices.yaml", "logic": {"lookup": {**ROW, "um2": 1}}}])


@pytest.mark.parametrize("name", [n for n in names() if n != "generic_28nm"])
def test_a_table_of_another_node_moves_a_machines_logic_as_its_own(name):
    here, there = load_table(prices=[OWN]), load_table(name, [OWN])
    for figure in ("pj", "um2"):
        ratio = [getattr(table.rows["lookup"], figure) for table in (there, here)]
        known = [getattr(table.rows["mac"], figure) for table in (there, here)]
        assert [a / b for a, b in zip(*ratio)] == pytest.approx([a / b for a, b in zip(*known)])
    assert "; moved to another node" in there.rows["lookup"].source
    assert there.rows["toy_burst"] == here.rows["toy_burst"], "DRAM is not scaled"


def test_figures_stated_at_a_derived_tables_node_are_taken_as_they_are():
    at_45 = changed(node_nm=45)
    assert load_table("generic_45nm", [at_45]).rows["lookup"].pj == (2, 1, 3)
    sentence = (
        "toy/prices.yaml: its prices are stated at 45 nm, 0.9 V, but the energy table generic_65nm and what it extends"
        " are at 28 nm, 0.9 V and 65 nm, 0.9 V; choose an energy.table that is at that node or extends one that is"
    )
    with pytest.raises(InputError, match=re.escape(sentence)):
        load_table("generic_65nm", [at_45])
    with pytest.raises(InputError, match=r"stated at 28 nm, 0\.8 V, but"):
        load_table(prices=[changed(vdd=0.8)])


def test_a_users_table_and_override_have_the_last_word(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\nextends: generic_45nm\nlogic: {lookup: {pj: 9}}\n"
        "components: {Lookup: {counters: {reads: {lookup: 4}}}}\n"
    )
    table = load_table(mine, [OWN])
    assert table.rows["lookup"].pj == (9, 9, 9)
    assert table.components["Lookup"].counters == {"reads": {"lookup": 4}}
    assert table.components["Lookup"].area == {"lookup": "lanes"}
    override = {"lookup": 5, "components": {"Lookup": {"area": {"mac": 1}}}}
    table = load_table({"table": str(mine), "override": override}, [OWN])
    assert table.rows["lookup"].pj == (5, 5, 5)
    assert table.components["Lookup"].area == {"lookup": "lanes", "mac": 1}
    none = load_table({"override": {"components": {"Lookup": {"area": 0}}}}, [OWN])
    assert none.components["Lookup"].area == {}


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ({"sram": {}}, r"toy/prices\.yaml: sram: no such section \(did you mean 'dram'\?\)"),
        ({"component": {}}, r"toy/prices\.yaml: component: no such section \(did you mean 'components'\?\)"),
        ({"logic": [1]}, r"toy/prices\.yaml: logic: expected a mapping, not \[1\]"),
        ({"logic": {"lookup": 2}}, r"toy/prices\.yaml: logic\.lookup: expected a mapping, not 2"),
        ({"logic": {"lookup": {"pj": 2}}}, r"toy/prices\.yaml: logic\.lookup: source is missing \(every figure has"),
        ({"logic": {"lookup": {**ROW, "pj": -1}}}, r"toy/prices\.yaml: logic\.lookup\.pj\.nominal: expected a finite"),
        ({"logic": {"lookup": {**ROW, "option": "dram"}}}, r"logic\.lookup\.option: there is no option 'dram'"),
        ({"node_nm": "28 nm"}, r"toy/prices\.yaml: node_nm: expected a finite number >= 0, not '28 nm'"),
        ({"components": {"Lookup": None}}, r"toy/prices\.yaml: components\.Lookup: expected a mapping, not None"),
        (
            {"components": {"Lookup": {"counters": {"reads": "lokup"}}}},
            r"^toy/prices\.yaml: components\.Lookup\.counters\.reads: there is no action"
            r" 'lokup' \(did you mean 'lookup'\?\)",
        ),
    ],
)
@pytest.mark.parametrize("table", ["generic_28nm", "generic_45nm"])
def test_what_is_wrong_is_said_with_the_documents_name(table, over, sentence):
    with pytest.raises(InputError, match=sentence.replace("generic_28nm", table)):
        load_table(table, [changed(**over)])


def test_a_file_becomes_a_document_that_a_record_can_carry(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    file = folder / "prices.yaml"
    file.write_text(json.dumps({key: value for key, value in OWN.items() if key != "name"}))
    assert read_prices(file) == OWN
    assert load_table(prices=[json.loads(json.dumps(read_prices(file)))]) == load_table(prices=[OWN])
    file.write_text("lgic: {}\n")
    with pytest.raises(InputError, match=r"^toy/prices\.yaml:1: lgic: no such section \(did you mean 'logic'\?\)"):
        read_prices(file)
    file.write_text("[1]")
    with pytest.raises(InputError, match=r"^toy/prices\.yaml:1: a price document is a mapping of name, node_nm, vdd"):
        read_prices(file)
    with pytest.raises(InputError, match=r"other\.yaml: there is no such file"):
        read_prices(folder / "other.yaml")


@pytest.mark.parametrize("table", names())
@pytest.mark.parametrize("name", shipped())
def test_every_shipped_machines_prices_are_sound_in_every_table(name, table):
    prices = machine(name).price_documents()
    assert json.loads(json.dumps(prices)) == list(prices)
    assert load_table(table, prices).name == table


def test_the_examples_of_the_documentation_are_sound():
    text = (Path(__file__).resolve().parents[2] / "docs" / "energy.md").read_text(encoding="utf-8")
    text = text[text.index("## A machine's own prices") : text.index("## Memories")]
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    table = load_table("generic_45nm", found)
    assert table.entry(["TaggedBuffer", "LoadBuffer"]).counters["read_bytes"] == {"data.read": 1}
    assert table.entry(["TaggedBuffer", "LoadBuffer"]).counters["tag_reads"] == {"tags.read": 1}
    assert table.rows["lookup"].pj.nominal == pytest.approx(1.2 * 1.974)


def test_a_table_that_is_incomplete_is_said_to_be_before_its_node(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\n")
    with pytest.raises(InputError, match=r"mine\.yaml: the section 'node_nm' is missing"):
        load_table(mine, [OWN])
