"""Programs that are asked for again: points of a sweep differ in much that no program knows of."""

from collections.abc import Callable
from weakref import ref

from accelsim.dataflows.program import Program
from accelsim.workload.workload import Workload

MOST = 12  # programs that are kept
MOST_BYTES = 1 << 24  # of one; a larger one is not kept


class Programs:
    """The programs that were made last, each with what it was made of. Nothing that runs one writes into it."""

    def __init__(self) -> None:
        self.kept: list[tuple[ref[Workload], object, Program]] = []

    def fill(self, program: Program, workload: Workload, of: object, make: Callable[[], None]) -> None:
        """Have an empty program filled by `make`, or with what that made of the same workload and of what compares
        equal, for the same machine."""
        for at, (whose, what, made) in enumerate(self.kept):
            if whose() is workload and made.names == program.names and what == of:
                vars(program).update(vars(made))
                self.kept.insert(0, self.kept.pop(at))
                return
        make()
        program.end()
        if size(program) <= MOST_BYTES:
            self.kept = [(ref(workload), of, program), *(one for one in self.kept if one[0]())][:MOST]


def size(program: Program) -> int:
    """Bytes of its arrays."""
    arrays = program.words, program.operands, *program.tiles.values(), *program.tables.values()
    return sum(len(some) * some.itemsize for some in arrays)
