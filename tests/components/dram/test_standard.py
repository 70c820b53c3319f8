"""Standards as data: what is shipped, and every way a file can be wrong."""

import pytest

from accelsim.components.dram import constraints as c
from accelsim.components.dram.standard import FOLDER, load_standard, names
from accelsim.core.errors import InputError


def rows(standard):
    return {(r.preceding, r.following, r.level, r.window): r.latency for r in standard.constraints}


def test_the_reference_timings_resolve_to_the_published_gaps():
    """The device rules both simulators share, for DDR4-2400 17-17-17."""
    found = rows(load_standard("ddr4_2400_reference"))
    expected = {
        (c.RD, c.RD, c.BANKGROUP, 1): 6,
        (c.RD, c.RD, c.RANK, 1): 4,
        (c.RD, c.WR, c.RANK, 1): 11,
        (c.WR, c.RD, c.BANKGROUP, 1): 25,
        (c.WR, c.RD, c.RANK, 1): 19,
        (c.RD, c.PRE, c.BANK, 1): 9,
        (c.WR, c.PRE, c.BANK, 1): 34,
        (c.ACT, c.ACT, c.RANK, 4): 26,
        (c.ACT, c.ACT, c.BANKGROUP, 1): 6,
        (c.ACT, c.RD, c.BANK, 1): 17,
        (c.PRE, c.REF, c.RANK, 1): 17,
        (c.ACT, c.REF, c.RANK, 1): 56,
        (c.REF, c.ACT, c.RANK, 1): 420,
        (c.RDA, c.ACT, c.BANK, 1): 26,
        (c.WRA, c.REF, c.RANK, 1): 51,
        (c.RD, c.RD, c.OTHER_RANKS, 1): 6,
        (c.RD, c.WR, c.OTHER_RANKS, 1): 11,
    }
    assert {key: found[key] for key in expected} == expected
    # one clock apart is always so on one command bus, so the rule is left out
    assert (c.WR, c.RD, c.OTHER_RANKS, 1) not in found


@pytest.mark.parametrize("name", names())
def test_every_standard_loads_and_names_its_source(name):
    standard = load_standard(name)
    assert standard.name == name
    assert len(standard.source) > 40
    assert standard.peak_bytes_per_clock * standard.timing["tBL"] == 64
    assert standard.lines_per_row >= 32
    assert standard.timing["tRC"] >= standard.timing["tRAS"] + standard.timing["tRP"]


def test_peak_bandwidths():
    peaks = {n: load_standard(n).peak_bytes_per_clock / load_standard(n).tck_ns for n in names()}
    assert peaks["ddr4_2400_reference"] == pytest.approx(19.2, rel=1e-3)
    assert peaks["ddr4_3200"] == pytest.approx(25.6)
    assert peaks["lpddr4"] == pytest.approx(12.8)
    assert peaks["lpddr5"] == pytest.approx(25.6)
    assert peaks["hbm2"] == pytest.approx(32.0)


def test_times_round_up_to_clocks_with_the_guard_band_of_jedec():
    timing = load_standard("lpddr4").timing
    assert (timing["tRCD"], timing["tRAS"], timing["tRPab"]) == (29, 68, 34)  # 18, 42 and 21 ns of 0.625 ns


@pytest.fixture
def changed(tmp_path):
    """The reference file with one piece of text replaced."""

    def write(old: str, new: str):
        text = (FOLDER / "ddr4_2400_reference.yaml").read_text()
        assert text.count(old) == 1
        path = tmp_path / "mine.yaml"
        path.write_text(text.replace(old, new))
        return path

    return write


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        (
            "tRC: 56",
            "tRC: 50",
            11,
            "timing.tRC is 50: it must be at least tRAS + tRP = 56, since a bank is precharged before",
        ),
        (
            "tCCD_S: 4",
            "tCCD_S: 2",
            11,
            "timing.tCCD_S is 2: it must be at least tBL = 4, since two bursts would overlap",
        ),
        ("tFAW: 26", "tFAW: 15", 11, "timing.tFAW is 15: it must be at least 4 * tRRD_S = 16"),
        ("tREFI: 9360", "tREFI: 400", 12, "timing.tREFI is 400: it must be at least tRFC + tRC + 1 = 477"),
        ("tRRD_L: 6", "tRRD_L: 3", 11, "timing.tRRD_L is 3: it must be at least tRRD_S = 4"),
        ("tRCD: 17, ", "", 10, "timing.tRCD is missing"),
        ("tRCD: 17", "tRDC: 17", 11, "timing.tRDC is not known (did you mean 'tRC'?)"),
        ("tRCD: 17", "tRCD: 17, tRCD: 18", 11, "'tRCD' is given twice"),
        ("tRCD: 17", "tRCD: 17.5", 11, "timing.tRCD is '17.5': it must be a whole number of clocks from 1 to"),
        ("tRCD: 17", "tRCD: [17]", 11, "timing.tRCD must be a single value"),
        ("tCK_ns: 0.833", "tCK_ns: -1", 11, "timing.tCK_ns is '-1': it must be a number above 0"),
        ("ranks: 1", "ranks: 3", 9, "organization.ranks is 3: it must be a power of two"),
        (
            "columns: 1024",
            "columns: 4",
            9,
            "organization.columns is 4: it must be at least burst_length (8), since a row",
        ),
        ("burst_length: 8", "burst_length: 4", 8, "a burst of 4 on 64 bits moves 32 bytes: it must be 64"),
        ("IDD0: 48", "IDD9: 48", 14, "power.IDD9 is not known (did you mean 'IDD5'?)"),
        ("name: ddr4", "title: x\nname: ddr4", 1, "title is not known"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_rule(changed, old, new, line, sentence):
    path = changed(old, new)
    with pytest.raises(InputError) as e:
        load_standard(path)
    assert str(e.value).startswith(f"{path}:{line}: {sentence}")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{after: RD, before: RX, level: bank, clocks: 3}", "constraints.before: 'RX' is no command"),
        (
            "{after: RD, before: WR, level: bunk, clocks: 3}",
            "constraints.level: 'bunk' is no level (did you mean 'bank'?)",
        ),
        (
            "{after: RD, before: REF, level: bank, clocks: 3}",
            "constraints.level is bank: PREA and REF go to a whole rank",
        ),
        (
            "{after: RD, before: WR, level: bank, clocks: 3, window: 4}",
            "constraints.window is 4: windows are counted per",
        ),
        (
            "{after: RD, before: WR, level: rank, clocks: tXYZ + 1}",
            "constraints.clocks is 'tXYZ + 1' ('tXYZ'): it must be",
        ),
        (
            "{after: RD, before: WR, level: rank, clocks: CL ** 2}",
            "constraints.clocks is 'CL ** 2' (CL ** 2): it must be",
        ),
        ("{after: RD, before: WR, level: rank}", "constraints.clocks is missing"),
    ],
)
def test_a_wrong_rule_is_refused(changed, row, sentence):
    path = changed("power:", f"constraints:\n  - {row}\npower:")
    with pytest.raises(InputError) as e:
        load_standard(path)
    assert str(e.value).startswith(f"{path}:14: {sentence}")


def test_a_rule_of_ones_own_is_added(changed):
    path = changed(
        "power:", "constraints:\n  - {after: [WR], before: [RD], level: rank, clocks: 'max(CWL, 9) + 40'}\npower:"
    )
    standard = load_standard(path)
    assert c.Constraint(c.WR, c.RD, c.RANK, 52) in standard.constraints
    bound = c.bind(standard.constraints, ranks=1, unused={c.RDA, c.WRA})
    assert c.Constraint(c.WR, c.RD, c.RANK, 52) in bound
    assert c.Constraint(c.WR, c.RD, c.RANK, 19) not in bound  # the longer rule stands for both


def test_unreadable_and_unknown_standards(tmp_path):
    with pytest.raises(
        InputError, match=r"expected one of ddr4_2400, .* or a .yaml file \(did you mean 'ddr4_3200'\?\)"
    ):
        load_standard("ddr4_3201")
    with pytest.raises(InputError, match="none.yaml: no such standard"):
        load_standard(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(InputError, match="broken.yaml:2: not valid YAML"):
        load_standard(broken)
    broken.write_text("")
    with pytest.raises(InputError, match="broken.yaml: the standard is empty"):
        load_standard(broken)
    broken.write_text("- 1")
    with pytest.raises(InputError, match="broken.yaml:1: the file must be a mapping"):
        load_standard(broken)
