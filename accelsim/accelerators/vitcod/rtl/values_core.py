"""The data path of the whole machine: what carries values behind the control of `vitcod_core`, and the memories it has:
DRAM, the buffers, and what must be known to find a value in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accelsim.accelerators.vitcod.rtl.coding import TOLD as CODING
from accelsim.accelerators.vitcod.rtl.core import UNITS
from accelsim.accelerators.vitcod.rtl.datapath import DECIDED, Datapath, Sizes
from accelsim.accelerators.vitcod.rtl.datapath import MODULES as ATTENTION
from accelsim.accelerators.vitcod.rtl.dense import TOLD as DENSE
from accelsim.accelerators.vitcod.rtl.vector import FEATURES, JOB, TOLD, VectorDatapath, VectorSizes, job_fields
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.dataflows.tiling import ceil
from accelsim.rtl.datapath import Parameters, Wires, ports_of

ROW = 64  # bytes of a row of DRAM's image
TOLD_OF = {"engine": DENSE, "encoder": CODING, "vector": TOLD}
ACT, WEIGHT, STORE = "act_gb0", "weight_gb", "act_gb1"
LEAST = Sizes(heads=4, all=4, encoded=4, tokens=64, features=16, scores=1 << 12, all_scores=1 << 14, layers=4)
COPIED = ("passes", "dense", "rows", "index")
LATER, SOON = 8, 4  # cycles from the reply to a write to its data, and of rows of attention, which are computed sooner


def up(number: int) -> int:
    """The next power of two."""
    return 1 << max(1, (number - 1).bit_length())


@dataclass(frozen=True)
class ValuesSizes:
    """What the data path has room for, all powers of two but `heads` and `encoded`: bytes of DRAM, loads of a buffer,
    tiles and steps of the array, runs of bytes that its results lie in, commands of the vector unit, norms, tables of
    activations, sets of the encoder's weights, tokens it keeps sums of. attention: of its data path; rows: of the
    program's tables that it keeps copies of."""

    dram: int = 1 << 22
    loads: int = 1 << 12
    tiles: int = 1 << 12
    items: int = 1 << 12
    runs: int = 1 << 14
    commands: int = 1 << 10
    norms: int = 32
    tables: int = 16
    sets: int = 32
    tokens: int = 256
    steps: int = 1 << 8
    heads: int = 12
    encoded: int = 6
    attention: Sizes = LEAST
    rows: tuple[int, ...] = (64, 1 << 10, 1 << 12, 1 << 13)

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "ValuesDatapath":
        """The data path of the netlist of the whole machine."""
        streams = [name.removeprefix("dma_arrived_") for name in wires if name.startswith("dma_arrived_")]
        return ValuesDatapath(self, values, streams, wires)


@dataclass(frozen=True)
class ValuesDatapath:
    """The data path itself. streams: the buffers, in the order of the DMA engine's ports; wires: the netlist's."""

    sizes: ValuesSizes
    values: Parameters
    streams: list[str]
    wires: Wires
    modules = (
        *ATTENTION[:-1], "values_attention", "place_generator", "transposing_stage", "mac_array_datapath",
        "values_array", "encoder_datapath", "values_steps", "vector_lane", "reciprocal_root", "vector_unit_datapath",
        "values_vector", "values_look_up", "values_dram", "values_load_buffer", "values_store_buffer",
    )  # fmt: skip
    result = ""

    @property
    def vector(self) -> VectorDatapath:
        """That of the vector unit."""
        one = self.values["vector"]
        return VectorDatapath(VectorSizes(), one["lanes"], one["reduce_cycles"], one["rsqrt_cycles"], one["rows"])

    @property
    def attention(self) -> Datapath:
        """That of attention."""
        rows = dict(zip(COPIED, self.sizes.rows, strict=True))
        return Datapath(self.sizes.attention, {name: self.values[name] for name in UNITS}, rows, self.wires)

    @property
    def side(self) -> int:
        """Tokens or features of a step at most."""
        return max(self.values["engine"]["lines"], self.values["engine"]["macs"])

    def half(self, buffer: str) -> int:
        """Bytes of a load buffer's memory that are read of; as many more take what nobody reads."""
        return up(2 * self.values[buffer]["capacity_bytes"])

    def loads(self) -> dict[str, int]:
        """What is loaded, and 32-bit words of a row."""
        attention = {n: words for n, words in self.attention.loads().items() if n not in ("tokens", "v")}
        return attention | {
            "image": ROW // 4, "act_places": 6, "weight_places": 6, "attended": 6,
            "tiles": 2 + len(WINDOWS.names), "items": JOB,
            "commands": JOB, "residuals": 3, "norms": 3, "entries": 64, "encode": 2 + ceil(self.sizes.heads, 4),
            "sets": 1, "runs": 2, "command_places": 1, "looks": 2,
        }  # fmt: skip

    def observed(self) -> dict[str, tuple[int, int]]:
        """Nothing: what DRAM holds in the end is compared."""
        return {}

    def told(self, unit: str) -> Iterable[str]:
        """The outputs of a unit that the data path needs."""
        return TOLD_OF.get(unit) or DECIDED.get(unit, ())

    def ports(self) -> list[str]:
        """Of the top module: what is loaded, what DRAM holds, and how often the transposing stage was late."""
        peek = ["input logic [31:0] peek_address", f"output logic [{8 * ROW - 1}:0] peek_data"]
        return [*ports_of(self), *peek, "output logic [31:0] slipped"]

    def declarations(self) -> list[str]:
        """The signals between control and data path."""
        told = {f"{unit}_{name}": bits for unit, all_ in TOLD_OF.items() for name, bits in all_.items()}
        own = [f"  logic [{bits}-1:0] {name};" for name, bits in told.items()]
        return [*own, *self.attention.declarations()]

    def body(self) -> list[str]:
        """The data path, wired."""
        return [*self.signals(), *self.memories(), *self.units(), *self.attending()]

    def signals(self) -> list[str]:
        """What connects its modules."""
        engine, burst = self.values["engine"], self.values["dma"]["burst_bytes"]
        lanes, side, lines, macs = self.values["vector"]["lanes"], self.side, engine["lines"], engine["macs"]
        word, blocks = up(side), 2 * lanes + 4 * self.vector.word
        banks, port = engine["act_banks"], engine["act_port_bytes"]
        return [
            f"  logic [{len(self.streams) - 1}:0] values__arrives;",
            "  logic [31:0] values__size, values__taken;",
            f"  logic [{burst - 1}:0][7:0] values__value, values__stored;",
            "  logic values__takes, values__comes, values__there, values__merged;",
            "  logic weight__read, constant__read, sum__read;",
            f"  logic [{banks - 1}:0] act__read;\n  logic [{banks - 1}:0][31:0] act__from;",
            f"  logic [{banks - 1}:0][{port - 1}:0][7:0] act__value;",
            f"  logic [1:0][31:0] weight__from;\n  logic [1:0][{word - 1}:0][7:0] weight__value;",
            f"  logic [31:0] constant__from, sum__at;\n  logic [{8 * side - 1}:0][7:0] constant__value;",
            f"  logic [{blocks - 1}:0] block__read;\n  logic [{blocks - 1}:0][31:0] block__at;",
            f"  logic [{blocks - 1}:0][1:0][7:0] block__value;",
            f"  logic [{macs - 1}:0][{lines - 1}:0][31:0] values__sums;\n  logic [{side - 1}:0][31:0] values__scales;",
            f"  logic [{lanes - 1}:0][53:0] sum__value;\n  logic [{lanes - 1}:0][7:0] values__window;",
            "  isa::request_t values__burst;\n  isa::reply_t values__reply;\n  isa::outputs_t values__step_left;",
            "  isa::encoded_t values__item;\n  isa::bytes_t values__tile, values__row;",
            "  assign values__burst = dma_request__item;\n  assign values__reply = dram_reply__data;",
            "  assign values__step_left = engine_out__item;\n  assign values__item = encoder_out__data;",
            "  assign values__tile = vector_tile__data;\n  assign values__row = merge_row__data;",
            *self.attention.between(),
            f"  logic [31:0] tokens__at;\n  logic [{self.values['decoder']['port_bytes'] - 1}:0][7:0] tokens__value;",
            f"  logic [{self.value_banks}:0] v__read;\n  logic [{self.value_banks}:0][31:0] v__at;",
            f"  logic [{self.value_banks}:0][{self.attention.features - 1}:0][7:0] v__value;",
            f"  logic [7:0] rows__come;\n  logic [{8 * self.attention.features - 1}:0] rows__values, rows__looked;",
        ]

    @property
    def value_banks(self) -> int:
        """Banks of V that the sparser engine reads."""
        return min(self.values["sparser"]["banks"], self.values["sparser"]["v_banks"])

    def memories(self) -> list[str]:
        """DRAM and the buffers."""
        engine, size, burst = self.values["engine"], self.sizes, self.values["dma"]["burst_bytes"]
        side, lanes = self.side, self.values["vector"]["lanes"]
        blocks = 2 * lanes + 4 * self.vector.word
        lines = [
            f"  values_dram #(.BYTES({size.dram}), .STREAMS({len(self.streams)}), .BURST_BYTES({burst}), "
            f".BURSTS({up(self.values['dma']['outstanding'] + 1)}), .DELAY({LATER}), .SOON({SOON})) values_memory (",
            "      .clk, .rst, .image_we, .image_address, .image_data, .peek_address, .peek_data,",
            "      .asks(dma_request_push != 0), .burst(values__burst), .answers(dram_reply__pop != 0),",
            "      .reply(values__reply), .arrives(values__arrives), .size(values__size), .value(values__value),",
            "      .takes(values__takes), .taken(values__taken), .stored(values__stored),",
            "      .soon(values__merged));",
        ]
        readers = (
            ("act", ACT, engine["act_banks"], engine["act_port_bytes"], blocks, 2, "act__read", "act__from",
             "act__value", "block__read", "block__at", "block__value", 1, self.values["decoder"]["port_bytes"],
             "tokens_read", "tokens__at", "tokens__value"),
            ("weight", WEIGHT, 2, up(side), 1, 8 * side, "{2{weight__read}}", "weight__from", "weight__value",
             "constant__read", "constant__from", "constant__value", 1 + self.value_banks, self.attention.features,
             "v__read", "v__at", "v__value"),
        )  # fmt: skip
        for name, buffer, wides, wide, count, block, *pins in readers:
            vectors, vector = pins[6:8]
            half = self.half(buffer)
            lines += [
                f"  values_load_buffer #(.BYTES({2 * half}), .LOADS({size.loads}), .STAGED({half}), "
                f".BURST_BYTES({burst}), .WIDES({wides}), .WIDE({wide}), .BLOCKS({count}), .BLOCK({block}), "
                f".VECTORS({vectors}), .VECTOR({vector})) values_{name} (",
                f"      .clk, .rst, .places_we({name}_places_we), .places_address({name}_places_address),",
                f"      .places_data({name}_places_data), .arrives(values__arrives[{self.streams.index(buffer)}]),",
                f"      .size(values__size), .value(values__value), .complete({buffer}_done_push != 0),",
                f"      .wide_read({pins[0]}), .wide_at({pins[1]}), .wide_value({pins[2]}),",
                f"      .block_read({pins[3]}), .block_at({pins[4]}), .block_value({pins[5]}),",
                f"      .vector_read({pins[8]}), .vector_at({pins[9]}), .vector_value({pins[10]}));",
            ]
        capacity = self.values[STORE]["capacity_bytes"]
        return [
            *lines,
            f"  values_store_buffer #(.CAPACITY_BYTES({capacity}), .LANES({lanes}), "
            f".WINDOWS({up(ceil(4 * capacity, lanes))}), .RUNS({size.runs}), "
            f".COMMANDS({size.commands}), .FEATURES({self.attention.features}), .BURST_BYTES({burst})) "
            "values_results (",
            "      .clk, .rst, .runs_we, .runs_address, .runs_data, .command_places_we,",
            "      .command_places_address, .command_places_data, .finished(rows__come != 0),",
            "      .finished_row(rows__looked),",
            "      .begins(vector_begins), .tiled(vector_tiled), .comes(values__there), .window(values__window),",
            "      .accepts(vector_tile__pop != 0), .accepted(32'(values__tile.bytes)), .merges(merge_row__pop != 0),",
            "      .merging(32'(values__row.bytes)), .takes(values__takes), .taken(values__taken),",
            "      .stored(values__stored), .merged(values__merged));",
        ]

    def units(self) -> list[str]:
        """The array, the encoder and the vector unit."""
        size, engine, encoder = self.sizes, self.values["engine"], self.values["encoder"]
        lanes, outputs = self.values["vector"]["lanes"], engine["lines"] * engine["macs"]
        dense, coding, vector = (
            ", ".join(f".{name}({unit}_{name})" for name in TOLD_OF[unit] if name not in ("begins", "leaves", "across"))
            for unit in TOLD_OF
        )
        weights = f"encode_data[64+:{8 * size.heads}], encode_data[32+:6], encode_data[0+:16]"
        queued = "sequencer_command_engine"
        return [
            f"  values_array #(.LINES({engine['lines']}), .MACS({engine['macs']}), .ACT_BANKS({engine['act_banks']}), "
            f".ACT_PORT_BYTES({engine['act_port_bytes']}), .TILES({size.tiles}), .STEPS({size.steps})) values_dense (",
            "      .clk, .rst, .tiles_we, .tiles_address, .tiles_data, .begins(engine_begins), .leaves(engine_leaves),",
            f"      .across(engine_across), {dense},",
            f"      .waits({queued}__valid != 0), .next({queued}__data[isa::gemm_bits-1:0]),",
            f"      .taken({queued}__pop != 0), .act_read(act__read), .act_from(act__from), .act_value(act__value),",
            "      .weight_read(weight__read), .weight_from(weight__from), .weight_value(weight__value),",
            "      .constant_read(constant__read), .constant_from(constant__from), .constant_bytes(constant__value),",
            "      .comes(values__comes), .sums(values__sums), .scales(values__scales), .slipped);",
            f"  values_steps #(.LINES({engine['lines']}), .MACS({engine['macs']}), .LANES({lanes}), "
            f".ENCODER_LINES({encoder['lines']}), .ENCODER_MACS({encoder['macs']}), .HEADS({size.heads}), "
            f".ENCODED({size.encoded}), .TOKENS({size.tokens}), .SETS({size.sets}), .STEPS({size.items}), "
            f".CODES({up(8 * outputs * size.encoded)})) values_step (",
            f"      .clk, .rst, .encode_we, .encode_address, .encode_data({{{weights}}}), .sets_we, .sets_address,",
            "      .sets_data, .begins(engine_begins), .across(engine_across), .leaves(engine_leaves),",
            "      .step(values__step_left), .comes(values__comes), .sums(values__sums), .scales(values__scales),",
            f"      .takes(engine_out__pop != 0), .encodes(encoder_begins), {coding}, .gives(encoder_out_push != 0),",
            "      .works(vector_begins && !vector_tiled), .elements(values__item.elements), .sum_read(sum__read),",
            "      .sum_at(sum__at), .sum_value(sum__value));",
            f"  values_vector #(.LANES({lanes}), .ITEMS({size.items}), .COMMANDS({size.commands}), "
            f".NORMS({size.norms}), .TABLES({size.tables}), .ROWS({up(self.values['vector']['rows'])}), "
            f".FEATURES({FEATURES}), .BITS({self.vector.root_bits})) values_lanes (",
            "      .clk, .rst, .items_we, .items_address,",
            f"      .items_data({{{job_fields('items_data')}}}), .commands_we, .commands_address,",
            f"      .commands_data({{{job_fields('commands_data')}}}), .residuals_we, .residuals_address,",
            "      .residuals_data, .norms_we, .norms_address, .norms_data, .entries_we, .entries_address,",
            f"      .entries_data, .begins(vector_begins), {vector}, .sum_read(sum__read), .sum_at(sum__at),",
            "      .sum_value(sum__value), .block_read(block__read), .block_at(block__at), .block_value(block__value),",
            "      .comes(values__there), .window(values__window));",
        ]

    def attending(self) -> list[str]:
        """Attention, with what of its memories is in the buffers."""
        one, banks = self.attention, self.value_banks
        given, (tokens, head) = one.parameters(), one.bits
        window = (one.stored + given["PORT_BYTES"] - 1).bit_length()
        slices = max(1, (one.features // given["MACS"] - 1).bit_length())
        names = ("BANKS", "MACS", "FEATURES", "PORT_BYTES")
        parameters = ", ".join(f".{name}({given[name]})" for name in names)
        return [
            f"  values_attention #(.PASSES({given['PASSES']}), .VALUE_BANKS({banks}), {parameters}, .TA({tokens}), "
            f".VA({head}), .NA({window}), .SLICES({slices})) values_attended (",
            "      .clk, .attended_we, .attended_address, .attended_data, .decoder_begins, .decoder_kind,",
            "      .decoder_pass, .denser_pass, .sparser_pass, .tokens_at, .tokens_offset, .tokens_window, .v_read,",
            "      .v_at, .v_slice, .v_value, .v_banks_read, .v_banks_at, .v_banks_value, .act_at(tokens__at),",
            "      .act_value(tokens__value), .weight_read(v__read), .weight_at(v__at), .weight_value(v__value));",
            one.instance({"rows_push": "rows__come", "rows_values": "rows__values"}),
            f"  values_look_up #(.FEATURES({one.features}), .TABLES({self.sizes.tables}), "
            f".LAYERS({self.sizes.attention.layers})) values_looked (",
            "      .clk, .rst, .looks_we, .looks_address, .looks_data, .entries_we, .entries_address, .entries_data,",
            "      .comes(rows__come != 0), .row(rows__values), .looked(rows__looked));",
        ]
