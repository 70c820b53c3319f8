"""The data path behind the control of `attention_core`: its sizes, its wiring, what it is loaded with, what shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accelsim.accelerators.vitcod.rtl.modules import DATA, LAYOUT, PLACES
from accelsim.rtl.datapath import Parameters, Wires, ports_of

MODULES = (
    "scratchpad", "banked_scratchpad", "mac_line", "normalise", "exponential", "reciprocal", "requantise",
    "decoder_datapath", "denser_datapath", "sparser_datapath", "softmax_datapath", "merge_datapath",
    "attention_datapath", "attention_memories",
)  # fmt: skip
# Between the data path and the memories around it; and of what can be seen of it, where it leads in a bench.
AROUND = (
    "tokens_read", "tokens_at", "tokens_offset", "tokens_window", "v_read", "v_at", "v_slice", "v_value",
    "v_banks_read", "v_banks_at", "v_banks_value",
)  # fmt: skip
SEEN = {
    "restored_push": "restored_push", "restored_kind": "restored__kind", "restored_token": "restored__token",
    "restored_item": "restored__seen", "single_push": "single_push", "single_item": "single__seen",
    "dense_scores_push": "dense_scores_push", "dense_scores_item": "dense_scores_item",
    "sparse_scores_push": "sparse_scores_push", "sparse_scores_item": "sparse_scores_item",
    "dense_probabilities_push": "dense_probabilities_push", "dense_probabilities_item": "dense_probabilities__seen",
    "sparse_probabilities_push": "sparse_probabilities_push",
    "sparse_probabilities_place": "sparse_probabilities__place",
    "sparse_probabilities_item": "sparse_probabilities__seen", "rows_push": "rows_sums_push",
    "rows_place": "rows__place", "rows_sums": "rows__sums", "rows_values": "rows__values",
    "slips_push": "slips_push",
}  # fmt: skip
LAG = 2
"""Cycles from what the control decides to what the data path does."""
OBSERVED = 64  # words of an item that a bench can log

# What each unit's control tells the data path, and how many bits it has.
WORD = "isa::W"
DECIDED: dict[str, dict[str, str]] = {
    "denser": {
        "pass": WORD, "load": "1", "load_first": WORD, "load_count": WORD, "stream": "1", "stream_token": WORD,
        "stream_rows": WORD, "stream_beats": WORD, "tile": "1", "tile_place": WORD, "tile_share": WORD,
        "tile_rows": WORD, "tile_count": WORD, "tile_beats": WORD,
    },
    "sparser": {
        "pass": WORD, "scoring": "1", "beats": WORD, "begins": "{lines}", "fetched": "{lines}", "sender": "{lines}*8",
        "granted": "{banks}", "bank_head": "{banks}*isa::W", "bank_token": "{banks}*isa::W", "took": "1",
        "took_line": WORD, "took_head": WORD, "took_column": WORD, "took_place": WORD, "took_at": WORD,
        "leaves_line": "{score_ports}*isa::W", "leaves_at": "{score_ports}*isa::W",
    },
    "softmax": {
        "pass": WORD, "taken": "{lanes}", "place": "{lanes}*isa::W", "dense": "{lanes}", "which": "{lanes}*8",
        "element": "{lanes}*isa::W", "dense_at": "{lanes}*32", "exp_place": "{lanes}*isa::W",
        "exp_first": "{lanes}*isa::W", "exp_count": "{lanes}*isa::W", "divides": "1", "divides_place": WORD,
    },
    "merge": {
        "take_d": "1", "place_d": WORD, "line_d": WORD, "first_d": "1", "take_s": "1", "place_s": WORD, "first_s": "1",
        "leaves": "1", "leaves_place": WORD,
    },
    "decoder": {
        "begins": "1", "single": "1", "kind": "1", "token_begun": WORD, "head": WORD, "pass": WORD, "heads": WORD,
        "dim": WORD, "encoded": WORD,
    },
}  # fmt: skip
MOVED = {
    "denser_scores": ("push", "pop"), "denser_partial": ("push",), "sparser_score": ("push", "pop"),
    "sparser_partial": ("push", "pop"), "decoder_vector": ("push", "pop"),
}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """What the data path has room for: heads of a pass and of a layer, compressed heads, tokens (a power of two),
    features of a vector, dense scores of a pass and of all, layers."""

    heads: int
    all: int
    encoded: int
    tokens: int
    features: int
    scores: int
    all_scores: int
    layers: int = 1

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "Datapath":
        """The data path of a netlist: parameters of its units, rows of its tables, its wires."""
        return Datapath(self, values, rows, wires)


@dataclass(frozen=True)
class Datapath:
    """The data path of a netlist: its sizes, the parameters of each unit, the rows of each table, and each wire's depth
    and items a cycle (in, out)."""

    sizes: Sizes
    values: Parameters
    rows: Mapping[str, int]
    wires: Wires
    modules = MODULES
    result = "rows_values"

    def __post_init__(self) -> None:
        if self.wires["denser_partial"][0] != 1:
            raise ValueError("the denser engine has one set of shadow accumulators: its channel to the merge is 1 deep")
        for name in ("lines", "macs"):
            if self.values["denser"][name] != self.values["sparser"][name]:
                raise ValueError(f"the data path needs the same {name} in both engines")

    @property
    def features(self) -> int:
        """Features of a word in the scratchpads: whole beats."""
        macs = self.values["denser"]["macs"]
        return -(-self.sizes.features // macs) * macs

    @property
    def stored(self) -> int:
        """Bytes of a token of Q or K in the activation buffer."""
        return max(self.sizes.all, self.sizes.encoded) * self.features

    def decided(self) -> dict[str, str]:
        """Every signal from control to data path, and its bits."""
        sizes = {n: v for one in self.values.values() for n, v in one.items()}
        sizes["lines"] = self.values["sparser"]["lines"]
        sizes["lanes"] = self.values["softmax"]["lanes"]  # the merge has some, too
        return {f"{unit}_{n}": bits.format(**sizes) for unit, all_ in DECIDED.items() for n, bits in all_.items()}

    def parameters(self) -> dict[str, int]:
        """Of the module `attention_datapath`."""
        c, d, s, m = (self.values[n] for n in ("decoder", "denser", "sparser", "softmax"))
        scores, score = self.wires["denser_scores"], self.wires["sparser_score"]
        return {
            "LINES": d["lines"], "MACS": d["macs"], "FEATURES": self.features,
            "PORTS": min(d["lines"], max(d["q_port_bytes"] // d["macs"], self.sizes.heads)),
            "BANKS": s["banks"],
            "SEGMENT": s["segment"], "SCORE_PORTS": s["score_ports"], "LANES": m["lanes"], "MODE": m["mode"],
            "EXP_CYCLES": m["exp_cycles"], "DIVIDE_CYCLES": m["divide_cycles"],
            "PLACES": self.values["merge"]["places"], "HEADS": self.sizes.heads, "TOKENS": self.sizes.tokens,
            "ALL": self.sizes.all, "LAYERS": self.sizes.layers, "ENCODED": max(1, self.sizes.encoded),
            "DECODER_LINES": c["lines"], "DECODER_MACS": c["macs"], "PORT_BYTES": c["port_bytes"],
            "PASSES": self.rows["passes"], "DENSE": self.rows["dense"], "ROWS": self.rows["rows"],
            "SCORES": self.sizes.scores, "KEPT": -(-self.sizes.all_scores // 32) + self.rows["passes"],
            "ENTRIES": self.rows["index"], "SCORES_DEPTH": scores[0], "SCORES_POPS": scores[2],
            "SCORE_DEPTH": score[0], "SCORE_POPS": score[2], "PARTIAL_DEPTH": self.wires["sparser_partial"][0],
            "VECTOR_DEPTH": self.wires["decoder_vector"][0],
        }  # fmt: skip

    def loads(self) -> dict[str, int]:
        """What is loaded beside the tables of the control, and 32-bit words of a row."""
        vector = -(-self.features // 4)
        weights = -(-max(1, self.sizes.encoded) // 4)
        return {
            "tokens": -(-self.stored // 4), "v": vector, "decode": 3 + weights, "layout": len(LAYOUT),
            "places": len(PLACES), "kept": 1, "scaling": 6,
        }  # fmt: skip

    def observed(self) -> dict[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one."""
        d, s = self.values["denser"], self.values["sparser"]
        return {
            "restored": (self.sizes.heads, 1 + -(-self.features // 4)), "single": (1, -(-self.features // 4)),
            "dense_scores": (1, d["lines"]), "sparse_scores": (s["score_ports"], 1),
            "dense_probabilities": (1, -(-d["lines"] // 4)),
            "sparse_probabilities": (1, 1 + -(-s["segment"] // 4)),
            "rows_sums": (1, min(OBSERVED, self.features)), "rows_values": (1, 1 + -(-self.features // 4)),
            "slips": (1, 1),
        }  # fmt: skip

    def ports(self) -> list[str]:
        """Of the top module."""
        output = f"output logic [{8 * self.features - 1}:0] output_value"
        return [*ports_of(self), "input logic output_read", "input logic [31:0] output_at", output]

    def told(self, unit: str) -> Iterable[str]:
        """The outputs of a unit that the data path needs."""
        return DECIDED.get(unit, ())

    def declarations(self) -> list[str]:
        """The signals between control and data path; they stand before the units."""
        return [f"  logic [{bits}-1:0] {name};" for name, bits in self.decided().items()]

    def body(self) -> list[str]:
        """The data path, its memories, and what is seen of it at the width of a bench's ports."""
        return [*self.seen(), *self.between(), self.alone(), self.instance(SEEN)]

    def between(self) -> list[str]:
        """The signals between the data path and the memories around it."""
        given = self.parameters()
        tokens, head = self.bits
        window = (self.stored + given["PORT_BYTES"] - 1).bit_length()
        vector, slices = 8 * self.features, max(1, (self.features // given["MACS"] - 1).bit_length())
        at, banks = head + tokens + 1, given["BANKS"]
        return [
            f"  logic tokens_read, v_read;\n  logic [{tokens + 1}:0] tokens_at;",
            f"  logic [{window - 1}:0] tokens_offset;\n  logic [{8 * given['PORT_BYTES'] - 1}:0] tokens_window;",
            f"  logic [{at - 1}:0] v_at;\n  logic [{slices - 1}:0] v_slice;",
            f"  logic [{8 * given['MACS'] - 1}:0] v_value;\n  logic [{banks - 1}:0] v_banks_read;",
            f"  logic [{banks - 1}:0][{at - 1}:0] v_banks_at;\n  logic [{banks - 1}:0][{vector - 1}:0] v_banks_value;",
        ]

    @property
    def bits(self) -> tuple[int, int]:
        """Of the number of a token, and of a layer's head."""
        return (self.sizes.tokens - 1).bit_length(), max(1, (self.sizes.all - 1).bit_length())

    def alone(self) -> str:
        """The memories, where nothing else is around it."""
        given, (tokens, head) = self.parameters(), self.bits
        names = ("MACS", "FEATURES", "BANKS", "ALL", "PORT_BYTES", "TOKENS", "ROWS")
        parameters = ", ".join(f".{name}({given[name]})" for name in names)
        parameters += f", .V_BANKS({self.values['sparser']['v_banks']}), .STORED({self.stored})"
        pins = [".clk"]
        for name, bits, stored in (("tokens", tokens + 1, self.stored), ("v", head + tokens, self.features)):
            pins += [f".{name}_we", f".{name}_address({bits}'({name}_address))",
                     f".{name}_data({name}_data[{8 * stored - 1}:0])"]  # fmt: skip
        pins += [f".{name}" for name in AROUND]
        pins += [".rows_come(rows_sums_push != 0)", ".rows_place(rows__place)", ".rows_values(rows__values)",
                 ".output_read", ".output_value",
                 f".output_at({max(1, (given['ROWS'] - 1).bit_length())}'(output_at))"]  # fmt: skip
        return f"  attention_memories #({parameters}) memories (\n      " + ",\n      ".join(pins) + ");"

    def instance(self, seen: Mapping[str, str]) -> str:
        """The module; seen: of its outputs that an observer sees those that lead anywhere, and where."""
        given = self.parameters()
        pins = [".clk", ".rst", ".dense_we", ".dense_address(isa::W'(dense_address))", ".dense_data(dense_row)"]
        pins += [f".{name}" for name in AROUND]
        weights = 8 * given["ENCODED"]
        pins += [".decode_we", ".decode_address",
                 f".decode_data({{decode_data[96+:{weights}], decode_data[64+:6], decode_data[32+:16], "
                 "decode_data[0+:32]})"]  # fmt: skip
        for name, fields in DATA.items():
            parts = ", ".join(f"isa::W'({name}_data[{32 * n}+:32])" for n in reversed(range(len(fields))))
            pins += [f".{name}_we", f".{name}_address(isa::W'({name}_address))", f".{name}_data({{{parts}}})"]
        pins += [".kept_we", ".kept_address", ".kept_data", ".scaling_we", ".scaling_address(isa::W'(scaling_address))",
                 ".scaling_data({scaling_data[160+:6], scaling_data[128+:16], scaling_data[64+:48], "
                 "scaling_data[32+:6], scaling_data[0+:16]})"]  # fmt: skip
        pins += [f".{name}" for name in self.decided()]
        for wire, ways in MOVED.items():
            pins += [f".{wire}_{way}({wire}_{'' if way == 'push' else '_'}{way})" for way in ways]
        pins.append(".decoder_vector_line(decoder_vector__data)")
        pins += [f".{name}({to})" for name, to in seen.items()]
        parameters = ", ".join(f".{n}({v})" for n, v in given.items())
        return f"  attention_datapath #({parameters}) data (\n      " + ",\n      ".join(pins) + ");"

    def seen(self) -> list[str]:
        """What an observer sees of it."""
        given, (tokens, _) = self.parameters(), self.bits
        vector, heads = 8 * self.features, self.sizes.heads
        width = {name: 32 * items * words for name, (items, words) in self.observed().items()}
        word = width["restored"] // heads
        return [
            f"  logic [{8 * given['LINES'] - 1}:0] dense_probabilities__seen;",
            f"  logic [{8 * given['SEGMENT'] - 1}:0] sparse_probabilities__seen;",
            f"  logic [{32 * self.features - 1}:0] rows__sums;",
            f"  logic [{vector - 1}:0] rows__values, single__seen;",
            "  isa::word_t sparse_probabilities__place, rows__place;",
            f"  logic [{heads - 1}:0][{vector - 1}:0] restored__seen;",
            "  logic restored__kind;",
            f"  logic [{tokens - 1}:0] restored__token;",
            *(
                f"  assign restored_item[{word * head}+:{word}] = {word}'({{restored__seen[{head}], "
                "16'(restored__token), 16'(restored__kind)});"
                for head in range(heads)
            ),
            f"  assign single_item = {width['single']}'(single__seen);",
            f"  assign dense_probabilities_item = {width['dense_probabilities']}'(dense_probabilities__seen);",
            f"  assign sparse_probabilities_item = {width['sparse_probabilities']}'({{sparse_probabilities__seen, "
            "32'(sparse_probabilities__place)});",
            f"  assign rows_sums_item = rows__sums[{width['rows_sums'] - 1}:0];",
            "  assign rows_values_push = rows_sums_push;",
            f"  assign rows_values_item = {width['rows_values']}'({{rows__values, 32'(rows__place)}});",
            "  assign slips_item = '0;",
        ]
