"""What a data path is to the harness: the values that stand behind the control, which moves numbers of rows and places.

A machine whose modules carry data hands one in with each netlist (`Netlist.sizes`), and with each case what it computes
on (`Case.operands`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

Parameters = Mapping[str, Mapping[str, int]]  # of each unit
Wires = Mapping[str, tuple[int, int, int]]  # of each wire its depth, and items a cycle (in, out)


class DataPath(Protocol):
    """The data path of a netlist.

    modules: those it is made of. result: of what can be observed, what a testbench compares.
    """

    modules: tuple[str, ...]
    result: str

    def loads(self) -> Mapping[str, int]:
        """What is loaded beside the tables of the control, and 32-bit words of a row."""

    def observed(self) -> Mapping[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one."""

    def told(self, unit: str) -> Iterable[str]:
        """The outputs of a unit that it needs; each is a signal UNIT_NAME."""

    def ports(self) -> list[str]:
        """Of the top module: NAME_we, NAME_address and NAME_data of what is loaded, NAME_push and NAME_item of what can
        be seen; its other inputs are zero in a testbench."""

    def declarations(self) -> list[str]:
        """The signals between control and data path; they stand before the units."""

    def body(self) -> list[str]:
        """The data path itself, behind the units."""


def ports_of(data: DataPath) -> list[str]:
    """Of the top module, for what is loaded and what can be seen."""
    ports = []
    for name, words in data.loads().items():
        ports += [f"input logic {name}_we", f"input logic [31:0] {name}_address"]
        ports.append(f"input logic [{32 * words - 1}:0] {name}_data")
    for name, (items, words) in data.observed().items():
        ports += [f"output logic [7:0] {name}_push", f"output logic [{32 * items * words - 1}:0] {name}_item"]
    return ports


class Sizes(Protocol):
    """What a data path has room for."""

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> DataPath:
        """The data path of a netlist: parameters of its units, rows of its tables, its wires."""


class Operands(Protocol):
    """What the data path of a case computes on, and what it must compute.

    `data` is the netlist's data path, `tables` are the case's, `moved` are the control's transfers: of each channel
    int64[transfers, 1 + fields], cycle and payload; and, as UNIT_status, of each unit's changes of status the same.
    """

    def loads(self, data: DataPath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with."""

    def compare(
        self,
        name: str,
        data: DataPath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> "Comparison":
        """Every value that was seen against the functional twin; `seen`: of what can be observed int64[items, 1 +
        words], cycle and words; `parameters`: of the units."""

    def results(self, data: DataPath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]) -> np.ndarray:
        """int64[items, 1 + words]: the cycle and the words of every item of `data.result`, by the functional twin."""


class Held(Protocol):
    """What a whole machine's data path computes on, of which what memories hold in the end is compared."""

    def loads(self, data: DataPath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """As of `Operands`."""

    def finish(self, name: str, bench: Any) -> "Comparison":
        """Every value that a bench (rtl.vsim.Bench), whose run has ended, is to hold, against the functional twin."""

    def said(self) -> str:
        """What of the machine has values, in a part of a sentence."""


class Comparison:
    """Values compared so far, how many differ, and the first that does."""

    def __init__(self, name: str) -> None:
        self.name, self.values, self.differences, self.first = name, 0, 0, ""

    def note(self, text: str, count: int = 1) -> None:
        """Something that differs."""
        self.differences += count
        self.first = self.first or f"{self.name}: {text}"

    def times(self, what: str, found: np.ndarray, wanted: np.ndarray) -> bool:
        """Cycles in which items left; False when there are not as many as wanted."""
        if len(found) != len(wanted):
            self.note(f"{what}: {len(found)} items left the data path, not {len(wanted)}")
            return False
        for n in np.flatnonzero(found != wanted)[:1]:
            late = int((found != wanted).sum())
            self.note(f"{what}: item {n} left the data path in cycle {found[n]}, not {wanted[n]}", late)
        return True

    def equal(self, what: str, found: np.ndarray, wanted: np.ndarray, **where: np.ndarray) -> None:
        """Values one by one; `where`: by name (head, row, ...) the place of each."""
        self.values += len(wanted)
        wrong = np.flatnonzero(np.asarray(found, np.int64) != np.asarray(wanted, np.int64))
        if len(wrong):
            first = wrong[0]
            place = ", ".join(f"{name} {at[first]}" for name, at in where.items())
            sides = f"{found[first]} in the module and {wanted[first]} in the functional twin"
            self.note(f"{what}: {place} is {sides}", len(wrong))
