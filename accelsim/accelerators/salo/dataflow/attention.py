"""Attention, head by head and tile by tile: what is fetched when, and given back when."""

from collections.abc import Callable, Sequence

import numpy as np

from accelsim.accelerators.salo.dataflow.keys import Span, Stretch, stretches
from accelsim.accelerators.salo.dataflow.resources import Resources
from accelsim.accelerators.salo.schedule import Schedule, Tile
from accelsim.core.errors import InputError
from accelsim.dataflows.products.dense import segments
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.tiling import PASSES
from accelsim.workload.layers import Attention

UNIT = "window"


class AttentionLayer:
    """Emits one attention layer of all images of a batch.

    Where K and V of two heads fit, they are loaded head by head; else tile by tile, and what the next tile needs
    stays. Bytes are given back behind the next tile's command where both tiles' operands fit.
    """

    def __init__(self, p: Program, layer: Attention, plans: Sequence[Schedule], batch: int, have: Resources) -> None:
        self.p, self.layer, self.plans, self.batch, self.have = p, layer, plans, batch, have
        self.token = layer.qk_dim + layer.v_dim  # bytes of a key and its value
        self.masks = [[t.mask_bytes(layer.kv_tokens) for t in plan.tiles] for plan in plans]
        self.starts = np.cumsum([0, *map(sum, self.masks)]).tolist()  # of each head's in the layer's tensor
        self.check_units()
        self.spans = [stretches(plan) for plan in plans]
        self.check_room()
        self.later: list[Callable[[], None]] = []

    def check_units(self) -> None:
        """Raise InputError for a head dimension or a mask that the array cannot hold."""
        layer, have = self.layer, self.have
        if layer.v_dim > have.features:
            raise InputError(
                f"layer {layer.name}: a row has {layer.v_dim} values, but merge.features is {have.features}; make it "
                f"at least {layer.v_dim}"
            )
        if not have.refuses:
            return
        for head, plan in enumerate(self.plans):
            if plan.held.remainder:
                raise InputError(
                    f"layer {layer.name}: windows and {have.globals} global tokens hold {plan.held.share:.1%} of the "
                    f"{plan.held.scores} scores that head {head} keeps, and remainder is refuse; take remainder: "
                    "tiles, or a mask that is a pattern (`accelsim synth --masks window:31,globals=1`)"
                )

    def check_room(self) -> None:
        """How K and V are held. Raises InputError when a buffer does not hold the operands of a tile."""
        layer, have = self.layer, self.have
        heads = [layer.kv_tokens * self.token + sum(masks) for masks in self.masks]
        self.heads = heads
        most = max(span.held for spans in self.spans for span in spans) * self.token
        behind = max(spans[-1].held for spans in self.spans) + max(spans[0].held for spans in self.spans)
        pair = max(behind, *(s.pair for spans in self.spans for s in spans)) * self.token + 2 * max(
            max(m) for m in self.masks
        )
        pair += 2 * self.global_bytes
        alone = most + max(max(m) for m in self.masks) + self.global_bytes
        self.whole = 2 * max(heads) <= have.weight_bytes or (pair > have.weight_bytes >= max(heads))
        self.ahead = (2 * max(heads) if self.whole else pair) <= have.weight_bytes
        if not self.whole and alone > have.weight_bytes:
            raise InputError(
                f"layer {layer.name}: keys and values of a tile need {alone} bytes of {have.weight}.capacity_bytes "
                f"({have.weight_bytes}); make it at least that, better {pair}"
            )
        queries = 2 * layer.qk_dim * (have.rows + have.globals)
        if queries > have.act_bytes:
            raise InputError(
                f"layer {layer.name}: queries of two groups need {queries} bytes of {have.act}.capacity_bytes "
                f"({have.act_bytes}); make it at least that"
            )
        out = max([t.rows for plan in self.plans for t in plan.tiles]) * layer.v_dim
        out = max([out, *(len(plan.held.rows) * layer.v_dim for plan in self.plans)])
        if out > have.store_bytes:
            raise InputError(
                f"layer {layer.name}: the rows of a tile leave with {out} bytes, but {have.store}.capacity_bytes is "
                f"{have.store_bytes}; make it at least that, better twice"
            )

    @property
    def global_bytes(self) -> int:
        """Of the keys and values of the global columns' tokens, where they are loaded by themselves."""
        return max(len(plan.held.columns) for plan in self.plans) * self.token

    def emit(self) -> None:
        """The whole layer."""
        p, layer, have = self.p, self.layer, self.have
        p.fence(have.weight, p.all_of(have.store))
        if self.starts[-1]:
            self.mask_at = p.allocate(f"{layer.name}.mask", self.starts[-1])
        for image in range(self.batch):
            for head in range(layer.heads):
                self.head(image, head)
        self.give_back()

    def give_back(self) -> None:
        """What the tile before has left to be given back."""
        for one in self.later:
            one()
        self.later = []

    def head(self, image: int, head: int) -> None:
        """One head of an image: Q, K and V lie head by head, outputs token by token."""
        p, layer, have, plan = self.p, self.layer, self.have, self.plans[head]
        sizes = {"q": layer.q_tokens * layer.qk_dim, "k": layer.kv_tokens * layer.qk_dim}
        sizes["v"] = layer.kv_tokens * layer.v_dim
        at = {n: p.allocate(f"{layer.name}.{n}.{image}", layer.heads * s) + head * s for n, s in sizes.items()}
        out = p.allocate(f"{layer.name}.output.{image}", layer.q_tokens * layer.heads * layer.v_dim)
        out += head * layer.v_dim
        kv, masks = NOW, self.masks[head]
        if self.whole:
            if sum(masks):
                p.load(have.weight, self.mask_at + self.starts[head], sum(masks))
            p.load(have.weight, at["k"], sizes["k"])
            kv = p.load(have.weight, at["v"], sizes["v"])
        else:
            for token in plan.held.columns:
                kv = self.keys(at, Span(token, 1, 1))
        q = NOW
        for token in plan.held.rows:
            q = p.load(have.act, at["q"] + token * layer.qk_dim, layer.qk_dim)
        mask_at = 0
        for n, (tile, mine) in enumerate(zip(plan.tiles, self.spans[head])):
            final = n + 1 == len(plan.tiles)
            if tile.rows and tile.first:
                start = at["q"] + tile.query * layer.qk_dim
                q = p.load(have.act, *segments(start, layer.qk_dim, tile.rows, layer.qk_dim * tile.step))
            if not self.whole:
                if masks[n]:
                    kv = p.load(have.weight, self.mask_at + self.starts[head] + mask_at, masks[n])
                    mask_at += masks[n]
                for span in mine.fresh:
                    kv = self.keys(at, span)
            self.tile(plan, n, masks[n], kv, q)
            done = p.will(UNIT)
            if self.ahead:
                self.give_back()
            self.stores(plan, tile, out, final)
            freed = self.heads[head] * final if self.whole else self.left(plan, mine, masks[n], final)
            queries = tile.rows * tile.last + len(plan.held.rows) * final
            self.free(have.weight, freed, done)
            self.free(have.act, queries * layer.qk_dim, done)
            if not self.ahead:
                self.give_back()

    def left(self, plan: Schedule, mine: Stretch, mask: int, final: bool) -> int:
        """Bytes of keys, values and masks that nobody needs behind a tile."""
        return (mine.dead + len(plan.held.columns) * final) * self.token + mask

    def free(self, buffer: str, size: int, done: Wait) -> None:
        """Give bytes back when a tile is done."""
        if size:
            self.later.append(lambda: self.p.free(buffer, size, wait=done))

    def keys(self, at: dict[str, int], span: Span) -> Wait:
        """Load some keys and their values; what to wait for."""
        wait = NOW
        for n, size in (("k", self.layer.qk_dim), ("v", self.layer.v_dim)):
            place = segments(at[n] + span.first * size, size, span.count, size * span.step)
            wait = self.p.load(self.have.weight, *place)
        return wait

    def tile(self, plan: Schedule, n: int, mask: int, kv: Wait, q: Wait) -> None:
        """The command of a tile."""
        layer, tile = self.layer, plan.tiles[n]
        low, high = tile.edges("local")
        first, end = tile.edges("across")
        self.p.issue(
            UNIT,
            rows=tile.rows,
            query=tile.query,
            key=tile.key,
            step=tile.step,
            low=low,
            high=high,
            globals=tile.columns,
            across_low=first,
            across_high=end,
            across=int(tile.across.sum()),
            global_rows=len(plan.held.rows),
            fresh=int(n == 0),
            ends=int(n + 1 == len(plan.tiles)),
            first=int(tile.first),
            last=int(tile.last),
            scores=tile.scores,
            keys=tile.span[1] + tile.columns,
            depth=layer.qk_dim,
            values=layer.v_dim,
            mask_bytes=mask,
            passes=PASSES["requantise"] + PASSES["activation"] * bool(layer.activation),
            wait=kv,
            wait2=q,
        )

    def stores(self, plan: Schedule, tile: Tile, out: int, final: bool) -> None:
        """Where the rows go that leave behind a tile."""
        wide, pitch = self.layer.v_dim, self.layer.heads * self.layer.v_dim
        if tile.rows and tile.last:
            place = segments(out + tile.query * pitch, wide, tile.rows, pitch * tile.step)
            self.p.store(self.have.store, *place)
        for token in plan.held.rows if final else ():
            self.p.store(self.have.store, out + token * pitch, wide)
