"""Everything around the attention units as it happened: instructions dispatched when what they wait for was done, units
done when their work was, bursts, loads and stores when their bytes were there."""

import numpy as np

from accelsim.isa import instructions as isa
from accelsim.validation.evidence import BUFFERS, Evidence
from accelsim.validation.memory import spread
from accelsim.validation.report import Report
from accelsim.validation.scores import NEVER

# Where each counter's news come from, and where each instruction goes to.
NEWS = {
    isa.WEIGHT_LOADED: "weight_gb.loaded",
    isa.ACT_LOADED: "act_gb0.loaded",
    isa.INDEX_LOADED: "index_buffer.loaded",
    isa.ARRAY_DONE: "engine.done",
    isa.VECTOR_DONE: "vector.done",
    isa.DECODER_DONE: "decoder.done",
    isa.DENSER_DONE: "denser.done",
    isa.SPARSER_DONE: "sparser.done",
    isa.PASSES_DONE: "merge.done",
    isa.STORED: "act_gb1.stored",
}
PORTS = {
    isa.ARRAY: "array",
    isa.VECTOR: "vector",
    isa.DECODE: "decode",
    isa.DENSER: "denser",
    isa.SPARSER: "sparser",
    isa.WALKER: "walker",
    isa.SOFTMAX: "softmax",
    isa.MERGE: "merge",
    isa.GRANT_WEIGHT: "grant_weight",
    isa.GRANT_ACT: "grant_act",
    isa.GRANT_INDEX: "grant_index",
}
STREAMS = ("stores", "index", "act", "weight")  # of the DMA engine, by number


def check_transfers(evidence: Evidence, report: Report) -> None:
    """All of it."""
    dispatched = check_dispatch(evidence, report)
    if dispatched is not None:
        check_array(evidence, dispatched, report)
        check_vector(evidence, dispatched, report)
    check_bursts(evidence, report)
    for buffer in BUFFERS:
        check_loads(evidence, buffer, report)
    check_stores(evidence, report)


def check_dispatch(evidence: Evidence, report: Report) -> np.ndarray | None:
    """When each instruction was dispatched (-1 for marks); None (and a failed check) where some were not."""
    program = evidence.tables["program"]
    at = np.full(len(program), -1)
    for op, port in PORTS.items():
        mine, log = np.flatnonzero(program["op"] == op), evidence.log[f"sequencer.{port}"]
        report.equal("dispatch", f"sequencer.{port}", "every instruction is dispatched", len(log), len(mine))
        if len(log) != len(mine):
            return None
        at[mine] = log["at"]
    done = np.full((len(isa.COUNTERS), 1 + max(len(evidence.log[name]) for name in NEWS.values())), NEVER)
    done[:, 0] = -1
    for counter, name in NEWS.items():
        done[counter, 1 : 1 + len(evidence.log[name])] = evidence.log[name]["at"]
    known = program["op"] != isa.MARK
    for wait, count in (("wait", "count"), ("wait2", "count2")):
        inside = program[count] < done.shape[1]
        reached = np.where(inside, done[program[wait], np.where(inside, program[count], 0)], NEVER)
        report.compare("dispatch", "sequencer", "no instruction before what it waits for is done",
                       ~known | (reached + 1 <= at),
                       lambda n, w=wait, c=count: f"instruction {n}, in cycle {at[n]}, waits for {program[c][n]} of "
                                                  f"{isa.COUNTERS[program[w][n]]}")  # fmt: skip
    order = at[known]
    report.compare("dispatch", "sequencer", "instructions one by one, in order", np.diff(order) >= 1,
                   lambda n: f"instruction {np.flatnonzero(known)[n + 1]} in cycle {order[n + 1]}")  # fmt: skip
    return at


def check_array(evidence: Evidence, dispatched: np.ndarray, report: Report) -> None:
    """A GEMM tile takes its steps times the length of its accumulation, one tile after the other."""
    program, done = evidence.tables["program"], evidence.log["engine.done"]["at"]
    mine = program["op"] == isa.ARRAY
    tiles, begun = program[mine], dispatched[mine] + 1
    steps = -(-tiles["a"] // np.maximum(tiles["d"], 1)) * -(-tiles["b"] // np.maximum(tiles["e"], 1))
    need = steps * tiles["c"]
    begun = np.maximum(begun, np.concatenate([[0], done[:-1]])) if len(done) else begun
    report.compare("lines", "engine", "a tile takes the cycles of its steps", done - begun >= need,
                   lambda n: f"tile {n}: {done[n] - begun[n]} cycles of {need[n]}")  # fmt: skip
    size, lines = tiles["d"] * tiles["e"], evidence.part("engine", "lines") * evidence.part("engine", "macs")
    report.compare("lines", "engine", "a step has an output a multiplier at most", size <= lines,
                   lambda n: f"tile {n}: steps of {size[n]} outputs on {lines} multipliers")  # fmt: skip
    gone = (evidence.log["engine.out"]["rows"] * evidence.log["engine.out"]["columns"]).sum()
    last = tiles[tiles["f"] > 0]
    report.equal("gemm", "engine", "outputs that leave", int(gone), int((last["a"] * last["b"]).sum()))


def check_vector(evidence: Evidence, dispatched: np.ndarray, report: Report) -> None:
    """A command of the vector unit takes the cycles of its passes."""
    program, done = evidence.tables["program"], evidence.log["vector.done"]["at"]
    mine = program["op"] == isa.VECTOR
    need = -(-program["a"] * program["b"] // evidence.part("vector", "lanes"))[mine]
    took = done - dispatched[mine]
    report.compare("lines", "vector", "a command takes the cycles of its passes", took > need,
                   lambda n: f"command {n}: {took[n]} cycles of {need[n]}")  # fmt: skip


def check_bursts(evidence: Evidence, report: Report) -> None:
    """The DMA engine moves every byte of every descriptor, in order, with not too many bursts under way."""
    bursts, replies = evidence.log["dma.request"], evidence.log["dram.reply"]
    most, longest = evidence.part("dma", "outstanding"), evidence.part("dma", "burst_bytes")
    good = (bursts["bytes"] > 0) & (bursts["bytes"] <= longest) & (bursts["write"] == (bursts["stream"] == 0))
    report.compare("bursts", "dma", f"no burst of more than {longest} bytes", good,
                   lambda n: f"burst {n} of {bursts['bytes'][n]} bytes")  # fmt: skip
    for stream, table in enumerate(STREAMS):
        mine = bursts[bursts["stream"] == stream]
        _, address, size = spread(evidence.tables[table])
        whole = np.cumsum(mine["bytes"])
        wanted = np.cumsum(size)
        # a burst begins where the run it belongs to has been left
        run = np.minimum(np.searchsorted(wanted, whole, side="left"), max(len(size) - 1, 0))
        fits = len(mine) == 0 or len(size) > 0
        begin = whole - mine["bytes"]
        spot = address[run] + begin - (wanted[run] - size[run]) if len(size) else mine["address"] - 1
        good = (mine["address"] == spot) & (begin >= (wanted[run] - size[run] if len(size) else 0))
        report.compare("bursts", f"{table} stream", "bursts cover the descriptors, in order", good & fits,
                       lambda n, m=mine: f"burst {n} begins at byte {m['address'][n]}")  # fmt: skip
        moved = replies[replies["stream"] == stream]
        total = int(wanted[-1]) if len(wanted) else 0
        report.equal("bursts", f"{table} stream", "bytes asked for", int(whole[-1]) if len(whole) else 0, total)
        report.equal("bursts", f"{table} stream", "bytes answered", int(moved["bytes"].sum()), total)
    answered = np.searchsorted(replies["at"], bursts["at"], side="right")
    flying = np.arange(1, len(bursts) + 1) - answered
    report.compare("bursts", "dma", f"at most {most} bursts under way", flying <= most,
                   lambda n: f"{flying[n]} bursts are under way in cycle {bursts['at'][n]}")  # fmt: skip


def sizes(descriptors: np.recarray) -> np.ndarray:
    """Bytes of each descriptor."""
    return descriptors["bytes"] * descriptors["segments"]


def arrived(log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When bytes came, and how many had come then in all."""
    return log["at"], np.cumsum(log["bytes"])


def check_loads(evidence: Evidence, buffer: str, report: Report) -> None:
    """A buffer asks for its loads in order, with room and after their fence, and tells of each when its bytes came."""
    name, loads = BUFFERS[buffer], evidence.tables[buffer]
    asked, told, size = evidence.log[f"{name}.request"], evidence.log[f"{name}.loaded"], sizes(loads)
    report.equal("loads", name, "loads asked for", len(asked), len(loads))
    report.equal("loads", name, "loads told", len(told), len(loads))
    if not len(asked) == len(told) == len(loads):
        return
    same = [asked[f] == loads[f] for f in ("address", "bytes", "segments")]
    report.compare("loads", name, "they are the program's, in order", np.all(same, axis=0),
                   lambda n: f"load {n} asks for address {asked['address'][n]}")  # fmt: skip
    grants = evidence.log[f"sequencer.grant_{buffer}"]
    lifted = np.append(0, np.cumsum(grants["fences"]))[np.searchsorted(grants["at"], asked["at"])]
    report.compare("order", name, "a load is asked for when its fence is lifted", lifted >= loads["fence"],
                   lambda n: f"load {n} of fence {loads['fence'][n]} when {lifted[n]} are lifted")  # fmt: skip
    freed = [grants[["at", "bytes"]]]
    if buffer in ("weight", "act"):
        freed.append(evidence.log[f"engine.release_{buffer}"][["at", "bytes"]])
    freed = np.concatenate([np.array(part) for part in freed])
    freed = freed[np.argsort(freed["at"], kind="stable")]
    back = np.append(0, np.cumsum(freed["bytes"]))[np.searchsorted(freed["at"], asked["at"])]
    held, capacity = np.cumsum(size) - back, evidence.part(name, "capacity_bytes")
    if buffer == "weight" and not evidence.on("double_buffer"):
        capacity = size
    report.compare("buffers", name, "there is room for a load when it is asked for", held <= capacity,
                   lambda n: f"load {n} makes it {held[n]} bytes")  # fmt: skip
    at, total = arrived(evidence.log[f"dma.{buffer}_fill"])
    late = np.searchsorted(total, np.cumsum(size))
    when = np.append(at, NEVER)[late]
    report.compare("loads", name, "a load is told when all its bytes have come", when + 1 <= told["at"],
                   lambda n: f"load {n} is told in cycle {told['at'][n]}, its last byte came in {when[n]}")  # fmt: skip


def check_stores(evidence: Evidence, report: Report) -> None:
    """A store is asked for when its bytes have come into the output buffer, and told when they are in DRAM."""
    stores, log = evidence.tables["stores"], evidence.log
    asked, told, whole = log["act_gb1.request"], log["act_gb1.stored"], np.cumsum(sizes(stores))
    report.equal("stores", "act_gb1", "stores asked for", len(asked), len(stores))
    report.equal("stores", "act_gb1", "stores told", len(told), len(stores))
    if not len(asked) == len(told) == len(stores):
        return
    came = np.concatenate([np.array(log[name][["at", "bytes"]]) for name in ("vector.tile", "merge.row")])
    came = came[np.argsort(came["at"], kind="stable")]
    for which, times, (at, total), why in (
        ("asked for", asked["at"], arrived(came), "come into the buffer"),
        ("told", told["at"], arrived(log["dma.written"]), "reached DRAM"),
    ):
        when = np.append(at, NEVER)[np.searchsorted(total, whole)]
        report.compare("stores", "act_gb1", f"a store is {which} when all its bytes have {why}", when + 1 <= times,
                       lambda n, t=times, w=when: f"store {n} in cycle {t[n]}, its last byte in {w[n]}")  # fmt: skip
