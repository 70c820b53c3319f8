import pytest
import yaml

from accelsim.core.errors import InputError
from accelsim.energy import load_table
from accelsim.energy.document import names


@pytest.mark.parametrize("name", names())
def test_every_shipped_table_is_sound(name):
    table = load_table(name)
    assert table.name == name
    assert all(row.source for row in table.rows.values())
    assert all(row.pj.low <= row.pj.nominal <= row.pj.high for row in table.rows.values())


def test_a_node_scales_logic_and_leaves_the_dram_alone():
    here, there = load_table("generic_28nm"), load_table("generic_65nm")
    assert there.rows["mac_dot"].pj.nominal == pytest.approx(0.41 * 2.474)
    assert there.rows["mac_dot"].pj.high == pytest.approx(0.55 * 2.474)
    assert there.rows["mac_dot"].um2 == pytest.approx((331 * 4.02, 270 * 4.02, 513 * 4.02))
    assert there.rows["wire_bit"].pj.nominal == pytest.approx(0.04 * 4.02**0.5), (
        "wires are as long as the layout is wide"
    )
    assert there.logic_leakage_uw_per_um2.nominal * 331 * 4.02 == pytest.approx(0.005 * 331 * 2.474)
    assert there.rows["dram_activate"] == here.rows["dram_activate"]
    assert (there.sram_node_nm, there.sram_cell) == (65, "itrs-lop")
    assert "moved to another node: energy x2.474" in there.rows["mac_dot"].source


def test_the_node_factors_are_those_of_the_scaling_equations():
    """Stillmaker and Baas 2017, energy fits a V^2 + b V + c (low-power 45 and 32 nm, 65 nm, 20 nm), at 0.9 V."""

    def fit(a, b, c):
        return a * 0.81 + b * 0.9 + c

    e32, e20 = fit(0.9559, -0.7823, 0.471), fit(0.373, -0.1582, 0.04104)
    at = {
        65: fit(3.755, -4.398, 1.975),
        45: fit(1.103, -0.362, 0.2767),
        32: e32,
        28: e20 + (e32 - e20) * 8 / 12,
        22: e20 + (e32 - e20) * 2 / 12,
    }
    for node in (65, 45, 32, 22):
        ratio = load_table(f"generic_{node}nm").rows["mac"].pj.nominal / load_table().rows["mac"].pj.nominal
        assert ratio == pytest.approx(at[node] / at[28], rel=1e-3)


def test_an_override_is_the_users_figure_without_other_bounds():
    table = load_table({"override": {"mac_dot": 0.5, "dram_standby": 1000, "sram": {"energy_factor": 1}}})
    assert table.rows["mac_dot"].pj == (0.5, 0.5, 0.5)
    assert table.rows["mac_dot"].um2.nominal == 331
    assert table.rows["mac_dot"].source.startswith("given by the user instead of: 8x8-bit MAC")
    assert table.rows["dram_standby"].leakage_uw == (1000, 1000, 1000)
    assert table.sram_energy_factor == (1, 1, 1)
    assert table.sram_area_factor.nominal == 1.5
    assert load_table().rows["mac_dot"].pj.nominal == 0.41, "an override must not reach into the shipped table"


def test_a_table_of_ones_own_may_extend_a_shipped_one(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        yaml.safe_dump(
            {
                "name": "mine",
                "extends": "generic_45nm",
                "logic": {"mac_dot": {"pj": 1.0, "low": 0.5, "source": "measured"}, "lookup": {"pj": 3, "source": "x"}},
                "components": {"Dma": {"counters": {"read_bursts": "lookup"}}},
            }
        )
    )
    table = load_table({"table": str(mine)})
    assert table.rows["mac_dot"].pj == (1.0, 0.5, 1.0), "a figure of one's own is not scaled"
    assert table.rows["mac"].pj.nominal == pytest.approx(0.76 * 1.974)
    assert table.components["Dma"].counters == {"read_bursts": {"lookup": 1}, "write_bursts": {"control": 1}}


@pytest.mark.parametrize(
    ("energy", "sentence"),
    [
        ({"tabel": "x"}, r"energy\.tabel: no such entry \(did you mean 'table'\?\)"),
        (
            {"table": "generic_28n"},
            r"energy\.table: 'generic_28n' is no file and no table.*did you mean 'generic_28nm'",
        ),
        (
            {"override": {"mac_dt": 1}},
            r"energy\.override: mac_dt: no such action or section \(did you mean 'mac_dot'\?\)",
        ),
        ({"override": {"mac_dot": {"um": 1}}}, r"logic\.mac_dot\.um: no such entry \(did you mean 'um2'\?\)"),
        ({"override": {"mac_dot": -1}}, r"logic\.mac_dot\.pj\.nominal: expected a finite number >= 0, not -1"),
        (
            {"override": {"mac_dot": {"pj": 1, "low": 2}}},
            r"logic\.mac_dot: expected low <= nominal <= high, not 2, 1, 1",
        ),
        ({"override": {"mac_dot": {"leakage_uw": 1, "pj": 1}}}, r"mac_dot: expected either pj .* and not both"),
        ({"override": {"mac_dot": "cheap"}}, r"logic\.mac_dot: expected a number of pJ or a mapping"),
        ({"override": {"logic": {"new": {"pj": 1}}}}, r"logic\.new: source is missing \(every figure has one\)"),
        ({"override": {"sram": {"cel": "x"}}}, r"sram\.cel: no such entry \(did you mean 'cell'\?\)"),
        ({"override": {"layout": {"density": 0}}}, r"layout\.density: expected a share above 0 and at most 1, not 0"),
        ({"override": {"options": {"dram_io": "no"}}}, r"options\.dram_io: expected true or false, not 'no'"),
        (
            {"override": {"components": {"Encoder": {"counters": {"mac_ops": "mac_dott"}}}}},
            r"components\.Encoder\.counters\.mac_ops: there is no action 'mac_dott' \(did you mean 'mac_dot'\?\)",
        ),
        (
            {"override": {"components": {"Encoder": {"counters": {"mac_ops": "dat.read"}}}}},
            r"there is no action 'dat\.read' \(did you mean 'data\.read'\?\)",
        ),
        (
            {"override": {"components": {"LoadBuffer": {"memories": {"data": {"capacity": 1}}}}}},
            r"LoadBuffer\.memories\.data: expected capacity_bytes, port_bytes, banks, not capacity",
        ),
        (
            {"override": {"components": {"Encoder": {"aera": {}}}}},
            r"Encoder\.aera: no such entry \(did you mean 'area'\?\)",
        ),
        ({"override": {"components": {"DramPipe": {"standing": "macc"}}}}, r"standing: there is no action 'macc'"),
    ],
)
def test_what_is_wrong_is_said(energy, sentence):
    with pytest.raises(InputError, match=sentence):
        load_table(energy)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a\nname: b\n", r"mine\.yaml:2: 'name' is given twice"),
        ("[1, 2]", r"mine\.yaml:1: an energy table is a mapping of name"),
        ("name: [", r"mine\.yaml:2: not valid YAML"),
        ("nam: a", r"mine\.yaml:1: nam: no such section \(did you mean 'name'\?\)"),
        ("name: a\n", r"mine\.yaml: the section 'node_nm' is missing"),
        ("name: a\nextends: mine.yaml\n", r"mine\.yaml: extends: the table extends itself"),
        ("name: a\nscale: {energy: 2}\n", r"mine\.yaml:2: scale: only a table that extends another"),
        ("extends: generic_28nm\nscale: {energy: 2, area: 1}\n", r"scale\.leakage: expected a factor > 0 and <= 1000"),
        ("extends: generic_28nm\nlogic: {a.b: {pj: 1, source: x}}\n", r"logic\.a\.b: expected a name of its own"),
        ("extends: generic_28nm\nscale: {energy: 2, area: 1, leakage: 1}\n", r"scale: says no source"),
        ("extends: generic_28nm\nlogic: {dram_activate: {pj: 1, source: x}}\n", r"expected a name of its own"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, text, sentence):
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_table(mine)
