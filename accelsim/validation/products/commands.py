"""What commands of the array say, and what the array makes of them whatever they belong to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accelsim.validation.coverage import Block
from accelsim.validation.evidence import Evidence
from accelsim.validation.program import Step

ELSEWHERE, VECTOR, SOFTMAX = range(3)  # where outputs go: they stay partial sums, or to a unit


@dataclass(frozen=True)
class Command:
    """A command: `rows` x `columns` outputs and `deep` of their accumulation.

    first, last: whether a fold begins and ends with it. adds: whether earlier partial sums are added. to: where its
    outputs go. passes: of the vector unit. at: the first row of its scores in a tile of the softmax unit.
    """

    step: Step
    rows: int
    columns: int
    deep: int
    first: bool
    last: bool
    adds: bool
    to: int
    passes: int
    at: int

    @property
    def outputs(self) -> int:
        """Outputs that leave with it."""
        return self.rows * self.columns if self.to else 0

    @property
    def macs(self) -> int:
        """Its multiplications."""
        return self.rows * self.columns * self.deep

    @property
    def where(self) -> str:
        """It, in a sentence."""
        return f"instruction {self.step.at}"


@dataclass(frozen=True)
class Pes:
    """The array: its sizes, and what stays in it. accumulators: bytes for partial sums at the bottom edge; None where
    there is no limit. shadow: whether folds overlap."""

    rows: int
    columns: int
    dataflow: str
    accumulators: int | None
    shadow: bool
    scalesim: bool
    hop: int
    row_skip: bool

    @classmethod
    def of(cls, evidence: Evidence) -> "Pes":
        """As configured."""
        said = evidence.result.parts["array"].parameters
        numbers = {n: int(said[n]) for n in ("rows", "columns", "psum_hop", "accumulator_bytes")}
        scalesim, row_skip = said["timing"] == "scalesim", said["row_skip"] == "true"
        shadow = said["overlap"] == "shadow" or (said["overlap"] == "auto" and not scalesim and not row_skip)
        room = None if scalesim else numbers["accumulator_bytes"]
        shape = numbers["rows"], numbers["columns"], said["dataflow"]
        return cls(*shape, room, shadow, scalesim, numbers["psum_hop"], row_skip)

    @property
    def outputs_stay(self) -> bool:
        """Output-stationary; else an operand stays, and partial sums leave at the bottom."""
        return self.dataflow == "os"

    def read(self, step: Step) -> Command:
        """A command as outputs and a part of their accumulation."""
        said = step.operands
        along, across, stream = said["rows"], said["columns"], said["stream"]
        shape = {"os": (along, across, stream), "ws": (stream, across, along), "is": (across, stream, along)}
        flags = (bool(said[name]) for name in ("first", "last", "adds"))
        return Command(step, *shape[self.dataflow], *flags, said["to"], said["passes"], said["row"])

    def leaving(self, command: Command) -> Iterator[tuple[int, int, int]]:
        """(first row, rows, columns) of the blocks in which the outputs of a command leave."""
        if not command.to:
            return
        high = self.rows if self.outputs_stay else command.rows
        for row in range(0, command.rows, high):
            yield row, min(high, command.rows - row), command.columns

    def folds(self, command: Command) -> int:
        """How many folds it takes one after the other."""
        return -(-(command.rows if self.outputs_stay else command.deep) // self.rows)

    def least_cycles(self, said: Mapping[str, int], edges: tuple[int, int], words: tuple[int, int] = (1, 1)) -> int:
        """Cycles that a command takes at least; `edges`: bytes a cycle from the left and from the top, `words`: bytes
        of what is read there whole, where operands lie along the stream.

        Where folds overlap the streams follow each other; else a fold that begins is loaded, streamed and drained.
        """
        (left, top), total, columns = edges, 0, said["columns"]
        stream = said["stream"]
        sideways, down = (-(-stream // word) * word for word in words)
        for at in range(0, said["rows"], self.rows):
            rows = min(self.rows, said["rows"] - at)
            span = rows if self.row_skip else self.rows
            leave = self.outputs_stay or at + rows == said["rows"]
            high = {"os": rows, "ws": stream, "is": columns}[self.dataflow]
            wide = stream if self.dataflow == "is" else columns
            more = [leave * high * wide * said["added"], leave * wide * said["constants"]]  # activations, weights
            if self.dataflow == "is":
                more.reverse()
            taken = [-(-(rows * sideways + more[0]) // left), -(-(more[1] + columns * down * self.outputs_stay) // top)]
            beat = -(-rows // left)
            if self.outputs_stay:
                beat = max(beat, -(-columns // top))
            total += max(stream * beat, *taken)
            if not self.shadow and said["first"]:
                hop = self.hop if not self.outputs_stay else 1 if self.scalesim else 2
                total += hop * (span - 1) + self.columns - 1
                held = -(-columns * -(-rows // words[1]) * words[1] // top)
                total += 0 if self.outputs_stay else max(span - rows + rows * -(-columns // top), held)
        return total

    def times(self, command: Command) -> int:
        """How often a command reads its second operand, and what its columns leave with."""
        return self.folds(command) if self.outputs_stay else 1

    def reads(self, command: Command) -> tuple[int, int]:
        """Bytes of the first and of the second operand of a product that enter the array."""
        first, second = command.rows * command.deep, command.columns * command.deep * self.times(command)
        return first * (command.first or self.dataflow != "is"), second * (command.first or self.dataflow != "ws")


class Placed:
    """Follows what the PEs and the accumulators hold, command by command, once it is known what each computes."""

    def __init__(self, pes: Pes) -> None:
        self.pes, self.before, self.sums = pes, None, 0

    def faults(self, command: Command, block: Block, depth: int, product: str) -> Iterator[str]:
        """What is wrong with how a command begins, ends, adds up and leaves. block: what it computes of a product of
        this depth."""
        pes, ends = self.pes, block.depth + block.deep == depth
        whole = command.first and command.last
        if bool(command.to) != ends:
            yield "its outputs leave before or after their accumulation ends"
        if pes.outputs_stay:
            if command.columns > pes.columns:
                yield f"it has {command.columns} columns of {pes.columns}"
            if (command.first, command.last) != (block.depth == 0, ends):
                yield "its fold does not begin and end with the accumulation of its outputs"
            if not whole and command.rows > pes.rows:
                yield "the sums of its first rows are lost"
            held = product, block.group, block.row, block.rows, block.column, block.columns
        else:
            across = command.columns if pes.dataflow == "ws" else command.rows
            if across > pes.columns:
                yield f"it has {across} columns of {pes.columns}"
            stream = command.rows if pes.dataflow == "ws" else command.columns
            room = max(2 * pes.rows, pes.columns)
            if command.to and not pes.scalesim and stream > room:
                yield f"{stream} outputs of a column leave at once, but {room} have room behind the array"
            if command.adds != (block.depth > 0):
                yield "it adds partial sums where there are none, or leaves out those that there are"
            if not whole and command.deep > pes.rows:
                yield "the operand of its first rows is not in the array any more"
            side = (block.column, block.columns) if pes.dataflow == "ws" else (block.row, block.rows)
            held = product, block.group, *side, block.depth, block.deep
            yield from self.accumulate(block, depth)
        open_fold = self.before is not None and not self.before[0]
        if command.first == open_fold:
            yield "its fold begins before the one before has ended" if open_fold else "it goes on with no fold"
        elif not command.first and self.before[1] != held:
            yield "it goes on with the fold of something else"
        self.before = command.last, held

    def accumulate(self, block: Block, depth: int) -> Iterator[str]:
        """Partial sums between folds have room: each column has accumulators of its own, idle columns too."""
        stream, ends = block.rows if self.pes.dataflow == "ws" else block.columns, block.depth + block.deep == depth
        size = stream * self.pes.columns
        if block.depth == 0:
            self.sums += size
        needed = self.sums if block.depth or not ends or block.deep > self.pes.rows else 0
        if self.pes.accumulators is not None and 4 * needed > self.pes.accumulators:
            room = self.pes.accumulators // (4 * self.pes.columns)
            yield f"{needed // self.pes.columns} partial sums of a column do not fit the {room} it has room for"
        if ends:
            self.sums -= size
