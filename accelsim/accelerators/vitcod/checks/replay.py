"""The schedule replayed in integers: scores in the order they left the engines, parts in the order they were merged;
against the functional twin, bit for bit, and against float64."""

import numpy as np

from accelsim.accelerators.vitcod.checks.expected import AttentionWork
from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.accelerators.vitcod.checks.scores import Scores, steps
from accelsim.accelerators.vitcod.checks.values import Parts
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional
from accelsim.workload.network import STEP, Network

CHUNK = 1 << 16  # scores computed at a time


def check_replay(network: Network, outputs: Outputs, scores: Scores, parts: Parts, report: Report) -> None:
    """Every attention layer and image, on what the layers before it computed: sums equal the functional twin's; and how
    far they are from float64."""
    lists = entry_lists(outputs, scores, parts)
    workload = network.workload
    for w, work in enumerate(outputs.works):
        layer, worst = work.layer, None
        scale = {n: workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qkv"}
        computed = network.of(layer.name)
        rule, chosen = network.rule(layer), computed.operands["scaling"]
        scaling = functional.Scaling(int(chosen[0]), int(chosen[1]))
        bound = int(chosen[2]) if rule.mode == "bounded" else None
        for image in range(workload.batch):
            x, wanted = {n: computed.operands[n][image] for n in "qkv"}, computed.sums[image]
            mine = np.flatnonzero((outputs.work == w) & (outputs.image == image))
            found = replay(outputs, work, mine, lists, x, scaling, bound)
            wrong = (found != wanted[outputs.head[mine], outputs.row[mine]]).any(axis=1)
            for head in range(layer.heads):
                here = outputs.head[mine] == head
                report.compare(
                    "integers",
                    f"layer {layer.name}, head {head}",
                    "replayed outputs equal the reference",
                    ~wrong[here],
                    lambda n, m=mine[here]: f"{outputs.named(m[n])}: its values differ",
                )
            exact = functional.attention_reference(x["q"], x["k"], x["v"], work.keep, *scale.values()) / scale["v"]
            worst = float_error(layer.name, wanted / functional.FULL, exact, worst)
        report.errors.append(worst)


def float_error(name: str, found: np.ndarray, exact: np.ndarray, before: FloatError | None) -> FloatError:
    """The error of one image, or of the image before if that was worse."""
    error = np.abs(found - exact)
    here = FloatError(name, float(error.max()), float(np.sqrt((error**2).mean())), float(np.abs(exact).max()))
    return here if before is None or here.rms > before.rms else before


def entry_lists(outputs: Outputs, scores: Scores, parts: Parts) -> dict[str, np.ndarray]:
    """The scores that go into each part: `part` (numbers count the parts by output and then in the order of merging),
    `place` and `column`, in the order in which they are accumulated; `owner`: the output of each part.

    The denser engine's part is of its columns in the order they left; the sparser engine's n-th part of an output is of
    the next so many of its list, which holds columns in the order their scores left.
    """
    order = np.argsort(parts.place, kind="stable")
    place, size, dense = parts.place[order], parts.scores[order], parts.dense[order]
    found = {"owner": place, "part": [], "place": [], "column": []}
    for engine in (True, False):
        mine = scores.dense == engine
        by_place = np.argsort(scores.place[mine], kind="stable")
        listed, column = scores.place[mine][by_place], scores.column[mine][by_place]
        start = np.searchsorted(listed, np.arange(len(outputs.work) + 1))
        part = np.flatnonzero(dense == engine)
        taken = np.cumsum(size[part]) - size[part]
        first = np.searchsorted(place[part], place[part])  # the first part of the same output
        offset = start[place[part]] + taken - taken[first]
        which = np.repeat(np.arange(len(part)), size[part])
        entry = offset[which] + steps(size[part])
        found["part"].append(part[which])
        found["place"].append(listed[entry])
        found["column"].append(column[entry])
    joined = {n: np.concatenate(found[n]) for n in ("part", "place", "column")}
    by_part = np.argsort(joined["part"], kind="stable")
    return {"owner": place} | {n: a[by_part] for n, a in joined.items()}


def replay(
    outputs: Outputs,
    work: AttentionWork,
    mine: np.ndarray,
    lists: dict[str, np.ndarray],
    x: dict[str, np.ndarray],
    scaling: functional.Scaling,
    bound: int | None,
) -> np.ndarray:
    """int32[outputs, v_dim]: what the engines, the softmax unit and the merge make of the given outputs."""
    first, last = mine[0], mine[-1] + 1
    some = slice(*np.searchsorted(lists["owner"][lists["part"]], (first, last)))
    place, column, part = lists["place"][some], lists["column"][some], lists["part"][some]
    head, row = outputs.head[place], outputs.row[place]
    kept = work.keep[head, row, column]
    s = np.concatenate(
        [
            np.einsum(
                "nd,nd->n",
                x["q"][head[n : n + CHUNK], row[n : n + CHUNK]].astype(np.int32),
                x["k"][head[n : n + CHUNK], column[n : n + CHUNK]].astype(np.int32),
            )
            for n in range(0, len(place), CHUNK)
        ]
    )
    if bound is None:
        highest = np.full(len(mine), np.iinfo(np.int64).min)
        np.maximum.at(highest, place - first, np.where(kept, functional.octaves(s, *scaling), highest[0]))
        bound = highest[place - first]
    e = functional.exponentials(s, kept, *scaling, bound, "bounded")
    total = np.zeros(len(mine), np.int64)
    np.add.at(total, place - first, e)
    reciprocal = (functional.FULL << functional.RECIPROCAL_BITS) // np.maximum(total, 1)
    half = 1 << (functional.RECIPROCAL_BITS - 1)
    p = ((e * reciprocal[place - first] + half) >> functional.RECIPROCAL_BITS).astype(np.int32)
    out = np.zeros((len(mine), work.layer.v_dim), np.int32)
    numbers, starts = np.unique(part, return_index=True)
    owners, v = lists["owner"][numbers] - first, x["v"].astype(np.int32)
    for n in range(0, len(numbers), CHUNK // 8):
        begin = starts[n]
        end = starts[n + CHUNK // 8] if n + CHUNK // 8 < len(numbers) else len(part)
        products = p[begin:end, None] * v[head[begin:end], column[begin:end]]
        np.add.at(
            out, owners[n : n + CHUNK // 8], np.add.reduceat(products, starts[n : n + CHUNK // 8] - begin, axis=0)
        )
    return out
