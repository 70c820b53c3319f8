"""The chosen cut against all cuts, on small random GEMMs: `python benchmarks/mapping.py [CASES [SEED]]`.

Prints how much slower the chosen cut is than the best of all that fit, in the mean and at worst, and every case in
which it is more than 3 % slower. Every cut is simulated but those whose array alone, which cannot begin before the
layer before has ended, works for longer than the chosen one takes.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import NamedTuple

from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.dataflow.rates import rates
from accelsim.accelerators.vitcod.machine import resources
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import shape_of
from accelsim.dataflows.gemm_choice import ROWS, cut_of, made, work_of
from accelsim.dataflows.gemm_cuts import cuts, faults, steps_of
from accelsim.dataflows.gemm_estimate import array_cycles
from accelsim.dataflows.tiling import MOST_TILES, ceil
from accelsim.workload import Gemm, Norm, Workload

MOST_CUTS = 1000  # of a case that are simulated; one with more is drawn anew
WITHIN = 0.03
BEGUN, BEHIND = 4, 12  # layers with the first and the last cut before and behind what is measured; the last ones of a
# network are quicker, since no more of the program is fetched
FINALISTS = 8  # cuts that are simulated again, and
# How often, and how many of these do not count: a chunk of the program comes every few layers, and what other cuts left
# in the buffers lasts for some.
IN_A_ROW, SETTLING = 40, 8


class Case(NamedTuple):
    """A case. times: cycles of the chosen cut and of the best others. cuts: how many there are; simulated: of these."""

    settings: list[str]
    layer: Gemm
    chosen: dict[str, object]
    times: dict[str, float]
    cuts: int
    simulated: int


def case(rng: random.Random):
    """A machine and a layer, behind a norm: as in a network, weights come while the layer before works."""
    lines, macs = rng.choice([8, 16, 32, 64]), rng.choice([2, 4, 8])
    settings = [
        "dram.model=pipe",
        f"engine.lines={lines}",
        f"engine.macs={macs}",
        f"weight_gb.capacity_bytes={rng.choice([2, 4, 8, 16])}KiB",
        f"act_gb0.capacity_bytes={rng.choice([4, 8, 16, 32])}KiB",
        f"act_gb1.capacity_bytes={rng.choice([2, 4, 8])}KiB",
        f"engine.psum_bytes={rng.choice([4, 8, 16])}KiB",
        f"dram.channels={rng.choice([1, 2, 4])}",
    ]
    layer = Gemm(
        "gemm", "b", "mlp", rng.randint(4, 40), 8 * rng.randint(1, 16), 4 * rng.randint(1, 16),
        residual=rng.random() < 0.5,
    )  # fmt: skip
    before = Norm("norm", "b", layer.tokens, layer.in_features)
    return settings, load_arch("vitcod", schema, settings), Workload("case", "random", (before, layer))


def chosen_cut(arch, work: Workload) -> dict[str, object]:
    """What the mapper takes of a layer in the middle of a network of such."""
    twice = [replace(layer, name=f"{layer.name}{n}") for n in range(2) for layer in work.layers]
    return dict(machine("vitcod").mapping(arch, replace(work, layers=tuple(twice)))[1].parts[0].chosen.cut)


def quick_cuts(arch, work: Workload, limit: float) -> tuple[list[dict[str, object]], int]:
    """The cuts whose steps in the array take less than that many cycles, and how many cuts there are."""
    have, layer = resources(arch), work.layers[1]
    (some,) = columns_of(layer, None, have)
    shape, found, seen = shape_of(layer, some, 1, have), {}, set()
    sizes, array = work_of(shape, some.run), rates(arch).array
    for step_tokens, step_features, most, features, deep, order in zip(*(c.tolist() for c in cuts(shape, have))):
        for fewer in ROWS:
            n = ceil(shape.tokens, ceil(most, fewer))
            size = min(most, ceil(ceil(shape.tokens, n), step_tokens) * step_tokens)
            depths = ceil(shape.depth, deep)
            one = step_tokens, step_features, size, features, order, depths
            tiles = ceil(shape.tokens, size) * ceil(shape.features, features) * depths
            if tiles > min(MOST_TILES, 2000) or one in seen:
                continue
            seen.add(one)
            if steps_of(shape, size, step_tokens, features, step_features) * shape.depth >= limit:
                continue
            plan = made(shape, one[:-1], depths)
            if not faults(shape, plan, have) and array_cycles(sizes, plan, array)[0] < limit:
                found[str(cut_of(plan))] = cut_of(plan)
    return list(found.values()), len(seen)


def simulated(arch, work: Workload, every: Sequence[dict[str, object]]) -> list[int]:
    """Cycles of the norm and the layer with each cut: all of them in one network, one after the other, so that weights
    of a layer come while the ones before it work."""
    layers, cuts = [], [*BEGUN * every[:1], *every, *BEHIND * every[-1:]]
    for n in range(len(cuts)):
        layers += [replace(layer, name=f"{layer.name}{n}") for layer in work.layers]
    pins = {f"gemm{n}": {"outputs": cut} for n, cut in enumerate(cuts)}
    result = run(replace(arch, mapping=pins), replace(work, layers=tuple(layers))).result
    ends = [result.cycles(end=span.end) for span in result.spans[2 * BEGUN - 1 : len(layers) : 2]]
    return [end - before for before, end in pairwise(ends)][: len(every)]


def settled(arch, work: Workload, every: Sequence[dict[str, object]]) -> list[float]:
    """The same where the layers before and behind have the same cut: of several in a row, the mean of the last."""
    times = simulated(arch, work, [cut for cut in every for _ in range(IN_A_ROW)])
    rows = [times[at : at + IN_A_ROW] for at in range(0, len(times), IN_A_ROW)]
    return [sum(row[SETTLING:]) / len(row[SETTLING:]) for row in rows]


def compared(arch, work: Workload, chosen: dict[str, object], found: Sequence[dict[str, object]]) -> dict[str, float]:
    """Cycles, with the norm's, of the chosen cut and of the best others: those that are first among others, then beside
    their like."""
    every = list({str(cut): cut for cut in [chosen, *found]}.values())
    first = dict(zip(map(str, every), simulated(arch, work, every)))
    finalists = sorted(every, key=lambda cut: first[str(cut)])[:FINALISTS]
    finalists += [chosen] * (chosen not in finalists)
    return dict(zip(map(str, finalists), settled(arch, work, finalists)))


def cases(rng: random.Random) -> Iterator[Case]:
    """Cases one after the other."""
    while True:
        settings, arch, work = case(rng)
        try:
            chosen = chosen_cut(arch, work)
        except InputError:
            continue
        (limit,) = settled(arch, work, [chosen])
        found, cuts = quick_cuts(arch, work, limit)
        if cuts > 1 and len(found) <= MOST_CUTS:
            yield Case(settings, work.layers[1], chosen, compared(arch, work, chosen, found), cuts, len(found))


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    slower, cuts, simulations = [], 0, 0
    for one in islice(cases(rng), wanted):
        cuts, simulations = cuts + one.cuts, simulations + one.simulated
        best = min(one.times, key=one.times.get)
        slower.append(one.times[str(one.chosen)] / one.times[best] - 1)
        if slower[-1] > WITHIN:
            layer = one.layer
            sys.stdout.write(
                f"{layer.tokens} x {layer.in_features} x {layer.out_features}{' residual' * layer.residual} on"
                f" {' '.join(one.settings[1:])}: {one.chosen} takes {one.times[str(one.chosen)]} cycles,"
                f" {best} {one.times[best]}\n"
            )
            sys.stdout.flush()
        sys.stderr.write(f"\r{len(slower)} cases, {simulations} simulations")
    slower.sort()
    within = sum(1 for s in slower if s <= WITHIN) / len(slower)
    sys.stdout.write(
        f"{len(slower)} cases, {cuts} cuts, {simulations} simulated: chosen slower than the best by"
        f" {sum(slower) / len(slower):.2%} in the mean, {slower[len(slower) // 2]:.2%} in the median,"
        f" {slower[-1]:.2%} at worst; {within:.0%} within {WITHIN:.0%}\n"
    )


if __name__ == "__main__":
    main()
