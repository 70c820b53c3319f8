"""Values through the encoder: every code is compared, and the first that differs is named."""

import numpy as np

from accelsim.accelerators.vitcod.rtl.cases import cases
from accelsim.accelerators.vitcod.rtl.coding import Projection
from accelsim.rtl.cosim import AFTER, check_values, cosimulate, library, run_model, run_module
from accelsim.workload.functional import Scaling, encode


def test_every_code_of_every_case_is_compared():
    drawn = list(cases("encoder", 8, 5, settings=1))
    outcome = cosimulate("encoder", drawn)
    assert outcome.first == ""
    codes = [x.weights.shape[0] * x.x[0].size for x in (case.operands for case in drawn) if x.items[:, 2].any()]
    assert outcome.values == sum(codes) > 1000


def test_a_code_that_differs_is_named():
    case = next(case for case in cases("encoder", 8, 5, settings=1) if case.operands.items[:, 2].any())
    model, sim = run_model(case)
    module = run_module(case, sim.at + AFTER, library(case.netlist))
    mine = np.flatnonzero(module[:, 1] == len(case.netlist.logged()))
    assert check_values(case, model, module).differences == 0
    for column, by, said in (
        (2, 1 << 24, "encoder 0: code feature: head "),
        (2, 1 << 16, "encoder 0: codes: value "),
        (0, 1, "encoder 0: codes: item "),
    ):
        wrong = module.copy()
        wrong[mine[-1], column] ^= by
        found = check_values(case, model, wrong)
        assert found.differences == 1 and found.first.startswith(said), found.first
    missing = check_values(case, model, np.delete(module, mine[-1], axis=0))
    assert missing.first == f"encoder 0: codes: {len(mine) - 1} items left the data path, not {len(mine)}"


def test_steps_are_token_by_token_and_go_on_where_the_columns_ended():
    items = np.array([(2, 3, 2, 1, 1, 0, 0), (9, 9, 0, 0, 1, 0, 0), (1, 1, 2, 1, 1, 0, 1), (1, 1, 2, 1, 1, 1, 1)])
    x = Projection(np.zeros((2, 2, 2), np.int8), np.zeros((1, 2), np.int8), Scaling(1, 0), items)
    steps = [(n, [tuple(map(int, one)) for one in zip(*step)]) for n, *step in x.steps()]
    assert steps == [
        (0, [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0)]),
        (2, [(0, 1, 1)]),
        (3, [(1, 1, 1)]),
    ]


def test_codes_are_those_of_the_functional_twin():
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (3, 2, 4)).astype(np.int8)
    weights = rng.integers(-128, 128, (2, 3)).astype(np.int8)
    code = encode(x, weights, 20000, 22)
    for token, feature, head in np.ndindex(2, 4, 2):
        total = sum(int(x[h, token, feature]) * int(weights[head, h]) for h in range(3))
        assert code[head, token, feature] == max(-128, min(127, (total * 20000 + 2**21) // 2**22))
