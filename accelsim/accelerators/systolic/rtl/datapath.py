"""The data path behind the array's control, and the memories at its edges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accelsim.dataflows.tiling import ceil
from accelsim.rtl.datapath import Parameters, Wires, ports_of

BEATS = {"moves": "1", "starts": "1", "at_once": "1", "lead": "isa::W", "beats": "isa::W", "beat": "isa::W"}
TOLD = {
    "output_array": BEATS | {"clears": "1", "drains": "1"},
    "stationary_array": BEATS
    | dict.fromkeys(("swaps", "adds", "keeps", "loads"), "1")
    | dict.fromkeys(("load_empty", "load_rows", "load_beat"), "isa::W"),
}
INSIDE = {"output_array": ("output_pe",), "stationary_array": ("stationary_pe", "accumulator")}


@dataclass(frozen=True)
class ArraySizes:
    """What the bench of the data path has room for: words at the left and at the top edge; folds that stream, and
    operands that are held."""

    left: int = 2048
    top: int = 2048
    streams: int = 512
    holds: int = 512

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "ArrayDatapath":
        """The data path of a netlist with the one unit `unit`."""
        one = values["unit"]
        return ArrayDatapath(self, one)


@dataclass(frozen=True)
class ArrayDatapath:
    """The PEs with their edges, and a memory at each edge that has a word for all of its lanes."""

    sizes: ArraySizes
    values: Mapping[str, int]
    result = "sums"

    @property
    def module(self) -> str:
        """The module that the PEs stand in."""
        return "stationary_array" if self.values["dataflow"] else "output_array"

    @property
    def modules(self) -> tuple[str, ...]:
        """Those it is made of."""
        return ("scratchpad", "skew", "stream_feeder", "operand_pointer", *INSIDE[self.module], self.module)

    @property
    def mask_words(self) -> int:
        """Words that say at which columns there is an output."""
        return ceil(self.values["columns"], 32)

    def loads(self) -> dict[str, int]:
        """What is loaded, and 32-bit words of a row."""
        edges = {"left": ceil(self.values["rows"], 4), "top": ceil(self.values["columns"], 4)}
        return edges | ({"streams": 1, "holds": 1} if self.values["dataflow"] else {"streams": 2})

    def observed(self) -> dict[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one: at which columns there is an output, and it."""
        return {"sums": (1, self.mask_words + self.values["columns"])}

    def told(self, unit: str) -> Iterable[str]:
        """The outputs of a unit that the data path needs."""
        return TOLD[self.module]

    def ports(self) -> list[str]:
        """Of the top module."""
        return ports_of(self)

    def declarations(self) -> list[str]:
        """The signals between control and data path."""
        return [f"  logic [{bits}-1:0] unit_{name};" for name, bits in TOLD[self.module].items()]

    def accumulators(self) -> int:
        """Sums of a column that there is room for, as a power of two."""
        return 1 << max(1, (share(self.values) - 1).bit_length())

    def body(self) -> list[str]:
        """The data path and its memories."""
        values, columns, lines = self.values, self.values["columns"], []
        for name, lanes, words in (("left", values["rows"], self.sizes.left), ("top", columns, self.sizes.top)):
            bits, width = address_bits(words), 8 * lanes
            lines += [
                f"  logic [31:0] {name}__at;\n  logic [{width - 1}:0] {name}__value;",
                f"  scratchpad #(.WIDTH({width}), .SLICE({width}), .TOKENS({1 << bits})) {name}__words (",
                f"      .clk, .we({name}_we), .address({bits + 1}'({name}_address)),",
                f"      .data({name}_data[{width - 1}:0]), .read(1'b1),",
                f"      .at({{2'b0, {bits}'({name}__at)}}), .slice('0), .value({name}__value));",
            ]
        parameters = {"ROWS": values["rows"], "COLUMNS": columns, "SHADOW": values["overlap"]}
        parameters["STREAMS"] = max(2, self.sizes.streams)
        tables = ["streams"]
        if values["dataflow"]:
            parameters |= {"HOP": values["psum_hop"], "ACCUMULATORS": self.accumulators()}
            parameters["HOLDS"] = max(2, self.sizes.holds)
            tables.append("holds")
        pins = [f".{name}_{end}" for name in tables for end in ("we", "address", "data")]
        pins += [f".{name}(unit_{name})" for name in TOLD[self.module]]
        pins += [f".{name}_{end}({name}__{end})" for name in ("left", "top") for end in ("at", "value")]
        made = ", ".join(f".{name}({value})" for name, value in parameters.items())
        return [
            *lines,
            f"  logic [{columns - 1}:0] valid__now;\n  logic [{columns - 1}:0][31:0] outputs__now;",
            f"  {self.module} #({made}) data (\n      .clk, .rst, {', '.join(pins)},",
            "      .valid(valid__now), .outputs(outputs__now));",
            "  assign sums_push = {7'd0, unit_moves && !rst && valid__now != '0};",
            f"  assign sums_item[{32 * self.mask_words - 1}:0] = {32 * self.mask_words}'(valid__now);",
            f"  for (genvar n = 0; n < {columns}; n++)",
            f"    assign sums_item[{32 * self.mask_words}+32*n+:32] = valid__now[n] ? outputs__now[n] : '0;",
        ]


def share(values: Mapping[str, int]) -> int:
    """Sums of a column that the accumulators hold: all columns have as many."""
    return values["accumulator_bytes"] // 4 // values["columns"]


def address_bits(words: int) -> int:
    """Of a memory of so many words."""
    return max(1, (words - 1).bit_length())
