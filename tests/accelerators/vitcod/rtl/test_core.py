"""All attention units wired as in the machine: random layers, and the published masks of DeiT-Tiny."""

from itertools import pairwise

import numpy as np
import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.rtl.blocks import groups
from accelsim.accelerators.vitcod.rtl.core import random_cases
from accelsim.accelerators.vitcod.rtl.settings import SMALL
from accelsim.accelerators.vitcod.rtl.twins import TWINS
from accelsim.codesign.import_mask import import_mask
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.rtl.cosim import AFTER, check_values, cosimulate, library, moved, run_model, run_module
from accelsim.workload import load


def every_layer(workload, *over):
    return list(TWINS.workload_cases(load_arch("vitcod", schema, over), workload))


def test_not_one_transfer_and_no_value_differs_in_random_layers():
    cases = list(random_cases(10, 5, used=[SMALL]))
    assert [max(map(len, groups(case.tables["passes"]))) > 1 for case in cases] == 5 * [False, True]
    outcome = cosimulate("attention_core", cases)
    assert outcome.first == ""
    assert outcome.cases == 10 and all(outcome.counts.values())
    assert outcome.values > 50_000


def test_commands_come_as_the_sequencer_gives_them():
    """A pass waits until both engines are done with the one before, its operands until they are with the one before
    that."""
    cases = [
        case for case in random_cases(40, 5, used=[SMALL]) if [*map(len, groups(case.tables["passes"]))] == 3 * [1]
    ]
    assert cases
    for case in cases:
        model, _ = run_model(case)
        done = [n for n, name in enumerate(case.netlist.logged()) if name in ("denser_done", "sparser_done")]
        times = model[np.isin(model[:, 1], done), 0]
        phases = np.cumsum([2 * ((one.dense > 0) + int(one.sparse_columns > 0)) for one in case.tables["passes"]])
        ends = [times[n - 1] for n in phases]
        commands = {name: script for name, script in case.scripts.items() if name.endswith("_command")}
        for name, script in commands.items():
            number = script.items[:, 3 if name == "decoder_command" else 1]
            waits = 2 if name == "decoder_command" else 1
            for at, n in zip(script.at, number):
                assert n < waits or at > ends[n - waits], name


def test_operands_of_a_block_of_keys_wait_for_the_scores_on_their_side():
    """And all other commands of a pass for the pass before, of which every block has scores and then values."""
    cases = [
        case for case in random_cases(40, 5, used=[SMALL]) if any(len(g) > 2 for g in groups(case.tables["passes"]))
    ]
    assert len(cases) > 3
    waited = 0
    for case in cases:
        model, _ = run_model(case)
        logged, scored, ended = case.netlist.logged(), {}, {}
        for name in ("denser", "sparser"):
            times = model[model[:, 1] == logged.index(f"{name}_done"), 0]
            commands = case.scripts[f"{name}_command"].items
            assert len(times) == len(commands)
            for at, (values, number, _, _) in zip(times, commands.tolist()):
                when = ended if values else scored
                when[number] = max(at, when.get(number, 0))
        order = groups(case.tables["passes"])
        decoder = case.scripts["decoder_command"]
        for at, number in zip(decoder.at, decoder.items[:, 3].tolist()):
            several = next(len(g) > 1 for g in order if number - 2 in g) if number > 1 else False
            if several and number - 2 in scored:
                assert at > scored[number - 2]
                waited += 1
        for before, mine in pairwise(order):
            last = max(when.get(n, 0) for n in before for when in (scored, ended))
            softmax = case.scripts["softmax_command"]
            assert softmax.at[softmax.items[:, 1] == mine[0]].tolist() >= [last + 1]
    assert waited > 10


def test_every_kind_of_value_is_compared_and_the_first_that_differs_is_named():
    case = next(random_cases(1, 22, used=[SMALL]))  # with passes that forward and one that does not
    model, sim = run_model(case)
    module = run_module(case, sim.at + AFTER, library(case.netlist))
    assert check_values(case, model, module).differences == 0
    logged = len(case.netlist.logged())
    kinds = list(case.netlist.data.observed())
    for number, kind in enumerate(kinds[:-1]):
        first = 3 if kind in ("restored", "sparse_probabilities", "rows_values") else 2  # word with a value
        last = np.flatnonzero(module[:, 1] == logged + number)[-1]
        wrong = module.copy()
        wrong[last, first] ^= 1
        found = check_values(case, model, wrong)
        assert found.differences == 1, kind
        assert found.first.startswith("attention_core 0: ") and found.first.endswith("in the functional twin")
        assert check_values(case, model, np.delete(module, last, axis=0)).differences >= 1, kind
        wrong[last, first] ^= 1
        wrong[last, 0] += 1
        if kind == "restored":
            wrong[last, 0] += 1000
            assert check_values(case, model, wrong).first.startswith("attention_core 0: operands: vector ")
        elif "probabilities" not in kind:
            assert "left the data path in cycle" in check_values(case, model, wrong).first
    slip = np.zeros((1, module.shape[1]), module.dtype)
    slip[0, 1] = logged + kinds.index("slips")
    assert check_values(case, model, np.concatenate([module, slip])).differences == 1
    assert np.array_equal(moved(case, module), model)


@pytest.mark.slow
def test_not_one_transfer_and_no_value_differs_in_300_random_layers():
    outcome = cosimulate("attention_core", random_cases(300, 9))
    assert outcome.first == ""
    assert outcome.cases == 300 and all(outcome.counts.values())


@pytest.mark.slow
def test_not_one_transfer_differs_on_the_published_masks(reference):
    folder = reference / "vitcod_masks"
    masks = import_mask(folder / "info_0.95.npy", "deit_tiny", folder / "global_token_info_0.95.npy")
    outcome = cosimulate("published", every_layer(masks))
    assert outcome.first == ""
    assert outcome.counts["merge_row"] == 12 * 3 * 197 and outcome.values > 2 * 12 * 3 * 197 * 64


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rows", "dim"), [("deit_tiny_s90", 12 * 3 * 197, 64), ("fmnist_vit_s90", 800, 16)])
def test_not_one_transfer_and_no_value_differs_on_a_shipped_workload(name, rows, dim):
    outcome = cosimulate(name, every_layer(load(find("workloads", name))))
    assert outcome.first == ""
    assert outcome.counts["merge_row"] == rows and outcome.values > 2 * rows * dim


@pytest.mark.slow
def test_not_one_transfer_and_no_value_differs_on_a_workload_whose_keys_need_blocks():
    small = ("engine.lines=8", "denser.k_bytes=512", "denser.q_bytes=512", "weight_gb.capacity_bytes=2KiB")
    cases = every_layer(load(find("workloads", "fmnist_vit_s90")), *small)
    assert all(len(g) == 4 for case in cases for g in groups(case.tables["passes"]))
    outcome = cosimulate("fmnist_vit_s90", cases)
    assert outcome.first == ""
    assert outcome.counts["merge_row"] == 800 and outcome.values > 100_000
