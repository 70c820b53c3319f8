"""What a machine whose dense layers run on a systolic array hands in: what its commands say they read and give back."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block
from accelsim.validation.evidence import Evidence
from accelsim.validation.judge import Judge, Pace
from accelsim.validation.products.commands import Command, Pes
from accelsim.validation.products.dense import DenseProducts
from accelsim.validation.program import Step
from accelsim.workload.layers import Gemm


class ProductJudge(Judge):
    """Judges a machine with a systolic array, which computes its dense layers.

    computed: the commands that could be placed, each with the block it computes, layer by layer. table: of what a
    command gives back (isa.tables.FREES). turns_weights: whether what comes through the weight buffer may lie along
    the stream (keys, values).
    """

    table: ClassVar[str] = "frees"
    turns_weights: ClassVar[bool] = True
    constants = True

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        self.computed: list[tuple[Command, Block]] = []
        self.pes = Pes.of(evidence)

    def frees(self, step: Step) -> Mapping[str, int]:
        if step.unit != self.array:
            return {}
        row = self.evidence.tables[self.table][step.nth]
        return {self.weight: int(row["weight"]), self.act: int(row["act"])}

    def read_faults(
        self, command: Command, resident: bool = False, constants: int = 0, added: int = 0
    ) -> Iterator[str]:
        """Whether a command says how many bytes it reads of each buffer, and what of them is for the vector unit;
        constants: bytes of bias and scale of a feature. added: of each output, read where activations are."""
        row, said = self.evidence.tables[self.table][command.step.nth], command.step.operands
        leaves = bool(command.to)
        for name, wanted in (("constants", constants * leaves), ("added", added * leaves)):
            if said[name] != wanted:
                yield f"it says {said[name]} of `{name}`, not {int(wanted)}"
        first, second = self.pes.reads(command)
        second += self.pes.times(command) * command.columns * constants * leaves
        wanted, said = (0 if resident else first) + command.outputs * added, int(row["act_read"])
        if said != wanted:
            yield f"it says that it reads {said} bytes of {self.act}, but it reads {wanted}"
        if row["weight_read"] != second:
            yield f"it says that it reads {row['weight_read']} bytes of {self.weight}, but it reads {second}"

    def edges(self) -> tuple[int, int]:
        """Bytes a cycle at the array's left and top edge."""
        parts = self.evidence.arch.parts
        width = [parts[b]["banks"] * parts[b]["port_bytes"] for b in (self.act, self.weight)]
        return tuple(width[::-1] if self.pes.dataflow == "is" else width)

    def words(self) -> tuple[int, int]:
        """Bytes of a word of the transposing stages at these edges; 1 where there is none."""
        act, weight = (int(self.evidence.arch.parts[b]["port_bytes"]) for b in (self.act, self.weight))
        weight = weight if self.turns_weights else 1
        return {"os": (act, weight), "ws": (1, weight), "is": (weight, act)}[self.pes.dataflow]

    def paces(self) -> Iterator[Pace]:
        some = [dict(zip(one.dtype.names, one.tolist())) for one in self.evidence.commands(self.array)]
        least = np.array([self.pes.least_cycles(said, self.edges(), self.words()) for said in some], np.int64)
        yield Pace(self.array, "a command takes the cycles of its folds", least)
        yield from super().paces()

    def follower(self, course: Course) -> Follower:
        return DenseProducts(course) if isinstance(course.layer, Gemm) else super().follower(course)
