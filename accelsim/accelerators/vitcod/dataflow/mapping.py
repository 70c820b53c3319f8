"""How every layer is cut on ViTCoD: chosen by estimated time, or pinned by a user."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from accelsim.accelerators.vitcod.dataflow.attention_choice import attention, by_rule, choices, mapped
from accelsim.accelerators.vitcod.dataflow.compile import Cuts, Stays, beside
from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.dataflow.estimate import Job
from accelsim.accelerators.vitcod.dataflow.rates import Rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.estimate import vector_estimate
from accelsim.dataflows.fusion import (
    TOKENS,
    TRIED,
    block_of,
    block_sizes,
    chains,
    check_fused,
    of_blocks,
    stays_of_chain,
    weights_fit,
)
from accelsim.dataflows.gemm import shape_of
from accelsim.dataflows.gemm_choice import choice, choose, plan_of_cut, work_of
from accelsim.dataflows.mapping import RULE, Choice, LayerMapping, Part
from accelsim.dataflows.residency import DRAM, FUSED, INPUT, Fused, asked, chances, decide, output_bytes
from accelsim.dataflows.tiling import NOWHERE, GemmPlan, Stay
from accelsim.dataflows.vector import blocks, constants_of, kept_blocks
from accelsim.isa.tables import TO_DRAM
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.workload import Workload

Pinned = Mapping[str, Mapping[str, object]]
NOTHING: Pinned = MappingProxyType({})


def mapping(
    workload: Workload, have: Resources, to: Rates, objective: str = "cycles", pinned: Pinned = NOTHING
) -> tuple[LayerMapping, ...]:
    """Every layer of a workload, in order; equal layers are looked at once. Raises InputError when one cannot be cut to
    fit."""
    if have.keeps:
        return keeping(workload, have, to, objective, pinned)
    encoded = {layer.name: layer for layer in workload.attention_layers}
    found: dict[str, LayerMapping] = {}
    equal: dict[tuple[int, bool, float], LayerMapping] = {}
    ruled: dict[int, list[tuple[Attention, Job]]] = {}
    spare = left_of_memory(workload, have, to)
    for layer, kind, early, behind in zip(workload.layers, workload.kinds, behind_vectors(workload), spare):
        mine = without_input(layer.name, pinned)
        if isinstance(layer, Attention):
            mask = workload.mask(layer.name)
            if objective == RULE and not mine:
                ruled.setdefault(kind, []).append((layer, by_rule(layer, mask, have)))
                continue
            one = attention(layer, workload.batch, mask, have, to, objective, mine)
        elif not mine and (kind, early, behind) in equal:
            one = equal[kind, early, behind].named(layer.name)
        elif isinstance(layer, Gemm):
            one = gemm(
                layer, encoded.get(layer.encodes), workload.batch, have, to, objective, mine, early=early, behind=behind
            )
        else:
            one = vector(layer, workload.batch, have, to)
        found[layer.name] = one
        if not mine:
            equal[kind, early, behind] = one
            continue
        check_parts(one, mine)
    for some in ruled.values():
        made = choices(some[0][0], workload.batch, [job for _, job in some], have, to)
        found |= {layer.name: mapped(layer, Part("passes", one)) for (layer, _), one in zip(some, made)}
    return tuple(found[layer.name] for layer in workload.layers)


def behind_vectors(workload: Workload) -> list[bool]:
    """Of every layer whether the one before has no weights, and is none of attention."""
    return [False, *(not isinstance(layer, Gemm | Attention) for layer in workload.layers[:-1])]


def left_of_memory(workload: Workload, have: Resources, to: Rates) -> list[float]:
    """Of every layer, cycles in which the one behind it, of the vector unit, leaves DRAM for weights while it works;
    infinite where none is. Weights that come for longer are before its last store."""
    found, known = [], {}
    for layer, kind in zip(workload.layers[1:], workload.kinds[1:]):
        if kind not in known:
            known[kind] = math.inf
            if not isinstance(layer, Gemm | Attention):
                one = vector_estimate(layer, workload.batch, to.array, to.memory, have.constants)
                known[kind] = max(0.0, one.cycles - to.memory.latency - one.dram_bytes / to.memory.rate)
        found.append(known[kind])
    return [*found, math.inf]


def check_parts(one: LayerMapping, mine: Mapping[str, object]) -> None:
    """Raise InputError where a user pins what there is not."""
    known = [part.name for part in one.parts if part.chosen.plan is not None]
    if strange := [name for name in mine if name not in known]:
        raise InputError(
            f"the mapping of layer {one.layer} names {strange[0]!r}, but of it "
            f"{', '.join(known) or 'nothing'} can be pinned{suggest(strange[0], known)}"
        )


def without_input(layer: str, pinned: Pinned) -> Mapping[str, object]:
    """What is pinned of a layer, beside where its input is. Raises InputError where that is to stay on chip, but the
    machine keeps nothing there."""
    mine = pinned.get(layer, {})
    if INPUT not in mine:
        return mine
    if mine[INPUT] != DRAM:
        raise InputError(
            f"mapping of layer {layer}: {INPUT} is {mine[INPUT]!r}, but this machine keeps no activations between "
            f"layers; give {DRAM}, or set residency=keep or fused (and double_buffer=true)"
        )
    return parts_of(mine)


def keeping(workload: Workload, have: Resources, to: Rates, objective: str, pinned: Pinned) -> tuple[LayerMapping, ...]:
    """The same where activations may stay on chip: every layer is cut with and without room for its output, and with
    its input there or in DRAM; and, where the machine does that, some rows at a time."""
    encoded = {layer.name: layer for layer in workload.attention_layers}
    known: dict[tuple[int, bool, float, Stay], LayerMapping | InputError] = {}
    early, spare, able = behind_vectors(workload), left_of_memory(workload, have, to), chances(workload)
    check_fused(workload, have.fuses, pinned)

    def made(n: int, stay: Stay) -> LayerMapping:
        layer, batch = workload.layers[n], workload.batch
        mine = parts_of(pinned.get(layer.name, {}))
        kind = n if mine or isinstance(layer, Attention) else -1 - workload.kinds[n]
        if (same := (kind, early[n], spare[n], stay)) not in known:
            if stay.rows:
                layer, batch = block_of(layer, stay.rows), 1
            try:
                left, rates = beside(layer, batch, have, stay), to.beside(have, stay, output_bytes(layer, batch))
                if isinstance(layer, Attention):
                    mask = workload.mask(layer.name)
                    one = attention(layer, batch, mask, left, rates, objective, mine, stay.stored)
                elif isinstance(layer, Gemm):
                    after = encoded.get(layer.encodes)
                    one = gemm(layer, after, batch, left, rates, objective, mine, stay, early[n], spare[n])
                else:
                    one = vector(layer, batch, left, rates, stay)
                check_parts(one, mine)
                one = replace(one, stay=stay)
                if stay.rows:
                    groups = columns_of(layer, encoded.get(layer.encodes), left) if isinstance(layer, Gemm) else ()
                    rest = workload.layers[n].tokens * workload.batch % stay.rows
                    often = workload.layers[n].tokens * workload.batch // stay.rows
                    one = of_blocks(one, layer, often, rest, tuple(groups), left, rates.array, rates.memory)
                known[same] = one
            except InputError as error:
                known[same] = error
        one = known[same]
        if isinstance(one, InputError):
            raise one
        return one if one.layer == layer.name else one.named(layer.name)

    def fused(n: int, comes: bool) -> Iterator[Fused]:
        layers, batch = workload.layers, workload.batch
        for last in chains(layers, able, n) if have.fuses else ():
            some, goes = layers[n : last + 1], able[last]
            said = [pinned.get(layer.name, {}) for layer in some[1:]]
            if any(one.get(INPUT, FUSED) != FUSED for one in said):
                continue
            sizes = [one[TOKENS] for one in said if TOKENS in one][:1]
            sizes = sizes or block_sizes(layers[n].tokens * batch, (have.lines, have.macs))
            ways = (True, False) if weights_fit(some, have) else (False,)
            for stays in asked(layers[last + 1].name, goes, pinned) if last + 1 < len(layers) else (False,):
                fit = 0
                for size in sizes:
                    before = fit
                    for weights in ways:
                        where = stays_of_chain(some, batch, size, comes, goes if stays else TO_DRAM, weights)
                        try:
                            yield [made(n + m, one) for m, one in enumerate(where)], last + 1, stays
                        except InputError:
                            continue
                        fit = before + 1
                    if fit == TRIED:
                        break

    return decide(workload.layers, able, made, objective, pinned, fused)


def parts_of(mine: Mapping[str, object]) -> Mapping[str, object]:
    """What is pinned of a layer's parts."""
    return {name: cut for name, cut in mine.items() if name not in (INPUT, TOKENS)}


def cuts_of(found: Sequence[LayerMapping]) -> Cuts:
    """What the compiler takes."""
    cuts = {}
    for one in found:
        plans = [part.chosen.plan for part in one.parts]
        if plans[0] is not None:
            cuts[one.layer] = plans if isinstance(plans[0], GemmPlan) else plans[0]
    return cuts


def stays_of(found: Sequence[LayerMapping]) -> Stays:
    """What it takes of what stays on chip."""
    return {one.layer: one.stay for one in found if one.stay != NOWHERE}


def gemm(
    layer: Gemm,
    attention: Attention | None,
    batch: int,
    have: Resources,
    to: Rates,
    objective: str,
    pinned: Mapping[str, object],
    stay: Stay = NOWHERE,
    early: bool = False,
    behind: float = math.inf,
) -> LayerMapping:
    """A dense layer: a part for each group of output columns that are treated alike; early: its weights come while the
    layer before works; behind: as `left_of_memory` says."""
    parts, reads = [], 0 if stay.weights else None
    groups = tuple(columns_of(layer, attention, have))
    for n, some in enumerate(groups):
        shape = shape_of(layer, some, batch, have, stay)
        first, spare = early and n == 0, behind if n + 1 == len(groups) else math.inf
        name = "outputs" if len(groups) == 1 else f"outputs_{n}"
        if name in pinned:
            plan = plan_of_cut(f"mapping of layer {layer.name}, {name}", pinned[name], shape, have)
            made = choice(work_of(shape, some.run, first, layer.repeat, spare, reads), plan, to.array, to.memory)
            parts.append(Part(name, made, pinned=True))
            continue
        try:
            found = choose(shape, some.run, have, to.array, to.memory, objective, first, layer.repeat, spare, reads)
            parts.append(Part(name, *found))
        except InputError as error:
            raise InputError(str(error).replace("layer :", f"layer {layer.name}:", 1)) from None
    return LayerMapping(layer.name, layer.role, layer.shape, tuple(parts), layer.repeat)


def vector(layer: Layer, batch: int, have: Resources, to: Rates, stay: Stay = NOWHERE) -> LayerMapping:
    """A layer of the vector unit, whose blocks of rows follow from the buffers."""
    if stay.input:
        kept_blocks(layer, batch, have)
    elif stay != NOWHERE:
        next(blocks(layer, constants_of(layer, have), have))
    estimate = vector_estimate(layer, batch, to.array, to.memory, have.constants, stay)
    return LayerMapping(layer.name, layer.kind, layer.shape, (Part("rows", Choice({}, None, estimate)),))
