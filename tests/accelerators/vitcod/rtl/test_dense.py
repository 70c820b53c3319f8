"""Dense layers through the MAC array: values, what the stage can follow, and a workload as the machine runs it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.accelerators.vitcod.rtl import dense_layers
from accelsim.accelerators.vitcod.rtl.cases import cases
from accelsim.accelerators.vitcod.rtl.stage import Late, Step, late, pixels, steps_of
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.rtl.cosim import AFTER, by_channel, check_values, library, run_model, run_module
from accelsim.workload import load
from accelsim.workload.functional import product
from accelsim.workload.layers import Gemm
from accelsim.workload.shaping import im2col

PORTS = {"act_port_bytes": 16, "act_banks": 2}


@pytest.fixture(scope="module")
def arch():
    return load_arch("vitcod", schema)


@pytest.fixture(scope="module")
def workload():
    return load(find("workloads", "fmnist_vit_s90"))


@pytest.fixture(scope="module")
def recorded(arch, workload):
    return dense_layers.recorded(arch, workload)


def test_every_output_is_compared_and_one_that_differs_is_named():
    case = next(cases("mac_array", 1, 7, settings=1))
    model, sim = run_model(case)
    module = run_module(case, sim.at + AFTER, library(case.netlist))
    found = check_values(case, model, module)
    data, items = case.netlist.data, len(by_channel(case, model)["out"])
    assert found.differences == 0 and items > 10
    assert found.values == items * (data.lines * data.macs + data.side)
    first = len(case.netlist.logged())  # the number of `sums` in the log
    mine = np.flatnonzero(module[:, 1] == first)
    for column, by, said in ((2, 1, "sums: layer 0, token 0, feature 0 is "), (0, 1, "sums: item 0 left ")):
        wrong = module.copy()
        wrong[mine[0], column] ^= by
        found = check_values(case, model, wrong)
        assert found.differences == 1 and found.first.startswith(f"mac_array 0: {said}"), found.first
    tardy = np.concatenate([module, [[40, first + 2, *[0] * (module.shape[1] - 2)]]])
    values = case.netlist.units[0].values
    assert not late(values, steps_of(values, by_channel(case, model))).steps
    assert check_values(case, model, tardy).first == "mac_array 0: the transposing stage is late in cycle 40"


def test_outputs_are_those_of_the_functional_twin_wherever_a_tile_is():
    for case in cases("mac_array", 6, 3, settings=1):
        work = case.operands
        covered = [np.zeros((len(layer.x), *layer.weight.shape), np.int8) for layer in work.layers]
        for place, _, (tokens, features, depth, *_) in work.tiles():
            row, column, element = place.row, place.column, place.element
            covered[place.layer][row : row + tokens, element : element + depth, column : column + features] += 1
        assert all((one == 1).all() for one in covered), "every product once"
        layer = work.layers[0]
        sums, scales, (_, token, _) = next(work.expected(case.netlist.data))
        wanted = product(layer.x[None], layer.weight[None])[0] + layer.bias
        assert sums[0, 0] == wanted[0, 0] and (sums[token < 0] == 0).all() and scales[0] == layer.scale[0]


def test_a_stage_of_two_words_follows_steps_of_whole_words_and_no_shorter_ones():
    whole = [Step(8 + 32 * n, 40 + 32 * n, 0, 8, 32, 0, (16, 16), 16) for n in range(9)]
    assert late(PORTS, whole) == Late(0, 9, 0)
    # words of 16, 16 and 1 features: while the last is handed out, a third of the next word of eight tokens comes
    cut = [Step(14 + 33 * n, 47 + 33 * n, 0, 8, 33, 0, (16, 16, 16), 16) for n in range(9)]
    assert late(PORTS, cut) == Late(8, 9, round(8 * (8 / 1.5 - 1)))
    assert late({**PORTS, "act_banks": 9}, cut).steps == 0


def test_windows_come_from_the_pictures_that_they_are_of():
    seen = [case.operands.layers for case in cases("mac_array", 12, 3, settings=1)]
    convolutions = [layer for layers in seen for layer in layers if layer.window]
    assert len(convolutions) > 3
    for layer in convolutions:
        window, found = layer.window, pixels(layer.window, layer.x)
        pictures = found.reshape(-1, window.side**2, window.channels)
        assert np.array_equal(im2col(pictures, window.out**2, window.depth, 1).reshape(layer.x.shape), layer.x)
        wrong = layer.x.copy()
        wrong[0, 0] = 1  # is padding
        with pytest.raises(ValueError, match="no windows of a picture"):
            pixels(window, wrong)


def test_the_array_alone_does_what_it_does_in_the_machine(arch, workload, recorded):
    (case,) = dense_layers.array_case(arch, workload, False)
    model, _ = run_model(case)
    for name, moved in by_channel(case, model).items():
        wanted = recorded.moved[name]
        assert len(moved) > 50 and np.array_equal(moved[:, : wanted.shape[1]], wanted & 0xFFFFFFFF), name
    assert late(recorded.values, steps_of(recorded.values, recorded.moved)) == Late(0, 456, 0)


def test_every_product_of_a_workload_is_computed_once(arch, workload, recorded):
    commands = recorded.moved["command"][:, 1:]
    places = dense_layers.places_of(
        workload, dense_layers.resources(arch), dense_layers.pieces_of(arch, workload), commands
    )
    gemms = [layer for layer in workload.layers if isinstance(layer, Gemm)]
    covered = [np.zeros((g.tokens * workload.batch, g.in_features, g.out_features), np.int8) for g in gemms]
    for place, (rows, columns, depth, *_) in zip(places, commands.tolist(), strict=True):
        row, column, element = place.row, place.column, place.element
        covered[place.layer][row : row + rows, element : element + depth, column : column + columns] += 1
    assert all((one == 1).all() for one in covered)


def test_the_share_of_a_run_is_that_of_the_record(arch, workload):
    said = list(dense_layers.remarks(arch, workload, {"mac_array": ("engine",), "encoder": ("encoder",)}))
    result = run(arch, workload).result
    every = result.cycles()
    for line, name, unit in ((0, "mac_array", "engine"), (1, "encoder", "encoder")):
        cycles = every - result.total.status[unit]["idle"]
        assert said[line].startswith(f"{name}: at work in {cycles:,} of {every:,} cycles of fmnist_vit_s90 (")
    assert said[2].startswith("all of these: at work in 2") and said[3].startswith(
        "transposing_stage: late in 0 of 456 "
    )


@pytest.mark.slow
def test_not_one_value_of_a_workload_differs(workload):
    done = CliRunner().invoke(cli.app, ["cosim", "mac_array", "--workload", "fmnist_vit_s90"])
    assert done.exit_code == 0, done.output
    row = next(line.split() for line in done.output.splitlines() if line.startswith("mac_array  "))
    outputs = sum(layer.tokens * layer.out_features for layer in workload.layers if isinstance(layer, Gemm))
    assert row[-1] == "0" and int(row[-2].replace(",", "")) > outputs
    assert "mac_array: at work in " in done.output
