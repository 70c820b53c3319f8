"""What a dense layer reads of its buffers, and what the vector unit does with it: closed forms."""

import numpy as np
import pytest

from accelsim.dataflows.tiling import VectorRates
from accelsim.workload import Gemm, Norm
from tests.accelerators.vitcod.dataflow.machines import machine, program_of, workload


def tables(layer: Gemm | Norm, unit: str = "engine", **sizes):
    """FREES, and a unit's commands, field by field."""
    program = program_of(workload(layer), machine(constants=True, **sizes))
    made, names = program.finish(), program.names
    mine = np.flatnonzero(made["program"]["unit"] == list(names.units).index(unit))
    fields = list(names.units[unit])
    words = made["operands"][made["program"]["first"][mine][:, None] + np.arange(len(fields))]
    return made["frees"], {name: words[:, n] for n, name in enumerate(fields)}


def ceil(a, b):
    return -(-a // b)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(
    "tokens, depth, features", [(197, 192, 576), (50, 64, 64), (33, 40, 7), (8, 20, 12), (197, 768, 192)]
)
def test_an_operand_is_read_once_for_every_step_that_does_not_share_it(tokens, depth, features, residual):
    frees, said = tables(Gemm("g", "b", "mlp", tokens, depth, features, residual=residual))
    rows, columns, deep = said["tokens"], said["features"], said["depth"]
    steps, last = ceil(rows, said["step_tokens"]), said["constants"] > 0
    weights = columns * deep * steps
    activations = rows * deep * ceil(columns, said["step_features"]) + residual * last * rows * columns
    assert set(said["constants"].tolist()) <= {0, 8} and last[-1]  # scale and bias
    assert frees["weight_read"][: len(rows)].tolist() == (weights + columns * said["constants"] * steps).tolist()
    assert frees["act_read"][: len(rows)].tolist() == activations.tolist()
    # of the whole layer: weights once a group of tokens at the least, activations once a group of features
    assert weights.sum() >= depth * features * ceil(tokens, said["step_tokens"].max())
    assert activations.sum() >= tokens * depth * ceil(features, said["step_features"].max())
    assert (weights.sum() > 2 * depth * features) == (tokens > 2 * said["step_tokens"].max())


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", [None, "gelu"])
def test_outputs_are_requantised_added_to_and_looked_up(residual, activation):
    _, said = tables(Gemm("g", "b", "mlp", 20, 30, 40, residual=residual, activation=activation))
    assert set(said["passes"].tolist()) == {1 + residual + bool(activation)}


@pytest.mark.parametrize("norm, sweeps", [("layernorm", 2), ("rmsnorm", 2), ("batchnorm", 1), ("groupnorm", 2)])
def test_a_norm_sweeps_over_its_rows_for_their_sums_and_for_its_results(norm, sweeps):
    _, said = tables(Norm("n", "b", 40, 30, norm), "vector")
    assert set(said["sweeps"].tolist()) == {sweeps} and said["elements"].sum() == 1200


@pytest.mark.parametrize("norm", ["layernorm", "batchnorm", "groupnorm"])
def test_no_more_rows_are_normalised_at_once_than_their_statistics_are_kept_of(norm):
    rates = VectorRates(64, 4, 64, 8, 16, rows=7)
    _, said = tables(Norm("n", "b", 40, 30, norm), "vector", vector_rates=rates)
    assert (said["elements"].max() <= 7 * 30) == (norm == "layernorm") and said["elements"].sum() == 1200
