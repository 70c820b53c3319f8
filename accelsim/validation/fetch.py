"""The program as it is loaded: how large it is, that no instruction is dispatched before its chunk is there, and that a
chunk is given back only when all of it has been dispatched."""

from collections.abc import Iterator

import numpy as np

from accelsim.isa.instructions import MARK
from accelsim.validation.evidence import Evidence, sizes
from accelsim.validation.memory import Tensor
from accelsim.validation.program import Ledger, Step
from accelsim.validation.report import Report

HEADER_BYTES, OPERAND_BYTES, WORD_BYTES, DESCRIPTOR_BYTES = 8, 2, 32, 16  # docs/timing.md


def instruction_sizes(evidence: Evidence) -> np.ndarray:
    """Bytes of every instruction: a header and two bytes an operand, or less in short form, in whole words. The first
    is wired, not loaded."""
    operands = np.array([len(fields) for fields in evidence.names.units.values()] + [0])  # a mark has none
    unit = evidence.tables["program"]["unit"]
    bits = 8 * (HEADER_BYTES + OPERAND_BYTES * operands[np.where(unit == MARK, -1, unit)])
    for name, short in evidence.names.short.items():
        said, at = evidence.commands(name), evidence.instructions(name)
        fits = np.all([(said[field] >= 0) & (said[field] >> wide == 0) for field, wide in short.items()], axis=0)
        bits[at[fits]] -= sum(8 * OPERAND_BYTES - wide for wide in short.values())
    words = -(-bits // (8 * WORD_BYTES))
    return np.where(np.arange(len(unit)) > 0, words * WORD_BYTES, 0)


def program_bytes(evidence: Evidence) -> int:
    """Bytes of the whole program: instructions, descriptors of all other buffers, rows of tables that come along."""
    names, tables = evidence.names, evidence.tables
    moves = sum(len(tables[part]) for part in (*names.buffers, *names.stores) if part != names.memory)
    rows = sum(size * len(tables[table]) for table, size in names.row_bytes.items())
    return int(instruction_sizes(evidence).sum()) + DESCRIPTOR_BYTES * moves + rows


def program_tensor(evidence: Evidence) -> Iterator[Tensor]:
    """The program in DRAM, if the machine loads it."""
    if evidence.names.memory:
        yield Tensor(name="program", layer=0, size=program_bytes(evidence), constant=True)


def chunks(evidence: Evidence) -> np.ndarray:
    """The chunk that each instruction is of: each ends with the instruction that gives it back."""
    memory = evidence.names.memory
    ends = np.zeros(len(evidence.tables["program"]), np.int64)
    ends[evidence.instructions(memory)] = evidence.commands(memory)["bytes"] > 0
    return np.cumsum(ends) - ends


def read_chunks(evidence: Evidence, steps: list[Step], ledger: Ledger) -> None:
    """Enter for every instruction that it is read from its chunk, which must have arrived."""
    for step, chunk in zip(steps, chunks(evidence).tolist(), strict=True):
        if step.at:
            ledger.reads += 1
            ledger.needs.setdefault(chunk, {})
            ledger.last[chunk] = step.at
            if step.known[ledger.buffer] <= chunk:
                ledger.absent.append(f"instruction {step.at}: chunk {chunk} of the program need not have arrived")


def check_fetch(evidence: Evidence, dispatched: np.ndarray, report: Report) -> None:
    """What crossed the wires. dispatched: the cycle of every instruction; -1 for marks."""
    memory = evidence.names.memory
    if not memory:
        return
    of, held = chunks(evidence), sizes(evidence.tables[memory])
    size = instruction_sizes(evidence)
    inside = np.bincount(of, size, len(held)) if len(of) and of[-1] < len(held) else np.full(len(held), -1)
    report.compare(
        "program",
        memory,
        "a chunk has room for its instructions, and two fit",
        (inside >= 0) & (inside <= held) & (2 * held <= evidence.part(memory, "capacity_bytes")),
        lambda n: f"chunk {n} of {held[n]} bytes has {inside[n]:.0f} bytes of instructions",
    )
    report.equal("program", memory, "bytes of the program", int(held.sum()), program_bytes(evidence))
    told = evidence.log[f"{memory}.done"]["at"]
    if len(told) != len(held) or (len(of) and of[-1] >= len(held)):
        return
    late = (dispatched >= 0) & (np.arange(len(of)) > 0)
    report.compare(
        "program",
        memory,
        "no instruction is dispatched before its chunk is there",
        ~late | (dispatched > told[of]),
        lambda n: f"instruction {n} in cycle {dispatched[n]}, its chunk came in {told[of[n]]}",
    )
