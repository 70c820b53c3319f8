"""The schedule replayed in integers: scores in the order they left the engines, parts in the order they were merged;
against the functional twin, bit for bit, and against float64."""

import numpy as np

from accelsim.accelerators.vitcod.checks.expected import AttentionWork
from accelsim.accelerators.vitcod.checks.outputs import Outputs
from accelsim.accelerators.vitcod.checks.scores import Scores, steps
from accelsim.accelerators.vitcod.checks.values import Parts
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional

SEED = 0  # of the operands of workloads that carry none; an image's number is added
CHUNK = 1 << 16  # scores computed at a time


def operands(evidence: Evidence, work: AttentionWork, image: int) -> dict[str, np.ndarray]:
    """int8 q, k, v of one image: the workload's own, random ones for those it does not carry."""
    layer = work.layer
    made = functional.random_operands(evidence.workload, layer, SEED + image)
    return {n: evidence.workload.tensors.get(f"{layer.name}.{n}", made[n]) for n in "qkv"}


def check_replay(evidence: Evidence, outputs: Outputs, scores: Scores, parts: Parts, report: Report) -> None:
    """Every attention layer and image: outputs equal the functional twin's; and how far they are from float64."""
    lists = entry_lists(outputs, scores, parts)
    mode = evidence.arch.parts["softmax"]["mode"]
    for w, work in enumerate(outputs.works):
        layer, worst = work.layer, None
        scale = {n: evidence.workload.scales.get(f"{layer.name}.{n}", functional.RANDOM_SCALE) for n in "qkv"}
        scaling = functional.choose_scaling(scale["q"], scale["k"], layer.qk_dim)
        for image in range(evidence.workload.batch):
            x = operands(evidence, work, image)
            bound = functional.calibrate_bound(x["q"], x["k"], work.keep, *scaling) if mode == "bounded" else None
            wanted = functional.attention(x["q"], x["k"], x["v"], work.keep, *scaling, bound, mode)
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
