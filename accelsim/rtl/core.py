"""`attention_core`: decoder, index walker, both engines, softmax unit and output merge, wired as the ViTCoD machine
wires them; it takes one pass (heads x rows) of a layer's attention from commands to output rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from accelsim.core import Param, Simulator
from accelsim.isa.instructions import DECODE
from accelsim.rtl.attention import CAPACITY, draw, draw_keep, fits, tabulate
from accelsim.rtl.cases import Rng, decodes, opens, script
from accelsim.rtl.cosim import Case
from accelsim.rtl.datapath import Sizes
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.rtl.operands import draw_keep as draw_mask
from accelsim.rtl.operands import draw_operands, pass_operands
from accelsim.rtl.stimulus import Script
from accelsim.rtl.twins import TWINS
from accelsim.rtl.values import Operands

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
    ("sparser.partial", "merge.sparse", 4), ("merge.denser_window", "denser.window", 2),
    ("merge.sparser_window", "sparser.window", 2),
)  # fmt: skip
DEFAULTS = {
    "decoder": {"lines": 32, "macs": 8, "port_bytes": 256, "queue": 32},
    "walker": {"word_bytes": 8, "index_bytes": 1},
    "denser": {"lines": 64, "macs": 8, "q_port_bytes": 256},
    "sparser": {"lines": 64, "macs": 8, "banks": 4, "score_ports": 8, "segment": 16},
    "softmax": {"lanes": 8, "mode": 0, "exp_cycles": 4, "divide_cycles": 16, "divide_interval": 1},
    "merge": {"places": 64},
}
SMALL = {
    "decoder": {"lines": 2, "macs": 4, "port_bytes": 16, "queue": 4},
    "walker": {"word_bytes": 2, "index_bytes": 2},
    "denser": {"lines": 8, "macs": 4, "q_port_bytes": 16},
    "sparser": {"lines": 8, "macs": 4, "banks": 2, "score_ports": 2, "segment": 5},
    "softmax": {"lanes": 2, "mode": 1, "exp_cycles": 2, "divide_cycles": 5, "divide_interval": 3},
    "merge": {"places": 8},
}
LONE = {
    "decoder": {"lines": 1, "macs": 1, "port_bytes": 3, "queue": 1},
    "walker": {"word_bytes": 1, "index_bytes": 2},
    "denser": {"lines": 1, "macs": 1, "q_port_bytes": 1},
    "sparser": {"lines": 1, "macs": 1, "banks": 1, "score_ports": 1, "segment": 1},
    "softmax": {"lanes": 1, "mode": 0, "exp_cycles": 1, "divide_cycles": 1, "divide_interval": 1},
    "merge": {"places": 1},
}
ODD = {
    "decoder": {"lines": 3, "macs": 5, "port_bytes": 24, "queue": 3},
    "walker": {"word_bytes": 5, "index_bytes": 1},
    "denser": {"lines": 5, "macs": 3, "q_port_bytes": 64},
    "sparser": {"lines": 5, "macs": 3, "banks": 3, "score_ports": 5, "segment": 40},
    "softmax": {"lanes": 3, "mode": 0, "exp_cycles": 3, "divide_cycles": 9, "divide_interval": 20},
    "merge": {"places": 3},
}
WIDE = {
    "decoder": {"lines": 8, "macs": 16, "port_bytes": 128, "queue": 8},
    "walker": {"word_bytes": 16, "index_bytes": 1},
    "denser": {"lines": 20, "macs": 16, "q_port_bytes": 100},
    "sparser": {"lines": 20, "macs": 16, "banks": 5, "score_ports": 3, "segment": 7},
    "softmax": {"lanes": 5, "mode": 1, "exp_cycles": 1, "divide_cycles": 1, "divide_interval": 1},
    "merge": {"places": 33},
}
SETTINGS = (DEFAULTS, SMALL, LONE, ODD, WIDE)


RANDOM = Sizes(heads=4, tokens=256, features=64, scores=4 * 197 * 197)


def core(
    values: Mapping[str, dict[str, int]], rows: dict[str, int] = CAPACITY, top: str = "attention_core", *,
    sizes: Sizes | None = None,
) -> Netlist:  # fmt: skip
    """The netlist; `values` are the parameters of each unit, `rows` the sizes of the tables, `sizes` those of the data
    path (None: control alone)."""
    units = [Unit(name, TWINS[module], dict(values[name])) for name, module in UNITS.items()]
    wires = [Wire(f"{name}_command", 4, None, (name, "command")) for name in UNITS]
    for out, into, depth in INSIDE:
        producer, consumer = tuple(out.split(".")), tuple(into.split("."))
        wires.append(Wire("_".join(producer), depth, producer, consumer))
    wires += [Wire(f"{name}_done", 4, (name, "done")) for name in ("decoder", "denser", "sparser", "merge")]
    wires.append(Wire("merge_row", 4, ("merge", "row")))
    return Netlist(top, units, wires, rows, sizes=sizes)


def jobs(tables: Mapping[str, np.ndarray], pieces: list[tuple]) -> dict[str, list[tuple]]:
    """The commands of one pass (the first of the tables) for every unit."""
    one = tables["passes"][0]
    both = [(0, 0, 0, 0), (1, 0, 0, int(one.rows * one.heads))]
    return {
        "decoder": pieces, "walker": both[:1] if one.sparse_columns else [], "denser": both if one.dense else [],
        "sparser": both if one.sparse_columns else [], "softmax": both[:1], "merge": both[:1],
    }  # fmt: skip


def random_cases(
    count: int, seed: int, *, used: Sequence[Mapping[str, dict[str, int]]] = SETTINGS, largest: int = 40
) -> Iterator[Case]:
    """Random passes: shapes, masks, operands, times of commands and back-pressure on everything that leads outside;
    `used` are the parameters they run on, in turn. Every eighth has up to 197 tokens (64 with fewer than 15 MACs)."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 77])
        values = used[n % len(used)]
        many = 197 if values["denser"]["lines"] * values["denser"]["macs"] >= 15 else 64
        while True:
            shape = draw(rng, values["denser"]["lines"], largest if n % 8 else many)
            dense, sparse = draw_keep(rng, shape)
            shape.forward = int(
                any(len(columns) for columns in dense)
            )  # Q reaches the denser engine's buffer if needed
            shape.row0 = int(rng.integers(0, shape.tokens - shape.rows + 1))
            for head in range(shape.heads):  # every row keeps at least the class token
                if 0 not in dense[head]:
                    sparse[head][:, 0] = True
            tables = tabulate([shape], [(dense, sparse)], values["sparser"]["segment"], values["merge"]["places"])
            if fits(tables):
                break
        work = jobs(tables, decodes(rng, 0, shape, tables))
        scripts = {f"{name}_command": script(rng, items, 4) for name, items in work.items()}
        case = finish(rng, f"attention_core {n}", core(values, sizes=RANDOM), tables, scripts)
        sides = shape.row0 + shape.rows, shape.tokens
        mask, bounded = draw_mask(rng, dense, sparse), values["softmax"]["mode"] == 0
        case.operands = draw_operands(rng, shape.heads, *sides, (shape.dim, shape.value_dim), mask, bounded)
        yield case


def finish(rng: Rng, name: str, net: Netlist, tables: dict, scripts: dict[str, Script], back: bool = True) -> Case:
    """A case with its sinks, which hold back or not."""
    sinks = {w.name: opens(rng) if back else np.ones(1, bool) for w in net.wires if w.consumer is None}
    return Case(name, net, tables, scripts, sinks)


def passes_of(tables: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.recarray]]:
    """Each pass of a program's tables on its own, places counted from its start."""
    for one in tables["passes"]:
        index0 = int(tables["rows"]["first"][one.first_row])
        mine = {
            "passes": np.array([one], tables["passes"].dtype),
            "dense": tables["dense"][one.first_dense : one.first_dense + one.dense].copy(),
            "columns": tables["columns"][one.first_column : one.first_column + one.sparse_columns].copy(),
            "rows": tables["rows"][one.first_row : one.first_row + one.rows * one.heads].copy(),
        }
        entries = int(mine["rows"]["sparse"].sum())
        mine["index"] = tables["index"][index0 : index0 + entries].copy()
        mine["columns"]["first"] -= index0
        mine["rows"]["first"] -= index0
        for name in ("first_dense", "first_column", "first_row"):
            mine["passes"][name] = 0
        yield {n: t.view(np.recarray) for n, t in mine.items()}


def values_of(sim: Simulator) -> dict[str, dict[str, int]]:
    """The parameters of a machine's attention units, which have the names of UNITS."""
    parts = {c.name: c for c in sim.components}
    return {name: {p: parts[name].value(p) for p in parts[name].declared(Param)} for name in UNITS}


def values_of_parts(parts: Mapping[str, Mapping[str, int | str]]) -> dict[str, dict[str, int]]:
    """The same of a configuration's parts; what both engines share stands with the array (`engine`)."""
    return {
        name: {
            n: p.check(name, parts[name].get(n, parts["engine"].get(n)))
            for n, p in TWINS[module].component.declared(Param).items()
        }
        for name, module in UNITS.items()
    }


def workload_cases(
    tables: Mapping[str, np.ndarray], values: Mapping[str, dict[str, int]], name: str,
    layers: Iterable[Operands] | None = None,
) -> Iterator[Case]:  # fmt: skip
    """Every pass of a compiled workload: its own commands as soon as there is room, no back-pressure outside.

    `tables` are a program's, with its instructions. `layers`: what each attention layer and image computes on; without
    them, the control alone is simulated.
    """
    rng = np.random.default_rng(0)
    orders = tables["program"][tables["program"]["op"] == DECODE]
    every = list(passes_of({**tables, "index": tables["entries"]}))
    rows = {n: 2 + max(len(t[n]) for t in every) for n in CAPACITY}
    operands = list(pass_operands(tables["passes"], layers)) if layers is not None else [None] * len(every)
    net = core(values, rows, sizes=sizes_of(every, operands) if layers is not None else None)
    for n, (mine, x) in enumerate(zip(every, operands, strict=True)):
        pieces = [(int(o["a"]), int(o["b"]), int(o["c"]), 0) for o in orders[orders["d"] == n]]
        work = jobs(mine, pieces)
        scripts = {f"{unit}_command": script_at_once(items) for unit, items in work.items()}
        case = finish(rng, f"{name} pass {n}", net, mine, scripts, back=False)
        case.operands = x
        yield case


def sizes_of(every: Sequence[Mapping[str, np.ndarray]], operands: Sequence[Operands]) -> Sizes:
    """What the data path must have room for, to compute every pass."""
    tokens = max(max(x.q.shape[1], x.k.shape[1]) for x in operands)
    return Sizes(
        heads=max(len(x.q) for x in operands), tokens=1 << max(1, (tokens - 1).bit_length()),
        features=max(max(x.q.shape[2], x.v.shape[2]) for x in operands),
        scores=max(2, *(int(t["passes"][0].dense * t["passes"][0].rows) for t in every)),
    )  # fmt: skip


def script_at_once(items: list[tuple]) -> Script:
    """Everything as soon as there is room."""
    return Script(np.zeros(len(items), np.int64), np.array(items, np.int64).reshape(len(items), 4))
