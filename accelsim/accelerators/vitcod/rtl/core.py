"""`attention_core`: decoder, index walker, both engines, softmax unit and output merge, wired as the ViTCoD machine
wires them; it takes a layer's attention, pass by pass (heads x rows), from commands to output rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.rtl.attention import CAPACITY, Shape, draw, draw_keep, fits, tabulate
from accelsim.accelerators.vitcod.rtl.blocks import groups
from accelsim.accelerators.vitcod.rtl.cases import decodes, loads_under_way
from accelsim.accelerators.vitcod.rtl.commands import commanded, jobs, play_at_once, play_at_random
from accelsim.accelerators.vitcod.rtl.datapath import Sizes
from accelsim.accelerators.vitcod.rtl.loads import Operands, first_heads
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.accelerators.vitcod.rtl.operands import draw_keep as draw_mask
from accelsim.accelerators.vitcod.rtl.operands import draw_operands
from accelsim.accelerators.vitcod.rtl.settings import SETTINGS
from accelsim.accelerators.vitcod.rtl.values import LayerOperands
from accelsim.core import Param, Simulator
from accelsim.dataflows.program import Program
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, opens
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.rtl.stimulus import Script

UNITS = {
    "decoder": "decoder", "walker": "index_walker", "denser": "denser_engine", "sparser": "sparser_engine",
    "softmax": "softmax_unit", "merge": "output_merge",
}  # fmt: skip
INSIDE = (
    ("decoder.denser", "denser.operands", 2), ("decoder.sparser", "sparser.operands", 2),
    ("sparser.miss", "decoder.miss", 8), ("decoder.vector", "sparser.vector", 2),
    ("walker.column", "sparser.column", 4), ("denser.scores", "softmax.scores", 2),
    ("sparser.score", "softmax.score", 16), ("softmax.denser", "denser.softmaxed", 4),
    ("softmax.sparser", "sparser.softmaxed", 4), ("denser.partial", "merge.dense", 1),
    ("sparser.partial", "merge.sparse", 1), ("denser.reads", "merge.denser_reads", 2),
    ("sparser.reads", "merge.sparser_reads", 2), ("merge.accesses", "softmax.accesses", 2),
    ("merge.denser_window", "denser.window", 2), ("merge.sparser_window", "sparser.window", 2),
)  # fmt: skip

NONE = Script(np.zeros(0, np.int64), np.zeros((0, 1), np.int64))  # no load of V comes while values are worked on
RANDOM = Sizes(heads=4, all=4, encoded=3, tokens=256, features=64, scores=4 * 197 * 197, all_scores=4 * 197 * 197)


def core(
    values: Mapping[str, dict[str, int]],
    rows: dict[str, int] = CAPACITY,
    top: str = "attention_core",
    *,
    sizes: Sizes | None = None,
) -> Netlist:
    """The netlist; `values` are the parameters of each unit, `rows` the sizes of the tables, `sizes` those of the data
    path (None: control alone)."""
    units = [Unit(name, TWINS[module], dict(values[name])) for name, module in UNITS.items()]
    wires = [Wire(f"{name}_command", 4, None, (name, "command")) for name in UNITS]
    for out, into, depth in INSIDE:
        producer, consumer = tuple(out.split(".")), tuple(into.split("."))
        wires.append(Wire("_".join(producer), depth, producer, consumer))
    wires += [Wire(f"{name}_done", 4, (name, "done")) for name in ("decoder", "denser", "sparser", "merge")]
    wires += [Wire(f"{name}_reading", 2, (name, "reading")) for name in ("decoder", "walker", "merge", "sparser")]
    wires.append(Wire("sparser_filling", 2, None, ("sparser", "filling")))
    wires.append(Wire("merge_row", 4, ("merge", "row")))
    return Netlist(PACKAGE, top, units, wires, rows, sizes=sizes)


def random_cases(
    count: int, seed: int, *, used: Sequence[Mapping[str, dict[str, int]]] = SETTINGS, largest: int = 40
) -> Iterator[Case]:
    """Random layers: shapes, masks, cut into passes, operands, times of commands and back-pressure on everything that
    leads outside; `used` are the parameters they run on, in turn. Every eighth has up to 197 tokens (64 with fewer than
    15 MACs). Every other one has passes whose keys are in blocks; as the compiler makes them, they are so small that
    the merge has a place for every output."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 77])
        values = used[n % len(used)]
        many = 197 if values["denser"]["lines"] * values["denser"]["macs"] >= 15 else 64
        while True:
            shape = draw(rng, values["denser"]["lines"], largest if n % 8 else many)
            blocked, places = n % 2 == 1, values["merge"]["places"]
            if blocked:
                shape.heads = int(rng.integers(1, min(places, shape.heads) + 1))
                shape.rows = min(shape.rows, places // shape.heads)
            shape.row0 = int(rng.integers(0, shape.tokens - shape.rows + 1))
            shapes = cut(rng, shape)
            if blocked:
                shapes = [replace(one, ends=key_blocks(rng, one.tokens)) for one in shapes]
            kept = [draw_keep(rng, one) for one in shapes]
            for one, (dense, sparse) in zip(shapes, kept):
                # Q reaches the denser engine's buffer if needed
                one.forward = int(any(len(columns) for columns in dense))
                for head in range(one.heads):  # every row keeps at least the class token
                    if 0 not in dense[head]:
                        sparse[head][:, 0] = True
            tables = tabulate(shapes, kept, values["sparser"]["segment"], values["merge"]["places"])
            if fits(tables) and (not blocked or any(one.ends for one in shapes)):
                break
        keys = [(one, block) for one in shapes for block in one.blocks]
        work = jobs(tables, [decodes(rng, i, one, tables, block) for i, (one, block) in enumerate(keys)])
        case = finish(
            rng, f"attention_core {n}", core(values, sizes=RANDOM), tables, {"sparser_filling": loads_under_way(rng)}
        )
        commanded(case, work, partial(play_at_random, rng))
        q_tokens = shape.row0 + shape.rows
        mask = np.zeros((shape.heads, q_tokens, shape.tokens), bool)
        firsts = [numbers[0] for numbers in groups(tables["passes"])]
        heads = first_heads(tables["passes"], q_tokens)[firsts]
        for one, head, (dense, sparse) in zip(shapes, heads, kept):
            mask[head : head + one.heads, one.row0 : one.row0 + one.rows] = draw_mask(rng, dense, sparse)
        tokens, dims = (q_tokens, shape.tokens), (shape.dim, shape.value_dim)
        bounded = values["softmax"]["mode"] == 0
        case.operands = LayerOperands(draw_operands(rng, shape.heads, shape.encoded, tokens, dims, mask, bounded))
        yield case


def cut(rng: Rng, shape: Shape) -> list[Shape]:
    """The passes of a layer: one, or up to three groups of heads or blocks of rows; lines are shared anew in each."""
    kind = rng.choice(["", *(kind for kind in ("heads", "rows") if getattr(shape, kind) > 1)])
    size = getattr(shape, kind) if kind else 1
    ends = np.unique([*rng.integers(1, size + 1, int(rng.integers(1, 3))), size])
    found = []
    for begin, end in zip([0, *ends[:-1]], ends):
        new = replace(shape, **({kind: int(end - begin)} if kind else {}))
        if kind == "rows":
            new.row0 += int(begin)
        if rng.random() < 0.5:
            new.denser_lines, new.sparser_lines = new.sparser_lines, new.denser_lines
        found.append(new)
    return found


def key_blocks(rng: Rng, tokens: int) -> tuple[int, ...]:
    """Where up to four blocks of keys end; none need have work."""
    return tuple(np.unique(rng.integers(1, tokens, int(rng.integers(1, 4)))).tolist()) if tokens > 1 else ()


def finish(rng: Rng, name: str, net: Netlist, tables: dict, scripts: dict[str, Script], back: bool = True) -> Case:
    """A case with its sinks, which hold back or not."""
    sinks = {w.name: opens(rng) if back else np.ones(1, bool) for w in net.wires if w.consumer is None}
    return Case(name, net, tables, scripts, sinks)


def layers_of(
    tables: Mapping[str, np.ndarray], layers: Iterable[Operands]
) -> Iterator[tuple[range, dict[str, np.recarray], Operands]]:
    """Of each layer and image: which passes of a program are its, their tables with places counted from the layer's
    first, and what they compute on."""
    begin = 0
    for x in layers:
        heads = first_heads(tables["passes"][begin:], x.q.shape[1])
        of = range(begin, begin + int(np.searchsorted(heads, len(x.q))))
        begin = of.stop
        one, last = tables["passes"][of[0]], tables["passes"][of[-1]]
        index0, outputs = int(tables["rows"]["first"][one.first_row]), int(last.rows * last.heads)
        mine = {
            "passes": tables["passes"][of[0] : of.stop].copy(),
            "dense": tables["dense"][one.first_dense : last.first_dense + last.dense].copy(),
            "columns": tables["columns"][one.first_column : last.first_column + last.sparse_columns].copy(),
            "rows": tables["rows"][one.first_row : last.first_share + outputs].copy(),
        }
        last_output = tables["rows"][last.first_row + outputs - 1]
        entries = int(last_output["first"] + last_output["sparse"]) - index0
        mine["index"] = tables["index"][index0 : index0 + entries].copy()
        mine["columns"]["first"] -= index0
        mine["rows"]["first"] -= index0
        for name in ("first_dense", "first_column", "first_row"):
            mine["passes"][name] -= one[name]
        mine["passes"]["first_share"] -= one["first_row"]
        yield of, {n: t.view(np.recarray) for n, t in mine.items()}, x


def values_of(sim: Simulator) -> dict[str, dict[str, int]]:
    """The parameters of a machine's attention units, which have the names of UNITS."""
    parts = {c.name: c for c in sim.components}
    return {name: {p: parts[name].value(p) for p in parts[name].declared(Param)} for name in UNITS}


def workload_cases(
    program: Program, values: Mapping[str, dict[str, int]], name: str, layers: Iterable[Operands], *, data: bool = True
) -> Iterator[Case]:
    """Every attention layer (and image) of a compiled workload: its own commands as soon as they may come, no
    back-pressure outside.

    `layers`: what each attention layer and image computes on; without `data`, the control alone is simulated.
    """
    rng = np.random.default_rng(0)
    tables = program.finish()
    orders = decoder_commands(program, tables)
    every = list(layers_of(tables, layers))
    rows = {n: 2 + max(len(t[n]) for _, t, _ in every) for n in CAPACITY}
    net = core(values, rows, sizes=sizes_of([t for _, t, _ in every], [x for *_, x in every]) if data else None)
    for n, (of, mine, x) in enumerate(every):
        pieces = [[(*order[:3], i) for order in orders[orders[:, 3] == number].tolist()] for i, number in enumerate(of)]
        case = finish(rng, f"{name} layer {n}", net, mine, {"sparser_filling": NONE}, back=False)
        yield replace(commanded(case, jobs(mine, pieces), play_at_once), operands=LayerOperands(x) if data else None)


def decoder_commands(program: Program, tables: Mapping[str, np.ndarray]) -> np.ndarray:
    """int64[commands, 4]: kind, first, tokens and number of what a program has the decoder do, in order."""
    unit, fields = program.units["decoder"]
    first = tables["program"]["first"][tables["program"]["unit"] == unit]
    operands = {name: tables["operands"][first + n] for n, name in enumerate(fields)}
    return np.stack([operands[name] for name in ("kind", "first", "tokens", "number")], axis=1)


def sizes_of(every: Sequence[Mapping[str, np.ndarray]], operands: Sequence[Operands]) -> Sizes:
    """What the data path must have room for, to compute every layer."""
    tokens = max(max(x.q.shape[1], x.k.shape[1]) for x in operands)
    scores = [
        [int((t["passes"]["dense"] * t["passes"]["rows"])[numbers].sum()) for numbers in groups(t["passes"])]
        for t in every
    ]
    return Sizes(
        heads=max(int(t["passes"]["heads"].max()) for t in every),
        all=max(len(x.q) for x in operands),
        encoded=max(int(t["passes"]["encoded"].max()) for t in every),
        tokens=1 << max(1, (tokens - 1).bit_length()),
        features=max(max(x.q.shape[2], x.v.shape[2]) for x in operands),
        scores=max(2, *map(max, scores)),
        all_scores=max(2, *map(sum, scores)),
    )
