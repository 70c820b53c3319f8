"""The passes of a layer's masks: those that the tables have, against those that the masks give by hand; every kept
score in one sub-row of one pass."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.sanger.checks.plain import Plain, pack_by_hand
from accelsim.validation import Report
from accelsim.workload.layers import Attention

if TYPE_CHECKING:
    from accelsim.accelerators.sanger.checks.judge import SangerJudge


@dataclass
class LayerPasses:
    """An attention layer's passes.

    first_tile, first_pack: places of its first tile and pass in the tables. strips: of a head, `across` tiles each.
    places: rows that the merge unit holds. plain: the passes of every head by hand.
    """

    layer: Attention
    keep: np.ndarray
    first_tile: int
    first_pack: int
    strips: int
    across: int
    places: int
    plain: list[Plain]

    @property
    def packs(self) -> list[int]:
        """How many passes every head has."""
        return [len(one.passes) for one in self.plain]

    def pack_of(self, head: int) -> int:
        """The number of a head's first pass."""
        return self.first_pack + sum(self.packs[:head])

    def tile_of(self, head: int) -> int:
        """The number of a head's first tile."""
        return self.first_tile + head * self.strips * self.across

    @property
    def subrows(self) -> int:
        """Of one image."""
        return sum(len(one.subrows) for head in self.plain for one in head.passes)


def layer_passes(judge: "SangerJudge") -> list[LayerPasses]:
    """Of all attention layers, in order."""
    part = judge.evidence.part
    rows, ports, pes = (part("array", name) for name in ("rows", "ports", "pes"))
    reading, found, tile, pack = judge.evidence.arch.options["pack"], [], 0, 0
    for layer in judge.evidence.workload.attention_layers:
        keep = judge.keep(layer)
        places = part("merge", "sums_bytes") // (4 * (layer.v_dim + 1))
        apart = rows if reading == "block" else layer.q_tokens
        if reading == "column_tile" and places < layer.q_tokens:
            apart = places // rows * rows
        plain = [pack_by_hand(mask, rows, ports, pes, reading, apart) for mask in keep]
        strips, across = -(-layer.q_tokens // rows), -(-layer.kv_tokens // ports)
        found.append(LayerPasses(layer, keep, tile, pack, strips, across, places, plain))
        tile, pack = tile + layer.heads * strips * across, pack + sum(len(one.passes) for one in plain)
    return found


def check_passes(judge: "SangerJudge", report: Report) -> bool:
    """Whether the tables are what the masks give."""
    tables, before = judge.evidence.tables, len(report.failed)
    for name, wanted in (
        ("packs", sum(sum(one.packs) for one in judge.passes)),
        ("tiles", sum(len(one.plain) * one.strips * one.across for one in judge.passes)),
        ("subrows", sum(one.subrows for one in judge.passes)),
    ):
        report.equal("passes", name, "as many as the masks give", len(tables[name]), wanted)
    if len(report.failed) > before:
        return False
    for one in judge.passes:
        check_layer(judge, one, report)
    return len(report.failed) == before


def check_layer(judge: "SangerJudge", one: LayerPasses, report: Report) -> None:
    """One layer's passes, sub-rows and tiles; and what they are of its mask."""
    tables, layer, scope = judge.evidence.tables, one.layer, f"layer {one.layer.name}"
    ports = judge.evidence.part("array", "ports")
    passes = [p for head in one.plain for p in head.passes]
    packs = tables["packs"][one.first_pack : one.first_pack + len(passes)]
    fields = ("columns", "scanned", "emitted", "moved", "subrows", "entries", "last_row")
    wanted = [
        (
            min(ports, layer.kv_tokens - p.spot % one.across * ports),
            p.scanned,
            p.emitted,
            p.moved,
            len(p.subrows),
            sum(len(columns) for _, columns in p.subrows),
            max(row for row, _ in p.subrows),
        )
        for p in passes
    ]
    compare(report, scope, "passes are complete when and as the mask says", packs, fields, wanted)
    first = packs["first_subrow"][0] if len(packs) else 0
    numbers = np.cumsum([len(p.subrows) for p in passes]) - [len(p.subrows) for p in passes] + first
    good = packs["first_subrow"] == numbers
    report.compare("passes", scope, "their sub-rows follow each other", good, lambda n: f"{scope}: pass {n}")
    # where a row's entries of a tile begin among those of the tile
    nth = np.cumsum(one.keep, axis=2) - 1
    base = np.concatenate([np.zeros((*nth.shape[:2], 1), np.int64), nth + 1], axis=2)
    owners = np.repeat(np.arange(layer.heads), one.packs)
    subrows = []
    for head, p in zip(owners.tolist(), passes):
        corner = p.spot % one.across * ports
        subrows += [(row, nth[head, row, c[0]] - base[head, row, corner], len(c)) for row, c in p.subrows]
    table = tables["subrows"][first : first + len(subrows)]
    compare(report, scope, "sub-rows are those of the mask", table, ("row", "first", "count"), subrows)
    tiles = tables["tiles"][one.first_tile : one.first_tile + layer.heads * one.strips * one.across]
    many = np.bincount(
        np.repeat(np.arange(layer.heads) * one.strips * one.across, one.packs) + [p.spot for p in passes],
        minlength=len(tiles),
    ) if passes else np.zeros(len(tiles), np.int64)  # fmt: skip
    width = [min(ports, layer.kv_tokens - n % one.across * ports) for n in range(len(tiles))]
    emits, moves = ([n for head in one.plain for n in getattr(head, what)] for what in ("emits", "moves"))
    starts = one.first_pack + np.cumsum(many) - many
    fields = ("columns", "emits", "subrows", "first_pass", "passes")
    rows = list(zip(width, emits, moves, starts.tolist(), many.tolist()))
    compare(report, scope, "tiles are those of the mask", tiles, fields, rows)
    seen = np.zeros(one.keep.shape, np.int64)
    for head, p in zip(owners.tolist(), passes):
        for row, columns in p.subrows:
            seen[head, row, columns] += 1
    wrong = int((seen != one.keep).sum())
    report.add("passes", scope, "every kept score in one pass", one.keep.size,
               [f"{scope}: {wrong} scores are in no pass, in several, or pruned"] if wrong else [], wrong)  # fmt: skip


def compare(report: Report, scope: str, rule: str, table: np.recarray, fields: tuple[str, ...], wanted: list) -> None:
    """Rows of a table against what they must be."""
    found = np.array([table[name] for name in fields], np.int64).T.reshape(-1, len(fields))
    expected = np.array(wanted, np.int64).reshape(-1, len(fields))
    good = (found == expected).all(axis=1) if found.shape == expected.shape else np.zeros(1, bool)
    report.compare(
        "passes", scope, rule, good,
        lambda n: f"{scope}, {n}: {dict(zip(fields, found[n].tolist()))}, not {dict(zip(fields, expected[n].tolist()))}"
        if found.shape == expected.shape else f"{scope}: {len(found)} of {len(expected)}",
    )  # fmt: skip
