"""What is asked of a machine that hands in nothing, and what a machine's judge can hand in."""

import dataclasses

import pytest

from accelsim.accelerators.vitcod.checks import ViTCoDJudge
from accelsim.validation import Judge, examine
from tests.validation.faults import drop


def test_a_machine_that_hands_in_nothing(clean):
    report = examine(Judge(clean))
    assert report.failed == []
    names = {"totals", "buffers", "dispatch", "program", "bursts", "loads", "order", "stores"}
    assert {c.name for c in report.checks} == names


def test_its_transfers_are_judged_all_the_same(run):
    drop(run, "dram.reply", 5)
    assert {c.name for c in examine(Judge(run)).failed} == {"bursts"}


def test_a_total_that_a_machine_hands_in(clean):
    class Expecting(Judge):
        def expected(self):
            yield "merge", "requant_ops", 1

    (failed,) = examine(Expecting(clean)).failed
    assert failed.scope == "merge.requant_ops" and "where 1 are expected" in failed.differences[0]


def test_a_buffer_for_one_load_at_a_time(clean):
    class Exclusive(ViTCoDJudge):
        def exclusive(self, buffer):
            return buffer == "weight_gb"

    (failed,) = examine(Exclusive(clean)).failed
    assert (failed.name, failed.scope) == ("buffers", "weight_gb")
    assert failed.compared == "there is room for a load when it is asked for"


def test_columns_that_are_kept_otherwise(clean):
    class Plain(ViTCoDJudge):
        def groups(self, layer):
            return [dataclasses.replace(group, lies=None) for group in super().groups(layer)]

    assert "layer qkv" in {c.scope for c in examine(Plain(clean)).failed}


def test_an_array_whose_instructions_nobody_explains(clean):
    class Silent(ViTCoDJudge):
        part = Judge.part

    with pytest.raises(TypeError, match="Silent does not say what an instruction of engine says: define `part`"):
        examine(Silent(clean))
