"""What is asked for again is kept, and made anew when what it was made of has changed."""

import os

import pytest

from accelsim.accelerators.machine import prices_in
from accelsim.core.errors import InputError
from accelsim.core.result import Part
from accelsim.energy import load_table, read_prices
from accelsim.energy.document import FOLDER
from accelsim.energy.tariff import kept, tariffs

PRICES = "name: mine\ncomponents:\n  Part: {{counters: {{hits: {{mac_dot: {}}}}}}}\n"


def prices(path, amount):
    path.write_text(PRICES.format(amount))
    return prices_in(path)


def test_a_table_of_the_package_is_made_once_for_the_same_prices_and_overrides(tmp_path):
    mine = (prices(tmp_path / "prices.yaml", 1),)
    first = load_table("generic_28nm", mine)
    assert load_table({"table": "generic_28nm"}, mine) is first
    assert load_table({"table": "generic_28nm", "override": {"mac_dot": 0.5}}, mine).rows["mac_dot"].pj.nominal == 0.5
    assert load_table("generic_28nm", mine) is first
    assert load_table("generic_28nm", (read_prices(tmp_path / "prices.yaml"),)) is not first
    with pytest.raises(InputError, match="here.yaml:3"):
        load_table(
            {"table": "generic_28nm", "override": {"mac_dut": 1}}, mine, {"energy.override.mac_dut": "here.yaml:3"}
        )


def test_prices_are_read_again_when_their_file_has_changed(tmp_path):
    path = tmp_path / "prices.yaml"
    first = prices(path, 1)
    assert prices_in(path) is first
    again = prices(path, 22)
    assert again["components"]["Part"]["counters"]["hits"] == {"mac_dot": 22}
    os.unlink(path)
    with pytest.raises(InputError, match="there is no such file"):
        prices_in(path)


def test_a_users_table_is_read_every_time(tmp_path):
    path = tmp_path / "table.yaml"
    text = (FOLDER / "generic_28nm.yaml").read_text()
    path.write_text(text)
    first = load_table(path)
    path.write_text(text.replace("density:", "density: 0.5 #"))
    assert load_table(path).density == 0.5 != first.density


def test_what_a_machine_is_charged_is_found_anew_for_other_sizes_and_other_prices(tmp_path):
    mine = {"Part": prices(tmp_path / "prices.yaml", "size")}
    table = load_table("generic_28nm", (mine["Part"],))
    for size in (3, 5):
        parts = {"part": Part("Part", "core", {"size": size})}
        assert kept(parts, table) == tariffs(parts, table) and kept(parts, table) is kept(parts, table)
        assert kept(parts, table)[0].amount == size
    dearer = load_table({"table": "generic_28nm", "override": {"mac_dot": 9.5}}, (mine["Part"],))
    assert kept(parts, dearer)[0].price.nominal == 9.5
    other = dict(reversed({"a": parts["part"], "b": parts["part"]}.items()))
    assert [one.component for one in kept(other, table)] == [one.component for one in tariffs(other, table)]
