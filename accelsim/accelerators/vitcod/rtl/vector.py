"""The data path behind the vector unit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accelsim.accelerators.vitcod.rtl.dense import address_bits
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil
from accelsim.rtl.datapath import Parameters, Wires, ports_of

TOLD = {"begins": "1", "tiled": "1", "cycles": "isa::W"}
ROOT_CYCLES = 12  # from a row's last squares to what it is normalised with, beside the stages of root and quotient
FEATURES = 12  # bits of a row's features
JOB = 9  # words of a job


@dataclass(frozen=True)
class VectorSizes:
    """What the bench of the vector unit's data path has room for: items of the array and commands, words of activations
    and of sums, features of all norms, tables."""

    items: int = 64
    commands: int = 32
    acts: int = 4096
    sums: int = 4096
    constants: int = 4096
    tables: int = 16

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "VectorDatapath":
        """The data path of a netlist with the one unit `unit`."""
        one = values["unit"]
        return VectorDatapath(self, one["lanes"], one["reduce_cycles"], one["rsqrt_cycles"], one["rows"])


@dataclass(frozen=True)
class VectorDatapath:
    """The data path of the vector unit, and the memories it reads: activations, what the array has left, gains and
    offsets, tables. Raises InputError for fewer cycles of reductions and roots than it takes."""

    sizes: VectorSizes
    lanes: int
    reduce_cycles: int
    rsqrt_cycles: int
    rows: int
    modules = ("scratchpad", "vector_lane", "reciprocal_root", "vector_unit_datapath")
    result = "values"

    @property
    def word(self) -> int:
        """Features of a word of gains or offsets."""
        return max(2, 1 << (self.lanes - 1).bit_length())

    @property
    def root_bits(self) -> int:
        """Bits of a root, and of a quotient, that are found in a stage."""
        stages = self.reduce_cycles + self.rsqrt_cycles - ROOT_CYCLES
        for bits in range(1, 18):
            if ceil(16, bits) + ceil(17, bits) <= stages:
                return bits
        raise InputError(
            f"vector: the data path needs {ROOT_CYCLES + 2} cycles from a row's sums to its root; reduce_cycles "
            f"{self.reduce_cycles} and rsqrt_cycles {self.rsqrt_cycles} are {ROOT_CYCLES + stages}"
        )

    def loads(self) -> dict[str, int]:
        """What is loaded, and 32-bit words of a row."""
        return {
            "acts": ceil(self.lanes, 4), "sums": 2 * self.lanes, "gains": self.word // 2, "offsets": 2 * self.word,
            "tables": 64, "items": JOB, "commands": JOB,
        }  # fmt: skip

    def observed(self) -> dict[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one."""
        return {"values": (1, ceil(self.lanes, 4))}

    def told(self, unit: str) -> Iterable[str]:
        """The outputs of a unit that the data path needs."""
        return TOLD

    def ports(self) -> list[str]:
        """Of the top module."""
        return ports_of(self)

    def declarations(self) -> list[str]:
        """The signals between control and data path."""
        return [f"  logic [{bits}-1:0] unit_{name};" for name, bits in TOLD.items()]

    def body(self) -> list[str]:
        """The data path and its memories."""
        lines, pins = [], []
        sizes, lanes, word = self.sizes, self.lanes, self.word
        memories = [  # its load, its name inside, bits of a word, words, ports; bits of an element, loaded and kept
            ("acts", "act", 8 * lanes, sizes.acts, 2, 8, 8),
            ("sums", "sum", 54 * lanes, sizes.sums, 1, 64, 54),
            ("gains", "gain", 16 * word, ceil(sizes.constants, word) + 2, 2, 16, 16),
            ("offsets", "offset", 34 * word, ceil(sizes.constants, word) + 2, 2, 64, 34),
            ("tables", "table", 2048, sizes.tables, 1, 2048, 2048),
        ]
        for loaded, name, width, words, ports, each, kept in memories:
            bits = address_bits(words)
            at = f"{name}__at" if ports > 1 else f"{name}__at[0]"
            elements = ", ".join(f"{loaded}_data[{each * n}+:{kept}]" for n in reversed(range(width // kept)))
            read = f"{name}__read" if name == "act" or ports == 1 else f"{{2{{{name}__read}}}}"
            lines += [
                f"  logic [{ports if name == 'act' else 1}-1:0] {name}__read;",
                f"  logic [{ports - 1}:0][31:0] {name}__at;",
                f"  logic [{ports - 1}:0][{bits + 1}:0] {name}__place;",
                f"  logic [{ports - 1}:0][{width - 1}:0] {name}__value;",
                f"  for (genvar n = 0; n < {ports}; n++)",
                f"    assign {name}__place[n] = {{2'b0, {bits}'({name}__at[n])}};",
                f"  scratchpad #(.WIDTH({width}), .SLICE({width}), .TOKENS({1 << bits}), .READS({ports}))",
                f"    {name}__words (",
                f"      .clk, .we({loaded}_we), .address({bits + 1}'({loaded}_address)), .data({{{elements}}}),",
                f"      .read({read}), .at({name}__place), .slice('0), .value({name}__value));",
            ]
            value = f"{name}__value" if ports > 1 else f"{name}__value[0]"
            pins.append(f".{name}_read({name}__read), .{name}_at({at}), .{name}_value({value})")
        told = ", ".join(f".{name}(unit_{name})" for name in TOLD)
        return [
            *lines,
            f"  vector_unit_datapath #(.LANES({lanes}), .ITEMS({sizes.items}), .COMMANDS({sizes.commands}), "
            f".ROWS({1 << address_bits(self.rows)}), .FEATURES({FEATURES}), .BITS({self.root_bits})) data (",
            f"      .clk, .rst, {told},",
            *(
                f"      .{name}_we, .{name}_address, .{name}_data({{{job_fields(f'{name}_data')}}}),"
                for name in ("items", "commands")
            ),
            *(f"      {pin}," for pin in pins),
            "      .values_push, .values_item);",
        ]


def job_fields(data: str) -> str:
    """The fields of a job in the words it is loaded as, the last first."""
    fields = (
        (224, 48), (192, 16), (208, 6), (160, 16), (176, 6), (144, 10), (128, FEATURES), (96, 32), (64, 32), (32, 32),
        (24, 8), (16, 8), (0, 16),
    )  # fmt: skip
    return ", ".join(f"{data}[{at}+:{bits}]" for at, bits in fields)
