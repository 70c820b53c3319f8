"""The tiles of an attention layer: every kept score in one, operands there, loads and stores as they must be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.salo.dataflow.attention import AttentionLayer
from accelsim.accelerators.salo.schedule import Tile
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.program import Step
from accelsim.workload.layers import Attention

if TYPE_CHECKING:
    from accelsim.accelerators.salo.checks.judge import SaloJudge

PLACE = ("address", "bytes", "segments", "pitch")


@dataclass
class Done:
    """A tile as its command says: of which head of all images; the queries of its local rows; int64[rows, n] their
    keys, with those of global columns, and which of them count; the keys that the global rows take."""

    step: Step
    group: int
    queries: np.ndarray
    keys: np.ndarray
    counts: np.ndarray
    across: np.ndarray


class HeadTiles(Follower):
    """Follows one attention layer; heads come one after the other, image by image."""

    def __init__(self, course: Course) -> None:
        self.course, self.layer, self.judge, self.evidence = course, course.layer, course.judge, course.evidence
        self.plans = self.judge.plans(self.layer)
        batch = self.evidence.workload.batch
        self.made = AttentionLayer(None, self.layer, self.plans, batch, self.judge.have)
        self.groups = batch * self.layer.heads
        self.steps: list[Step] = []
        self.tiles: list[Done] = []
        self.wrong: list[str] = []
        self.right = False

    @staticmethod
    def touched(judge: "SaloJudge", layer: Attention) -> int:
        """Keys of an image that are loaded."""
        plans = judge.plans(layer)
        made = AttentionLayer(None, layer, plans, judge.evidence.workload.batch, judge.have)
        if made.whole:
            return layer.heads * layer.kv_tokens
        found = 0
        for plan, spans in zip(plans, made.spans):
            some = [one.keys.keys for one in spans]
            found += len(np.unique(np.concatenate([*some, np.array(plan.held.columns, np.int64)])))
        return found

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        if step.unit == self.judge.window:
            self.steps.append(step)
        else:
            self.wrong.append(f"instruction {step.at}: it is of {step.unit}, which has no part in attention")

    def close(self, report: Report) -> None:
        """Follow the heads, and enter the checks of the layer."""
        steps = iter(self.steps)
        loads = {b: iter(self.course.loads[b]) for b in (self.judge.act, self.judge.weight)}
        for group in range(self.groups):
            self.head(group, steps, loads)
        self.wrong += [f"instruction {step.at}: there are no more tiles" for step in steps]
        self.wrong += [f"load {n} of {b} is of no tile" for b, left in loads.items() for n in left]
        self.wrong += self.store_faults()
        scope = self.course.scope
        found = [f"{scope}: {fault}" for fault in self.wrong]
        report.add("attention", scope, "tiles have their operands, and rows their stores", len(self.steps), found)
        seen = np.zeros((self.groups, self.layer.q_tokens, self.layer.kv_tokens), np.int64)
        for tile in self.tiles:
            np.add.at(seen[tile.group], (tile.queries[:, None], tile.keys), tile.counts)
            for query in self.plans[tile.group % self.layer.heads].held.rows:
                np.add.at(seen[tile.group], (query, tile.across), 1)
        keep = np.tile(self.judge.keep(self.layer), (self.evidence.workload.batch, 1, 1))
        wrong = int((seen != keep).sum())
        sentences = [f"{scope}: {wrong} scores are in no tile, in several, or pruned"] if wrong else []
        report.add("attention", scope, "every kept score in one tile", keep.size, sentences, wrong)
        self.right = not wrong and not found

    def head(self, group: int, steps: Iterator[Step], loads: dict[str, Iterator[int]]) -> None:
        """One head: each load is the next that is wanted, each tile reads what is loaded for it."""
        image, head = divmod(group, self.layer.heads)
        plan, judge, layer = self.plans[head], self.judge, self.layer
        made, masks = self.made, self.made.masks[head]
        there: dict[int, tuple[int, ...]] = {}  # key -> its loads
        always: dict[int, tuple[int, ...]] = {}  # of the global columns
        whole: tuple[int, ...] = ()
        offset = made.starts[head]

        def fetch(buffer: str, tensor: str, at: int, wide: int, count: int = 1, pitch: int = 0) -> int:
            return self.load(loads[buffer], buffer, tensor, at, wide, count, pitch or wide)

        def keys(first: int, count: int, step: int) -> tuple[int, int]:
            sizes = (("k", layer.qk_dim), ("v", layer.v_dim))
            corner = head * layer.kv_tokens + first
            return tuple(
                fetch(judge.weight, f"{n}.{image}", corner * wide, wide, count, wide * step) for n, wide in sizes
            )

        if made.whole:
            whole = (fetch(judge.weight, "mask", offset, sum(masks)),) if sum(masks) else ()
            whole += keys(0, layer.kv_tokens, 1)
        else:
            always = {token: keys(token, 1, 1) for token in plan.held.columns}
        corner, q = head * layer.q_tokens, layer.qk_dim
        alone = [fetch(judge.act, f"q.{image}", (corner + token) * q, q) for token in plan.held.rows]
        mine = -1
        for n, (tile, span) in enumerate(zip(plan.tiles, made.spans[head])):
            if tile.rows and tile.first:
                mine = fetch(judge.act, f"q.{image}", (corner + tile.query) * q, q, tile.rows, q * tile.step)
            reads = list(whole)
            if not made.whole:
                if masks[n]:
                    reads.append(fetch(judge.weight, "mask", offset, masks[n]))
                for one in span.fresh:
                    some = keys(*one)
                    there |= {one.first + i * one.step: some for i in range(one.count)}
                reads += [load for key in span.keys.keys.tolist() for load in there.get(key, (-1,))]
                reads += [load for token in plan.held.columns[: tile.columns] for load in always[token]]
            offset += masks[n]
            step = next(steps, None)
            if step is None:
                self.wrong.append(f"head {group}: tile {n} has no instruction")
                return
            self.enter(step, judge.weight, reads)
            self.enter(step, judge.act, [*alone, *([mine] if tile.rows else [])])
            if self.fits(step, tile, masks[n]):
                self.tiles.append(self.read(step, group, tile, masks[n], n))

    def load(self, loads: Iterator[int], buffer: str, tensor: str, at: int, wide: int, count: int, pitch: int) -> int:
        """The next load, which must be this; its number."""
        number = next(loads, -1)
        if number < 0:
            self.wrong.append(f"there is no load of {tensor}")
            return number
        at += self.evidence.places[f"{self.layer.name}.{tensor}"]
        if pitch == wide or count == 1:
            wide, count = wide * count, 1
        said = self.evidence.tables[buffer][number]
        found = tuple(int(said[n]) for n in PLACE)
        if found[:3] != (at, wide, count) or (count > 1 and found[3] != pitch):
            self.wrong.append(f"load {number} of {buffer} is {found}, not {(at, wide, count, pitch)} of {tensor}")
        return number

    def enter(self, step: Step, buffer: str, reads: list[int]) -> None:
        """Note what a tile reads of a buffer."""
        where = f"{self.course.scope}, instruction {step.at}"
        for load in dict.fromkeys(reads):
            if load < 0:
                self.wrong.append(f"instruction {step.at}: an operand of {buffer} is not loaded")
            else:
                self.course.ledgers[buffer].read(load, step, where)

    def fits(self, step: Step, tile: Tile, mask: int) -> bool:
        """Whether a command has queries that there are, and as many as a mask of its own has rows."""
        said, have = step.operands, self.judge.have
        last = said["query"] + (said["rows"] - 1) * said["step"]
        good = said["query"] >= 0 and last < self.layer.q_tokens and said["step"] > 0
        good &= (
            said["globals"] <= have.globals and said["rows"] <= have.rows and (not mask or said["rows"] == tile.rows)
        )
        if not good:
            self.wrong.append(f"instruction {step.at}: the array or the layer has not so many rows or global tokens")
        return good

    def read(self, step: Step, group: int, tile: Tile, mask: int, n: int) -> Done:
        """What a tile's command says; where its mask comes from DRAM, which scores count is the mask's."""
        said, layer, have = step.operands, self.layer, self.judge.have
        r, columns = np.arange(said["rows"]), np.arange(have.columns)
        plan = self.plans[group % layer.heads]
        at = said["key"] + (r[:, None] + columns) * said["step"]
        there = (at >= 0) & (at < layer.kv_tokens)
        inside = (columns >= said["low"]) & (columns < said["high"])
        counts = tile.local if mask else there & inside
        along = said["key"] + columns * said["step"]
        passing = (columns >= said["across_low"]) & (columns < said["across_high"])
        passing = tile.across if mask else passing & (along >= 0) & (along < layer.kv_tokens)
        some = np.tile(np.array(plan.held.columns[: said["globals"]], np.int64), (said["rows"], 1))
        keys = np.concatenate([np.clip(at, 0, layer.kv_tokens - 1), some], axis=1)
        counts = np.concatenate([counts, np.ones_like(some, bool)], axis=1)
        done = Done(step, group, said["query"] + r * said["step"], keys, counts, along[passing])
        final = n + 1 == len(plan.tiles)
        wanted = {
            "scores": int(counts.sum()), "across": int(passing.sum()), "global_rows": len(plan.held.rows),
            "depth": layer.qk_dim, "values": layer.v_dim, "mask_bytes": mask, "keys": tile.span[1] + said["globals"],
            "passes": 1 + bool(layer.activation), "fresh": int(n == 0), "ends": int(final),
            "first": int(tile.first), "last": int(tile.last),
        }  # fmt: skip
        wrong = {name: said[name] for name, value in wanted.items() if said[name] != value}
        if wrong:
            self.wrong.append(f"instruction {step.at}: it says {wrong}")
        return done

    def store_faults(self) -> Iterator[str]:
        """Rows are stored in the order in which they leave."""
        layer, wanted = self.layer, []
        pitch = layer.heads * layer.v_dim
        for tile in self.tiles:
            image, head = divmod(tile.group, layer.heads)
            first = self.evidence.places[f"{layer.name}.output.{image}"] + head * layer.v_dim
            rows = tile.queries.tolist() if tile.step.operands["last"] else []
            rows += self.plans[head].held.rows if tile.step.operands["ends"] else ()
            wanted += [first + row * pitch for row in rows]
        found, table = [], self.evidence.tables[self.judge.store]
        for number in self.course.stores[self.judge.store]:
            said = table[number]
            run = layer.v_dim if said["bytes"] % layer.v_dim == 0 else int(said["bytes"])
            for n in range(int(said["segments"])):
                at = int(said["address"]) + n * int(said["pitch"])
                found += range(at, at + int(said["bytes"]), run)
        if found != wanted:
            yield f"{len(found)} rows are stored, not the {len(wanted)} that leave, one after the other"
