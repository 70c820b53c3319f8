"""What accumulators, dividers and adders do of a head before the arrays: by rule, and by where keys are centred."""

from collections.abc import Mapping
from typing import NamedTuple

from accelsim.accelerators.vitality.dataflow.resources import Resources
from accelsim.components.lane_unit import PERMIT, SWEEP
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.workload.layers import LinearAttention

ACT, WEIGHT = range(2)


class Prepared(NamedTuple):
    """What to wait for: the first operand and the second of the product that is computed first come from q, k and v;
    q: all that the second product needs beside it. sums: those of K, for SA-Diag."""

    q: Wait
    k: Wait
    v: Wait
    sums: Wait = NOW


def sweep(
    p: Program,
    unit: str,
    rows: int,
    columns: int,
    *,
    takes: int = 0,
    gives: int = 0,
    source: int = ACT,
    reads: int = 0,
    writes: int = 0,
    wait: Wait = NOW,
    wait2: Wait = NOW,
) -> Wait:
    """A sweep of a unit; what to wait for if one needs its end."""
    shape = {"rows": rows, "columns": columns, "takes": takes, "gives": gives}
    p.issue(unit, kind=SWEEP, source=source, reads=reads, writes=writes, wait=wait, wait2=wait2, **shape)
    return p.will(unit)


def prepare(p: Program, have: Resources, layer: LinearAttention, loads: Mapping[str, Wait], alone: Wait) -> Prepared:
    """The sweeps of a head; `alone`: what must have ended before, where heads do not overlap."""
    if layer.rule == "l1":
        return normalise(p, have, layer, loads, alone)
    keys, dim, wide = layer.kv_tokens, layer.qk_dim, layer.v_dim
    k, sums = loads["k"], NOW
    centred, divided = layer.rule == "taylor", have.divided(layer)
    if centred:
        sweep(p, "accumulate", keys, dim, gives=1, reads=1, wait=loads["k"], wait2=alone)
        sweep(p, "divide", 1, dim, takes=1, gives=1)
        if have.after:  # n times the mean, and the sum less that
            sweep(p, "add", 2, dim, takes=1, gives=divided)
            p.issue("add", kind=PERMIT, rows=dim * wide, columns=0, takes=0, gives=0, source=0, reads=0, writes=0)
        else:
            k = sweep(p, "add", keys, dim, takes=1, gives=divided, reads=1, writes=1)
    v = sweep(p, "accumulate", keys, wide, source=WEIGHT, reads=1, wait=loads["v"], wait2=alone)
    if divided:
        if centred and have.after:
            sums = sweep(p, "accumulate", 1, dim, takes=1)
        else:
            sums = sweep(p, "accumulate", keys, dim, takes=centred, reads=1, wait=loads["k"])
    return Prepared(v, k, loads["v"], sums)


def normalise(p: Program, have: Resources, layer: LinearAttention, loads: Mapping[str, Wait], alone: Wait) -> Prepared:
    """Q and K by their features' absolute sums, in place."""
    first, turned = layer.scores_first, have.turned(layer)
    there = {}
    for n, tokens, source in (("k", layer.kv_tokens, first), ("q", layer.q_tokens, turned)):
        shape = tokens, layer.qk_dim
        sweep(p, "accumulate", *shape, gives=1, source=source, reads=1, wait=loads[n], wait2=alone)
        there[n] = sweep(p, "divide", *shape, takes=1, source=source, reads=1, writes=1)
    return Prepared(there["q"], there["k"], loads["v"])
