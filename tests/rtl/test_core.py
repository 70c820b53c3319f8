"""All attention units wired as in the machine: random passes, and the published masks of DeiT-Tiny."""

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.vitcod import build
from accelsim.codesign.import_mask import import_mask
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.rtl.core import SMALL, random_cases, values_of, workload_cases
from accelsim.rtl.cosim import cosimulate
from accelsim.workload import load


def every_pass(workload, name: str):
    sim, program = build(load_arch("vitcod", schema), workload)
    return list(workload_cases(program.finish(), values_of(sim), name))


def test_not_one_transfer_differs_in_random_passes():
    outcome = cosimulate("attention_core", random_cases(10, 5, used=[SMALL]))
    assert outcome.first == ""
    assert outcome.cases == 10 and all(outcome.counts.values())


@pytest.mark.slow
def test_not_one_transfer_differs_in_300_random_passes():
    outcome = cosimulate("attention_core", random_cases(300, 9))
    assert outcome.first == ""
    assert outcome.cases == 300 and all(outcome.counts.values())


@pytest.mark.slow
def test_not_one_transfer_differs_on_the_published_masks(reference):
    folder = reference / "vitcod_masks"
    masks = import_mask(folder / "info_0.95.npy", "deit_tiny", folder / "global_token_info_0.95.npy")
    outcome = cosimulate("published", every_pass(masks, "published"))
    assert outcome.first == ""
    assert outcome.counts["merge_row"] == 12 * 3 * 197


@pytest.mark.slow
def test_not_one_transfer_differs_on_a_shipped_workload():
    outcome = cosimulate("deit_tiny_s90", every_pass(load(find("workloads", "deit_tiny_s90")), "deit_tiny_s90"))
    assert outcome.first == ""
    assert outcome.counts["merge_row"] == 12 * 3 * 197
