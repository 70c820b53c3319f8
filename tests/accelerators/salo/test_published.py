"""The published performance models, row by row of the reference set; and where the machine agrees with them."""

import csv

import pytest

from accelsim.accelerators.salo.published import Pattern, Pes, matching, v1, v2
from tests.accelerators.salo.machines import PIPE, finished, mask_of, one_layer, salo


def rows(reference, name: str) -> list[dict[str, float]]:
    with open(reference / "salo" / f"{name}.csv") as file:
        return [{n: float(value) for n, value in row.items()} for row in csv.DictReader(file)]


def pattern(row) -> Pattern:
    names = ("seq_len", "window", "globals", "randoms", "dim", "heads")
    return Pattern(*(int(row.get(n, row.get(f"pe_{n}", 0)) if n in row or n == "globals" else 0) for n in names))


def pes(row) -> Pes:
    return Pes(*(int(row.get(f"pe_{n}", 0)) for n in ("rows", "cols", "globals", "randoms")))


def test_the_model_of_salo(reference):
    found = rows(reference, "v1_model")
    assert len(found) > 50
    for row in found:
        model = v1(pattern(row), pes(row))
        assert model.cycles == pytest.approx(row["latency_ms"] * row["freq_ghz"] * 1e6, rel=1e-9)
        assert model.utilization == pytest.approx(row["utilization"], rel=1e-9)


def test_the_model_of_salov2(reference):
    for row in rows(reference, "v2_model"):
        model = v2(pattern(row), pes(row), int(row["block"]))
        hz = row["freq_ghz"] * 1e9
        assert model.cycles == pytest.approx(row["attention_s"] * hz, rel=1e-9)
        assert model.utilization == pytest.approx(row["utilization"], rel=1e-9)
        assert model.projection_cycles == pytest.approx(row["qkv_proj_s"] * hz, rel=1e-9)
        assert model.projection_cycles / 3 == pytest.approx(row["out_proj_s"] * hz, rel=1e-9)
    for row in rows(reference, "v2_matching"):
        sizes = (int(row[n]) for n in ("seq_len", "block", "dim", "heads"))
        assert matching(*sizes) == pytest.approx(row["latency_s"] * row["freq_ghz"] * 1e9, rel=1e-9)


def test_the_machine_takes_the_models_cycles_where_nothing_is_at_a_border():
    """As many tiles, with operands there in time: a key more on either side of a window that begins at its query."""
    mask = mask_of("window:1", 128)
    result = finished(salo(*PIPE), one_layer(mask, dim=64, wide=64))
    model = v1(Pattern(128, 1, 1, 0, 64, 1), Pes(32, 32, 1))
    assert result.total.counts["window"]["tiles"] == 4
    assert result.total.counts["window"]["tile_cycles"] == model.cycles - (32 + 1 - 1) + 1
