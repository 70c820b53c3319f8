"""Mistakes in a table of a user's own are named by file and line, and cost neither memory nor time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.energy import load_table
from accelsim.energy.expression import evaluate
from accelsim.energy.prices import PriceDocument

EXTENDS = "extends: generic_28nm\nname: t\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\xff", r"t\.yaml:1: cannot be read: it is not UTF-8"),
        ("name: [1\n", r"t\.yaml:2: not valid YAML"),
        ("name: 3\n", r"t\.yaml:1: name: expected a text, not 3"),
        (EXTENDS + "logic: {1: 2}\n", r"t\.yaml:3: logic\.1: expected a name of its own"),
        (EXTENDS + "logic:\n  mac: {pj: .inf, source: x}\n", r"t\.yaml:4: logic\.mac\.pj.*not '\.inf'"),
        (EXTENDS + "logic:\n  mac: {pj: 1_0, source: x}\n", r"t\.yaml:4: logic\.mac\.pj.*not '1_0'"),
        (EXTENDS + f"logic:\n  mac: {{pj: {'9' * 35}, source: x}}\n", r"t\.yaml:4: logic\.mac\.pj.*at most 1e\+30"),
        (EXTENDS + "components:\n\n  Dma: {counters: {x: macc}}\n", r"t\.yaml:5: components\.Dma\.counters\.x: the"),
        (EXTENDS + "components:\n  Dma: {off_chip: no}\n", r"t\.yaml:4: components\.Dma\.off_chip: expected true or"),
        (EXTENDS + "logic:\n  mac: {option: {a: 1}}\n", r"t\.yaml:4: logic\.mac\.option: expected the name of an opt"),
        (EXTENDS + "dram:\n  dram_read_bit: {high: 5}\n", r"t\.yaml:4: dram\.dram_read_bit: expected low <= nominal"),
        ("name: t\nextends: {a: 1}\n", r"t\.yaml:2: extends"),
        (EXTENDS + "layout: {density: 2}\n", r"t\.yaml:3: layout\.density: expected a share"),
        (
            EXTENDS + "sram:\n  leakage_factor: {low: 1, high: 2}\n",
            r"t\.yaml:4: sram\.leakage_factor\.nominal: expected",
        ),
        (EXTENDS + "sram:\n  node_nm: 45\n", r"t\.yaml:4: sram\.node_nm: there are no CACTI figures for node_nm 45"),
        (EXTENDS + "sram:\n  cell: x\n", r"t\.yaml:4: sram\.cell: there are no CACTI figures .* with cell 'x'"),
        ("name: t\nextends: nix\n", r"t\.yaml:2: extends: 'nix' is no file and no table"),
        (f"name: t\nextends: {'a' * 400}\n", r"t\.yaml:2: extends: .aa.* is no file and no table"),
        ("a: &a [x, x]\nb: [*c]\n", r"t\.yaml:2: the alias \*c has no anchor"),
    ],
)
def test_file_and_line_are_named(tmp_path, text, sentence):
    path = tmp_path / "t.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=sentence):
        load_table(path)


def test_an_override_is_named_by_its_place():
    said = {"energy.override.mac": "x.yaml:14", "energy.table": "x.yaml:3"}
    with pytest.raises(InputError, match=r"^x\.yaml:14: logic\.mac\.pj"):
        load_table({"override": {"mac": {"pj": -1}}}, said=said)
    with pytest.raises(InputError, match=r"^x\.yaml:3: energy\.table: 'nix' is no file"):
        load_table({"table": "nix"}, said=said)


def test_a_class_that_the_machine_prices_itself_is_not_lost_without_a_word(tmp_path):
    from accelsim.energy.document import FOLDER

    mine = tmp_path / "mine.yaml"
    mine.write_text((FOLDER / "generic_28nm.yaml").read_text() + "  Lookup: {area: 0}\n")
    prices = {"name": "toy/prices.yaml", "components": {"Lookup": {"area": "mac"}}}
    with pytest.raises(InputError, match=r"mine\.yaml:\d+: components\.Lookup: the machine prices this class itself"):
        load_table(mine, [prices])


@pytest.mark.parametrize(
    "text",
    ["1+" * 4000 + "1", "(" * 250 + "1" + ")" * 250, "9" * 400, "1_0", "0x10", "٣", "1e99", "-1", True, [1], "1 if a"],
)
def test_an_amount_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="^t: "):
        evaluate(text, {"a": 1}, "t")


@given(st.text("0123456789.eE+-*/%(),ab_ \t", max_size=320))
def test_any_text_is_an_amount_or_one_sentence(text):
    try:
        assert 0 <= evaluate(text, {"a": 1 << 60, "b": 0}, "t") <= 1e30
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ({"exp": "much"}, "m.yaml:4: logic.exp: expected a number of pJ or a mapping"),
        ({"a": {"b": 1}}, "m.yaml:4: a: no such action or section"),
        ({"sram": {"cell": "mine"}}, "m.yaml:4: sram.cell: there are no CACTI figures for node_nm 28 with cell 'mine'"),
    ],
)
def test_an_override_is_named_by_its_line(override, sentence):
    said = {"energy.override": "m.yaml:3"} | {f"energy.override.{key}": "m.yaml:4" for key in override}
    with pytest.raises(InputError, match=f"^{sentence}"):
        load_table({"override": override}, (), said)


def test_a_table_without_a_node_is_named_before_its_prices(tmp_path):
    (tmp_path / "t.yaml").write_text(EXTENDS + "vdd: 0.9 1\n")
    prices = {"name": "toy/prices.yaml", "components": {"Lookup": {"area": "mac"}}}
    with pytest.raises(InputError, match=r"t\.yaml:3: vdd: expected a finite number >= 0, not '0.9 1'"):
        load_table(tmp_path / "t.yaml", [prices])


def test_a_name_that_is_escaped_in_a_sentence_is_found():
    """An entry of a machine's prices, not the section of the table that it is put into."""
    prices = PriceDocument({"name": "toy/prices.yaml", "logic": {"a\ufeffb": {"pj": 1, "source": "x"}}})
    prices.places = {"logic": "toy/prices.yaml:1", "logic.a\ufeffb": "toy/prices.yaml:2"}
    with pytest.raises(InputError, match=r"^toy/prices\.yaml:2: logic\.a\\ufeffb: expected a name of its own"):
        load_table(prices=[prices])
