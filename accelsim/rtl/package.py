"""The modules of a machine, and the SystemVerilog package `isa` they share: tables and payloads, written from their
declarations in the simulator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from accelsim.core import STATUS_NAMES, InputError
from accelsim.core.wire import WIDE
from accelsim.rtl.vsim import SOURCES

KEYWORDS = ("begin", "end", "input", "output", "repeat", "table", "wait")  # of SystemVerilog; they get an underscore
COMPONENTS = SOURCES / "components"
STATUS_BITS = (len(STATUS_NAMES) - 1).bit_length()
# From the tables of a case, and the parameters of its units by unit: a table's rows as uint32[rows, words].
Rows = Callable[[Mapping[str, np.ndarray], Mapping[str, Mapping[str, int]]], np.ndarray]


@dataclass(frozen=True)
class Package:
    """Where a machine's modules stand, and what they share.

    sources: the folder of its modules; the harness's own (channels, scratchpads) stand beside them. tables, payloads:
    by name the words of a row and of an item. derived: of a table whose rows in hardware have more words than in the
    simulator, what makes its rows. declarations: lines that only its data path needs. signed: words of payloads that
    may be below zero. components: those of the shared components' modules (sv/components) that it has. bits: of tables
    whose words are not as wide as all others, by name those of each word. simulated: modules that no hardware can be
    made of, which stand for something in a simulation.
    """

    sources: Path
    tables: Mapping[str, tuple[str, ...]]
    payloads: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, Rows] = field(default_factory=dict)
    declarations: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    bits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    simulated: tuple[str, ...] = ()

    def text(self, bits: int) -> str:
        """The package with words of so many bits."""
        lines = [
            "// What the units' tables and channels carry, from the declarations of the simulator's components.",
            "package isa;",
            f"  localparam int W = {bits};",
            "  typedef logic [W-1:0] word_t;",
            *(f"  typedef logic [{wide}-1:0] {name}_t;" for name, wide in WIDE.items()),
            "  typedef logic [31:0] clock_t;  // a cycle number",
            f"  typedef enum logic [{STATUS_BITS - 1}:0] {{{', '.join(STATUS_NAMES).upper()}}} status_t;",
            *(
                line
                for name, fields in self.tables.items()
                for line in struct(f"{name}_row", fields, self.bits.get(name, {}))
            ),
            *(line for name, fields in self.payloads.items() for line in struct(name, fields)),
            *(f"  {line}" for line in self.declarations),
            "endpackage",
        ]
        return "\n".join(lines) + "\n"

    def payload(self, module: str, port: str, fields: Sequence[str]) -> str:
        """The name of the payload with these fields. Raises InputError when there is none."""
        for name, mine in self.payloads.items():
            if mine == tuple(fields):
                return name
        raise InputError(
            f"{module}.{port} carries {', '.join(fields) or 'no fields of its own'}, which no payload does: "
            f"expected those of {', '.join(self.payloads)}"
        )

    def rows(
        self, table: str, tables: Mapping[str, np.ndarray], parameters: Mapping[str, Mapping[str, int]]
    ) -> np.ndarray:
        """uint32[rows, words] of a table, as it is loaded into modules with these parameters. Raises InputError where a
        word has fewer bits than its value."""
        if table in self.derived:
            found = self.derived[table](tables, parameters)
        else:
            found = words(tables[table], self.tables[table])
        for n, name in enumerate(self.tables[table]):
            most, bits = int(found[:, n].max(initial=0)), self.bits.get(table, {}).get(name, 32)
            if most >> bits:
                raise InputError(f"the table {table} has {most} as {name}: expected at most {(1 << bits) - 1}")
        return found

    def module(self, name: str) -> Path:
        """Where a module's text stands."""
        places = (folder / f"{name}.sv" for folder in (self.sources, COMPONENTS))
        return next((path for path in places if path.exists()), SOURCES / f"{name}.sv")

    def modules(self) -> list[Path]:
        """Every module, by name."""
        shared = [COMPONENTS / f"{name}.sv" for name in self.components]
        return sorted([*self.sources.glob("*.sv"), *SOURCES.glob("*.sv"), *shared], key=lambda path: path.name)


def struct(name: str, fields: Sequence[str], bits: Mapping[str, int] = {}) -> list[str]:
    """The declarations of a packed struct, its width and its type; its first field is in the low bits. `bits`: of words
    that are not as wide as all others."""
    wide = [f for f in fields if f in WIDE and f not in bits]
    words_ = [f"{len(fields) - len(wide) - len(bits)} * W"] * (len(fields) > len(wide) + len(bits))
    width = " + ".join([*words_, *(str(WIDE[f]) for f in wide), *([str(sum(bits.values()))] if bits else [])])
    kinds = {f: f"logic [{bits[f] - 1}:0]" if f in bits else f"{f}_t" if f in WIDE else "word_t" for f in fields}
    spelled = "".join(f" {kinds[f]} {f}{'_' * (f in KEYWORDS)};" for f in reversed(fields))
    return [f"  localparam int {name}_bits = {width};", f"  typedef struct packed {{{spelled} }} {name}_t;"]


def words(table: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """uint32[rows, fields] of a record table."""
    return (
        np.stack([table[n].astype(np.uint32) for n in names], axis=1) if len(table) else np.zeros((0, len(names)), "u4")
    )
