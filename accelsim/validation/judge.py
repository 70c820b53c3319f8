"""What a machine hands in to be judged: what its tensors are, what its instructions say, what it must have counted, and
checks of its own. A machine derives a class from Judge; an object of it judges one run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from accelsim.validation.course import Course, Follower
from accelsim.validation.dense import DenseFollower, Group, Part
from accelsim.validation.evidence import Evidence
from accelsim.validation.kept import sent
from accelsim.validation.memory import Tensor
from accelsim.validation.program import Step
from accelsim.validation.report import Report
from accelsim.validation.vector import VectorFollower, vector_cycles
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.network import Network, Rule


@dataclass(frozen=True)
class Pace:
    """How fast a unit can be at most: the least cycles of each of its commands, from when it can be taken up and the
    one before is done. rule: that as a sentence. leaving: cycles from a command's end to its `done`; in them, and while
    what it leaves finds no room, the next one may run. None: it ends when it is done."""

    unit: str
    rule: str
    least: np.ndarray
    leaving: int | None = None


class Judge:
    """What is asked of any machine. A subclass says what its parts are and hands in what only it knows.

    array: the unit that computes the dense layers. vector: a VectorUnit that does the normalising and element-wise
    ones. weight, act: the buffers these read. store: the one that their results go to. Empty: it has none that is used
    as the shared dataflows use it, and `own_follower` follows these layers too. constants: whether biases, scales and
    the constants of norms are loaded.
    """

    array: ClassVar[str] = ""
    vector: ClassVar[str] = ""
    weight: ClassVar[str] = ""
    act: ClassVar[str] = ""
    store: ClassVar[str] = ""
    shared_ports: ClassVar[bool] = False  # whether a bank's one port serves reading and writing
    constants: ClassVar[bool] = False

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def rule(self, layer: Attention) -> Rule:
        """How the machine runs an attention layer: which scores count, through which softmax. Here all of them, by the
        rows' own maxima."""
        return Rule(np.ones((layer.heads, layer.q_tokens, layer.kv_tokens), bool), False, "max")

    @cached_property
    def network(self) -> Network:
        """The values that go through the network, as the functional twin has them."""
        return Network(self.evidence.workload, self.rule)

    def expected(self) -> Iterator[tuple[str, str, int]]:
        """(part, counter, what the whole run must have counted), from the network alone."""
        yield from ()

    def tensors(self) -> Sequence[Tensor] | None:
        """All that lies in DRAM, with the sizes the layers give it; memory.layer_tensors gives that of all layers but
        attention. None: not known, and nothing that the program says is judged."""
        return None

    @cached_property
    def found_on_chip(self) -> frozenset[int]:
        """The layers whose input is not loaded, since the output of the layer before it was handed on."""
        return frozenset(n + 1 for n, goes in sent(self.evidence, self.store).items() if any(goes))

    def groups(self, layer: Gemm) -> Sequence[Group]:
        """How the output columns of a dense layer are kept; together they are all columns."""
        return [Group(0, layer.out_features)]

    def part(self, step: Step) -> Part:
        """What an instruction of the array says."""
        raise TypeError(f"{type(self).__name__} does not say what an instruction of {self.array} says: define `part`")

    def part_faults(self, step: Step, group: Group, column: int) -> list[str]:
        """What is wrong with the other operands of a tile's last part, which begins at a column of a group."""
        return []

    @property
    def partial_sum_bytes(self) -> int | None:
        """What there is for the sums of a tile between two of its parts; None: they stay where they are."""
        return None

    def frees(self, step: Step) -> Mapping[str, int]:
        """Bytes of each buffer that a unit gives back by itself when it is done with an instruction."""
        return {}

    def exclusive(self, buffer: str) -> bool:
        """Whether a load of a buffer begins only when nothing else is in it."""
        return self.evidence.result.parts[buffer].parameters.get("overlap") == "false"

    def readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """What reads a buffer beside the unit whose bytes it counts itself: (part, counter), by the buffer's name."""
        return {self.act: [(self.vector, "read_bytes")]} if self.act and self.vector else {}

    def bit_readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """The same, of counters that count single bits."""
        return {}

    def paces(self) -> Iterator[Pace]:
        """How fast units can be."""
        if self.vector:
            unit = self.evidence.result.parts[self.vector].parameters
            least, _ = vector_cycles(unit, self.evidence.commands(self.vector))
            yield Pace(self.vector, "a command takes the cycles of its sweeps", least)

    def follower(self, course: Course) -> Follower:
        """What follows the instructions of a layer and enters what each reads."""
        if isinstance(course.layer, Gemm) and self.array:
            return DenseFollower(course)
        if isinstance(course.layer, Norm | Elementwise) and self.vector:
            return VectorFollower(course)
        return self.own_follower(course.layer, course)

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        """What follows a layer that is not run as the shared dataflows run it, such as attention."""
        return Follower()

    def begin(self, report: Report) -> None:
        """Checks of its own before the program is gone through."""

    def end(self, report: Report) -> None:
        """Checks of its own when everything else has been."""
