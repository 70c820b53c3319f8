"""The program in its own memory: faults that are found."""

import numpy as np
import pytest

from tests.validation.faults import faults


def ends(run):
    """The instructions that give a chunk back."""
    return run.instructions("program_gb")[run.commands("program_gb")["bytes"] > 0]


def test_the_program_is_cut_in_chunks_of_which_two_fit(clean):
    held = clean.tables["program_gb"]["bytes"]
    assert len(held) == len(ends(clean)) > 1 and clean.peak["program_gb"] == (held[:-1] + held[1:]).max()
    assert (held[:-1] > 1024).all()  # full but for what comes next
    moves = sum(len(clean.tables[b]) for b in ("weight_gb", "act_gb0", "index_buffer", "act_gb1"))
    loaded = len(clean.tables["program"]) - 1  # the first is wired; no command of the machine needs a second word
    assert held.sum() == 32 * loaded + 16 * moves + 6 * len(clean.tables["frees"])


def test_an_instruction_that_comes_before_its_chunk(run):
    run.log["program_gb.done"]["at"][1] += 50_000
    assert "its chunk came in" in faults(run)["program", "program_gb"][0]


def test_a_program_that_leaves_something_out(run):
    run.tables["program_gb"]["bytes"][-1] -= 16
    assert "expected" in faults(run)["program", "program_gb"][0]


def test_a_chunk_that_nobody_waits_for(run):
    run.tables["program"]["wait"][ends(run)[0]] = 0
    assert "chunk 1 of the program need not have arrived" in faults(run)["operands", "program_gb"][0]


@pytest.mark.parametrize("by", [-1, 1])
def test_a_chunk_that_ends_elsewhere(run, by):
    program, at = run.tables["program"], ends(run)[0]
    moved = np.insert(np.delete(program, at), at + by, program[at])
    run.tables["program"] = moved.view(np.recarray)
    assert any(scope == "program_gb" or name == "dispatch" for name, scope in faults(run))
