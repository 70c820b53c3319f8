"""Random cases for each component: jobs, masks, when items come, and back-pressure on every port."""

from collections.abc import Callable, Iterator

import numpy as np

from accelsim.accelerators.vitcod.rtl.attention import CAPACITY, Shape, draw, draw_keep, fits, tabulate
from accelsim.accelerators.vitcod.rtl.dense_cases import ARRAYS, mac_array
from accelsim.accelerators.vitcod.rtl.encoder_cases import encoder
from accelsim.accelerators.vitcod.rtl.machine_cases import SETTINGS as AROUND
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.netlist import Netlist, Unit, Wire, alone
from accelsim.rtl.stimulus import Script


def bench(module: str, values: dict, depths: dict) -> Netlist:
    """A module alone, with tables of the benches' sizes."""
    return alone(PACKAGE, TWINS[module], values, depths, CAPACITY)


def passes(rng: Rng, lines: int, count: int, segment: int, largest: int, places: int = 16):
    """Shapes, what each keeps, and the tables of random passes that fit the benches."""
    while True:
        shapes = [draw(rng, lines, largest) for _ in range(count)]
        kept = [draw_keep(rng, s) for s in shapes]
        tables = tabulate(shapes, kept, segment, places)
        if fits(tables):
            return shapes, kept, tables


def index_walker(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    _, _, tables = passes(rng, 8, int(rng.integers(1, 6)), int(rng.integers(1, 20)), largest)
    jobs = [(0, n, 0, 0) for n in range(len(tables["passes"]))]
    net = bench("index_walker", values, depths)
    return make(rng, "index_walker", net, tables, {"command": script(rng, jobs, 4)})


def output_merge(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    segment = int(rng.integers(1, 20))
    _, _, tables = passes(rng, 8, int(rng.integers(1, 4)), segment, largest, values["places"])
    # Parts come before their pass does, as no window keeps them back: all passes have as many features.
    tables["passes"].value_dim = tables["rows"]["values"] = tables["passes"].value_dim[0]
    dense, sparse = [], []
    for one in tables["passes"]:
        last = one.first_row + one.rows * one.heads
        place = one.first_row
        while place < last:
            row = tables["rows"][place]
            rest = one.rows - (place - one.first_row) % one.rows
            some = min(rest, one.tile_rows) if row.dense else rest
            if row.dense:
                dense.append((place, some, row.dense))
            place += some
        for place in range(one.first_row, last):
            left = tables["rows"][place].sparse
            while left:
                sparse.append((place, 1, min(left, segment)))
                left -= sparse[-1][2]
    order = np.argsort(np.arange(len(sparse)) + rng.random(len(sparse)) * rng.choice([0, 3, 10]), kind="stable")
    sparse = [sparse[n] for n in order]
    scripts = {
        "command": script(rng, [(0, n, 0, 0) for n in range(len(tables["passes"]))], 4),
        "dense": script(rng, dense, 3), "sparse": script(rng, sparse, 3),
        "denser_reads": script(rng, accesses(rng, len(dense)), 1),
        "sparser_reads": script(rng, accesses(rng, len(sparse)), 1),
    }  # fmt: skip
    return make(rng, "output_merge", bench("output_merge", values, depths), tables, scripts)


def accesses(rng: Rng, most: int) -> list[tuple]:
    """Cycles in which the partial-sum memory is taken."""
    return [(int(rng.integers(1, 5)),) for _ in range(int(rng.integers(0, most + 1)))]


def score_items(rng: Rng, tables: dict, one, group: int) -> tuple[list[tuple], list[tuple]]:
    """What the two engines would send to the softmax unit in a pass."""
    tiles, scores = [], []
    for first in range(0, one.dense, one.denser_lines):
        count = min(one.denser_lines, one.dense - first)
        for row in range(0, one.rows, group):
            tiles.append((row, min(group, one.rows - row), one.first_dense + first, count))
    for c in tables["columns"][one.first_column : one.first_column + one.sparse_columns]:
        for n in range(c.first, c.first + c.count):
            scores.append((one.first_row + c.head * one.rows + tables["index"][n].row, c.column))
    order = np.argsort(np.arange(len(scores)) + rng.random(len(scores)) * 20, kind="stable")
    return tiles, [scores[n] for n in order]


def softmax_unit(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    _, _, tables = passes(rng, 8, int(rng.integers(1, 3)), 16, largest)
    scripts, start, ends = {}, 0, []
    parts: dict[str, list[Script]] = {"command": [], "scores": [], "score": []}
    stuck = False
    for n, one in enumerate(tables["passes"]):
        tiles, scores = score_items(rng, tables, one, int(rng.integers(1, 4)))
        outputs = one.rows * one.heads
        stuck |= bool((tables["rows"].scores[one.first_row : one.first_row + outputs] == 0).any())
        made = [script(rng, items, w, start) for items, w in (([(0, n, 0, 0)], 4), (tiles, 4), (scores, 2))]
        for name, some in zip(parts, made):
            parts[name].append(some)
        ends = [int(s.at[-1]) for s in made if len(s.at)]
        start = max(ends) + 40 * int(one.scores) + 60 * outputs + outputs * values["divide_interval"] + 500
        if stuck:
            break  # a row without scores is never handed on: a compiler leaves such a pass out
    for name, some in parts.items():
        scripts[name] = Script(np.concatenate([s.at for s in some]), np.concatenate([s.items for s in some]))
    scripts["accesses"] = script(rng, accesses(rng, len(scripts["scores"].at)), 1)
    net = bench("softmax_unit", values, depths)
    return make(rng, "softmax_unit", net, tables, scripts, stuck)


def operands(rng: Rng, tables: dict, shapes: list[Shape]) -> list[tuple]:
    """K and Q arriving by tokens, interleaved."""
    news = []
    for n, (one, shape) in enumerate(zip(tables["passes"], shapes)):
        step = int(rng.integers(1, 9))
        k = [(n, 0, t) for t in [*range(step, shape.tokens, step), shape.tokens]]
        q = [(n, 1, int(one.row0) + t) for t in [*range(step, shape.rows, step), shape.rows]]
        both = [(i + rng.random(), x) for i, x in enumerate(k)] + [(i + rng.random(), x) for i, x in enumerate(q)]
        news += [x for _, x in sorted(both)]
    return news


def ready_and_window(rng: Rng, tables: dict, kind: str) -> tuple[list[tuple], list[tuple]]:
    """Outputs whose scores are complete, nearly in order; the merge's window, moving on."""
    places = np.nonzero(tables["rows"][kind])[0]
    order = np.argsort(places + rng.random(len(places)) * rng.choice([0, 5]), kind="stable")
    total = len(tables["rows"])
    ends, end = [], 0
    while end < total:
        end = min(total, end + int(rng.integers(1, 12)))
        ends.append((end,))
    return [(int(p),) for p in places[order]], ends


def phases(rng: Rng, tables: dict, kind: str) -> list[tuple]:
    """Scores and values of every pass in which an engine has work; half of them have the values in pieces, as where the
    engines take turns: a piece may have none."""
    jobs = []
    for n, one in enumerate(tables["passes"]):
        if one[kind]:
            outputs = int(one.rows * one.heads)
            step = outputs if rng.random() < 0.5 else int(rng.integers(1, outputs + 1))
            jobs.append((0, n, 0, 0))
            jobs += [(1, n, first, min(first + step, outputs)) for first in range(0, outputs, step)]
    return jobs


def denser_engine(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    if rng.random() < 0.5:  # few rows: often those of a group and some more
        largest = min(largest, 12)
    shapes, _, tables = passes(rng, values["lines"], int(rng.integers(1, 3)), 16, largest)
    ready, window = ready_and_window(rng, tables, "dense")
    slow = 0.02 if rng.random() < 0.3 else None
    scripts = {
        "command": script(rng, phases(rng, tables, "dense"), 4),
        "softmaxed": script(rng, ready, 1),
        "operands": script(rng, operands(rng, tables, shapes), 3),
        "window": script(rng, window, 1, eager=slow),
    }
    return make(rng, "denser_engine", bench("denser_engine", values, depths), tables, scripts)


def decoder(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    shapes, _, tables = passes(rng, 8, int(rng.integers(1, 4)), 16, largest)
    slow = rng.random() < 0.3  # Q stays in the global buffer: commands that are done at once, and nobody listens
    if slow:
        for shape in shapes:
            shape.forward = 0
    jobs, misses = [], []
    for n, shape in enumerate(shapes):
        jobs += decodes(rng, n, shape, tables)
        for _ in range(int(rng.integers(0, 20))):
            row, head = int(rng.integers(shape.rows)), int(rng.integers(shape.heads))
            misses.append((n, row, head, int(rng.integers(64))))
    scripts = {"command": script(rng, jobs, 4), "miss": script(rng, misses, 4)}
    case = make(rng, "decoder", bench("decoder", values, depths), tables, scripts)
    if slow:
        case.opens["done"] = np.arange(40) == 0
    return case


def decodes(rng: Rng, n: int, shape: Shape, tables: dict, keys: tuple[int, int] | None = None) -> list[tuple]:
    """The commands that bring a pass's Q and K (`keys`: those of a block), in pieces; sometimes Q stays in the global
    buffer."""
    step, kind = int(rng.integers(1, 17)), 1 if shape.forward else 2
    row0 = int(tables["passes"][n].row0)
    first, end = keys or (0, shape.tokens)
    k = [(0, t, min(step, end - t), n) for t in range(first, end, step)]
    q = [(kind, row0 + t, min(step, shape.rows - t), n) for t in range(0, shape.rows, step)]
    both = [(i + rng.random(), x) for i, x in enumerate(k)] + [(i + rng.random(), x) for i, x in enumerate(q)]
    return [x for _, x in sorted(both)]


def sparser_engine(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    """With a decoder beside it, which answers what its Q forwarding misses."""
    lines = values["lines"]
    shapes, _, tables = passes(rng, lines, int(rng.integers(1, 3)), values["segment"], largest)
    net = with_decoder(values, depths)
    ready, window = ready_and_window(rng, tables, "sparse")
    slow = 0.02 if rng.random() < 0.3 else None
    columns = [tuple(int(x) for x in c) for c in tables["columns"]]
    jobs = [x for n, shape in enumerate(shapes) for x in decodes(rng, n, shape, tables)]
    scripts = {
        "command": script(rng, phases(rng, tables, "sparse_columns"), 4),
        "column": script(rng, columns, 4),
        "softmaxed": script(rng, ready, 1),
        "window": script(rng, window, 1, eager=slow),
        "decode": script(rng, jobs, 4),
        "filling": loads_under_way(rng),
    }
    return make(rng, "sparser_engine", net, tables, scripts)


def loads_under_way(rng: Rng) -> Script:
    """V's buffer saying in turn that loads are on their way, and that none is."""
    return script(rng, [(n % 2 == 0,) for n in range(int(rng.integers(0, 40)))], 1, eager=0.02)


SPARSER_IN = ("command", "column", "softmaxed", "window", "filling")


def with_decoder(values: dict, depths: dict) -> Netlist:
    """The sparser engine and the decoder, their other ports outside."""
    sparser = Unit("sparser", TWINS["sparser_engine"], values)
    feed = {"lines": 4, "macs": 8, "port_bytes": 32, "queue": 8, "q_from": 0} | ACT[0]
    feed |= {name: values[name] for name in BANKS[0]}
    wires = [Wire(p, depths[p], None, ("sparser", p)) for p in SPARSER_IN] + [
        Wire(p, depths[p], ("sparser", p)) for p in ("score", "partial", "reads", "reading", "done")
    ]
    wires += [
        Wire("decode", 4, None, ("decoder", "command")),
        Wire("decoded", 4, ("decoder", "done")),
        Wire("to_denser", 2, ("decoder", "denser")),
        Wire("decoder_reading", 2, ("decoder", "reading")),
        Wire("operands", depths["operands"], ("decoder", "sparser"), ("sparser", "operands")),
        Wire("miss", depths["miss"], ("sparser", "miss"), ("decoder", "miss")),
        Wire("vector", depths["vector"], ("decoder", "vector"), ("sparser", "vector")),
    ]
    return Netlist(PACKAGE, "sparser_engine_bench", [sparser, Unit("decoder", TWINS["decoder"], feed)], wires, CAPACITY)


# For each component: how to make a case, and the parameters and depths that are tried in turn.
Maker = Callable[[Rng, dict, dict, int], Case]
BANKS = [{"banks": 4, "bank_bytes": 64}, {"banks": 1, "bank_bytes": 20}, {"banks": 3, "bank_bytes": 32}]
VALUES = [{"v_banks": banks, "v_port_bytes": port} for banks, port in ((4, 64), (2, 9), (2, 48))]
ACT = [{"act_banks": banks, "act_port_bytes": port} for banks, port in ((4, 64), (1, 3), (2, 24))]
INDEX = [{"index_banks": banks, "index_port_bytes": port} for banks, port in ((8, 8), (1, 3), (2, 5))]
PSUM = [{"psum_banks": banks, "psum_port_bytes": port} for banks, port in ((8, 32), (3, 16), (1, 7))]
SETTINGS: dict[str, tuple[Maker, list[dict], list[int]]] = {
    "index_walker": (index_walker, [
        {"word_bytes": 8, "index_bytes": 1, "banks": 8, "port_bytes": 8},
        {"word_bytes": 1, "index_bytes": 2, "banks": 1, "port_bytes": 2},
        {"word_bytes": 5, "index_bytes": 4, "banks": 3, "port_bytes": 4},
    ], [4, 1, 2]),
    "output_merge": (output_merge, [
        {"places": 64, "lanes": 64} | PSUM[0] | INDEX[0],
        {"places": 3, "lanes": 24} | PSUM[1] | INDEX[1], {"places": 1, "lanes": 8} | PSUM[2] | INDEX[2],
    ], [4, 1, 2]),
    "softmax_unit": (softmax_unit, [
        {"lanes": 8, "mode": 0, "exp_cycles": 4, "divide_cycles": 16, "divide_interval": 1} | PSUM[0],
        {"lanes": 4, "mode": 1, "exp_cycles": 3, "divide_cycles": 9, "divide_interval": 5} | PSUM[1],
        {"lanes": 1, "mode": 1, "exp_cycles": 1, "divide_cycles": 1, "divide_interval": 1} | PSUM[2],
        {"lanes": 3, "mode": 0, "exp_cycles": 2, "divide_cycles": 5, "divide_interval": 20} | PSUM[1],
    ], [4, 16, 1, 2]),
    "denser_engine": (denser_engine, [
        {"lines": 64, "macs": 8, "q_port_bytes": 256, "row_values": 128} | BANKS[0] | VALUES[0] | PSUM[0] | INDEX[0],
        {"lines": 5, "macs": 16, "q_port_bytes": 16, "row_values": 64} | BANKS[1] | VALUES[1] | PSUM[1] | INDEX[1],
        {"lines": 16, "macs": 1, "q_port_bytes": 7, "row_values": 90} | BANKS[2] | VALUES[2] | PSUM[2] | INDEX[2],
    ], [4, 1, 2]),
    "sparser_engine": (sparser_engine, [
        {"lines": 64, "macs": 8, "score_ports": 8, "segment": 16} | BANKS[0] | VALUES[0] | PSUM[0],
        {"lines": 7, "macs": 1, "score_ports": 1, "segment": 3} | BANKS[1] | VALUES[1] | PSUM[2],
        {"lines": 16, "macs": 16, "score_ports": 2, "segment": 40} | BANKS[2] | VALUES[2] | PSUM[1],
    ], [8, 1, 3]),
    "decoder": (decoder, [
        {"lines": 32, "macs": 8, "port_bytes": 256, "queue": 32, "q_from": 0} | BANKS[0] | ACT[0],
        {"lines": 1, "macs": 4, "port_bytes": 3, "queue": 1, "q_from": 1} | BANKS[1] | ACT[1],
        {"lines": 2, "macs": 16, "port_bytes": 64, "queue": 3, "q_from": 1} | BANKS[2] | ACT[2],
    ], [4, 1, 2]),
    "encoder": (encoder, [
        {"lines": n, "macs": m, "sum_port_bytes": port} for n, m, port in ((8, 8, 32), (1, 1, 64), (3, 5, 3))
    ], [4, 1, 2]),
    "mac_array": (mac_array, ARRAYS, [4, 1, 4, 2, 4]),
} | AROUND  # fmt: skip


def cases(component: str, count: int, seed: int, *, settings: int | None = None, largest: int = 40) -> Iterator[Case]:
    """`count` cases of a component, its settings (or the first so many of them) in turn; same seed, same cases."""
    maker, values, depths = SETTINGS[component]
    used = len(values) if settings is None else min(settings, len(values))
    ports = TWINS[component].ports()
    for n in range(count):
        rng = np.random.default_rng([seed, n, *component.encode()])
        kind = n % used
        case = maker(rng, values[kind], dict.fromkeys(ports, depths[kind]), largest if n % 8 else 197)
        case.name = f"{component} {n}"
        yield case
