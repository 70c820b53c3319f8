"""Values: the functional twin of a pruned network, and the rows as the machine made them, line by line."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from accelsim.accelerators.spatten.checks.work import Work
from accelsim.accelerators.spatten.pruning import Plan
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional, shaping
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.network import STEP, Computed, Network


class PrunedNetwork(Network):
    """The network that is left: between blocks, only the tokens go on that are alive in the next one."""

    def prune(self, plan: Plan, works: Mapping[str, Work]) -> "PrunedNetwork":
        """Say what is pruned where."""
        self.plan, self.works = plan, works
        self.alive_in = {a.block: plan.alive[a.name].queries for a in plan.workload.attention_layers}
        self.now = next(iter(self.alive_in.values()), np.zeros(0, np.int64))
        return self

    def compute(self, layer: Layer) -> Computed:
        """One layer; when a block begins, the outputs so far lose the tokens that are not alive in it."""
        mine = self.alive_in.get(layer.block, self.now)
        if len(mine) < len(self.now) and np.isin(mine, self.now).all():
            places = np.searchsorted(self.now, mine)
            for name, one in self.outputs.items():
                if one.shape[1] == len(self.now):
                    self.outputs[name] = one[:, places]
        self.now = mine
        return super().compute(layer)

    def attention(self, layer: Attention) -> Computed:
        """Attention with the keys' low bits where they were fetched, and the values that were kept."""
        found, work = super().attention(layer), self.works[layer.name]
        if not work.split and work.kept.all():
            return found
        chosen = found.operands["scaling"]
        sums = np.stack(
            [
                twin(q, k, v, work.again if work.split else None, work.kept, int(chosen[0]), int(chosen[1]))
                for q, k, v in zip(*(found.operands[n] for n in "qkv"))
            ]
        )
        y, table = functional.requantise(sums, *found.operands["requant"]), self.table(layer)
        output = shaping.join(layer, y if table is None else functional.look_up(table, y))
        return replace(found, sums=sums, output=output)


def twin(q, k, v, again: np.ndarray | None, kept: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """int32[heads, queries, v_dim]: pruned attention. Rows that are sure see their keys' high bits only."""
    s = functional.scores(q, k)
    if again is not None:
        s = np.where(again[..., None], s, functional.scores(q, (k.astype(np.int16) // 16 * 16).astype(np.int8)))
    e = functional.exponentials(s, np.ones(s.shape, bool), multiplier, shift, None, "max")
    return np.matmul(np.where(kept, functional.probabilities(e), 0), v.astype(np.int32))


def check_values(network: Network, works: list[Work], vectors: int, report: Report) -> None:
    """Every row as the arrays make it, a line of keys and of values after the other, equals the functional twin's."""
    for work in works:
        a, found = work.layer, network.of(work.layer.name)
        scale = {n: network.workload.scales.get(f"{a.name}.{n}", STEP) for n in "qkv"}
        chosen, worst = found.operands["scaling"], None
        for image in range(work.batch):
            q, k, v = (found.operands[n][image] for n in "qkv")
            for head in range(a.heads):
                made = rows_of(work, head, q[head], k[head], v[head], int(chosen[0]), int(chosen[1]), vectors)
                differ = (made != found.sums[image, head]).any(axis=1)
                report.compare(
                    "integers", f"layer {a.name}, head {head}", "rows line by line equal the reference", ~differ,
                    lambda n, h=head, name=a.name: f"layer {name}, head {h}, row {n}: its values differ",
                )  # fmt: skip
            exact = functional.attention_reference(
                q, k, v, np.ones((a.heads, a.q_tokens, a.kv_tokens), bool), *scale.values()
            )
            error = np.abs(found.sums[image] / functional.FULL - exact / scale["v"])
            here = FloatError(
                a.name, float(error.max()), float(np.sqrt((error**2).mean())), float(np.abs(exact / scale["v"]).max())
            )
            worst = here if worst is None or here.rms > worst.rms else worst
        report.errors.append(worst)


def rows_of(work: Work, head: int, q, k, v, multiplier: int, shift: int, vectors: int) -> np.ndarray:
    """int32[queries, v_dim] of one head: running maximum, sum and outputs over lines of so many keys."""
    q, k, v = (one.astype(np.int64) for one in (q, k, v))
    high = k - k % 16 if work.split else k
    twice = work.again[head][:, None]
    t = []
    for line in range(0, len(k), vectors):
        some = slice(line, line + vectors)
        first = q @ high[some].T
        t.append(((np.where(twice, q @ k[some].T, first) if work.split else first) * multiplier) >> shift)
    largest = np.max([one.max(axis=1) for one in t], axis=0)
    e = []
    for one in t:
        below = largest[:, None] - one
        e.append(functional.EXP2[below & 63] >> np.minimum(below >> 6, functional.EXP_BITS + 1))
    total = np.sum([one.sum(axis=1) for one in e], axis=0)
    reciprocal = ((functional.FULL << functional.RECIPROCAL_BITS) // total)[:, None]
    out = np.zeros((len(q), v.shape[1]), np.int64)
    for n, one in enumerate(e):
        some = slice(n * vectors, n * vectors + one.shape[1])
        p = (one * reciprocal + (1 << (functional.RECIPROCAL_BITS - 1))) >> functional.RECIPROCAL_BITS
        out += np.where(work.kept[head][:, some], p, 0) @ v[some]
    return out.astype(np.int32)
