"""The cut of an attention layer that is estimated to be best: heads a pass, halves, rows a block (docs/mapping.md).

What a machine with smaller buffers would do, a larger one can do too: the rule that cuts a layer to fit is asked
for this machine and for some with less room, and the estimate chooses. So more room adds choices and takes few
away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial

from accelsim.accelerators.vitcod.dataflow.estimate import Job, attention_estimates
from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork, split_heads
from accelsim.accelerators.vitcod.dataflow.passes import plan_attention
from accelsim.accelerators.vitcod.dataflow.rates import Rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut, Pass, faults
from accelsim.core.errors import InputError, shown
from accelsim.dataflows.mapping import RULE, Choice, LayerMapping, Part, best
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask

BETTER = 0.97  # [ours] by how much another cut must be estimated better than that of the rule, before it is taken
SMALLER = 2  # how often buffers of scores and tables are halved
PASS = ("heads", "row0", "rows", "blocks", "places")
CUT = ("passes", "halves", "stays", "piece_tokens")


def attention(
    layer: Attention,
    batch: int,
    mask: AttentionMask,
    have: Resources,
    to: Rates,
    objective: str,
    pinned: Mapping[str, object],
    stored: bool = True,
) -> LayerMapping:
    """An attention layer: its passes, chosen or pinned; stored: whether its output goes to DRAM."""
    if "passes" not in pinned:
        return chosen(layer, batch, mask, have, to, objective, stored)
    cut, work = cut_of_data(layer, pinned["passes"]), split_heads(layer, mask, have)
    if wrong := faults(layer, work, cut, have):
        raise InputError(f"mapping of layer {layer.name}, passes: the cut does not fit: {'; '.join(wrong[:3])}")
    (made,) = choices(layer, batch, [(cut, work)], have, to, stored)
    return mapped(layer, Part("passes", made, pinned=True))


@lru_cache(maxsize=512)
def chosen(
    layer: Attention, batch: int, mask: AttentionMask, have: Resources, to: Rates, objective: str, stored: bool
) -> LayerMapping:
    """The best of the cuts that are looked at."""
    rule, work = by_rule(layer, mask, have)
    if objective == RULE:
        return mapped(layer, Part("passes", choices(layer, batch, [(rule, work)], have, to, stored)[0]))
    of = layer, have  # and not of the memory, in which points of a sweep differ
    cuts = partial(candidates, layer, work, have, rule)
    looked_at = work[0].last(("cuts",), of, lambda: dict.fromkeys((rule, *cuts())), layer.heads * layer.q_tokens)
    usual, *found = choices(layer, batch, [(cut, work) for cut in looked_at], have, to, stored)
    first, others = best([usual, *found], objective)
    if first.cut != usual.cut and first.score(objective) > BETTER * usual.score(objective):
        first, others = usual, tuple(one for one in (first, *others) if one.cut != usual.cut)
    return mapped(layer, Part("passes", first, others))


def by_rule(layer: Attention, mask: AttentionMask, have: Resources) -> Job:
    """The cut of the rule, and the heads that it cuts. Raises InputError when the layer cannot be cut to fit."""
    work = split_heads(layer, mask, have)
    return plan_attention(layer, work, have), work


def mapped(layer: Attention, part: Part) -> LayerMapping:
    """An attention layer with its cut."""
    return LayerMapping(layer.name, layer.kind, layer.shape, (part,))


def candidates(
    layer: Attention, work: Sequence[HeadWork], have: Resources, usual: AttentionCut
) -> Iterator[AttentionCut]:
    """What the rule does with less room: for fewer heads a pass, and for smaller buffers of scores and tables."""
    q_head, k_head, v_head = (
        layer.q_tokens * layer.qk_dim,
        layer.kv_tokens * layer.qk_dim,
        layer.kv_tokens * layer.v_dim,
    )
    group = max(len(one.heads) for one in usual.passes)
    for heads in (n for n in (1, 2, 4, 8) if n < group):
        less = {"weight_bytes": min(have.weight_bytes, heads * v_head)}
        for share in (1, 2):
            if share * heads * k_head <= have.k_bytes and share * heads * q_head <= have.q_bytes:
                room = {"k_bytes": share * heads * k_head, "q_bytes": share * heads * q_head}
                yield from asked(layer, work, replace(have, **less, **room))
    yield from with_fewer_places(layer, work, have, usual)
    for n in range(1, SMALLER + 1):
        scores, tables = (1 << (size.bit_length() - n) for size in (have.score_bytes, have.index_bytes))
        for less in ({"score_bytes": min(scores, have.score_bytes)}, {"index_bytes": min(tables, have.index_bytes)}):
            smaller = replace(have, **less)
            for found in asked(layer, work, smaller):
                yield found
                if found.several_blocks:  # it has as many rows as places
                    yield from with_fewer_places(layer, work, smaller, found)


def with_fewer_places(
    layer: Attention, work: Sequence[HeadWork], have: Resources, usual: AttentionCut
) -> Iterator[AttentionCut]:
    """What the rule does with half the places of a cut, a quarter and so on; where keys come in blocks, since there are
    as few rows as places, with three quarters and three eighths too."""
    places = max(one.places for one in usual.passes)
    for n in range(1, places.bit_length()):
        fewer = (3 * places >> n + 1, places >> n) if usual.several_blocks else (places >> n,)
        for some in fewer:
            yield from asked(layer, work, replace(have, places=max(1, some)))


def asked(layer: Attention, work: Sequence[HeadWork], have: Resources) -> Iterator[AttentionCut]:
    """The rule's cut for a machine of these sizes, if there is one."""
    try:
        yield plan_attention(layer, work, have)
    except InputError:
        return


def choices(
    layer: Attention, batch: int, jobs: Sequence[Job], have: Resources, to: Rates, stored: bool = True
) -> list[Choice]:
    """Cuts with their estimates, of layers of the same sizes."""
    estimates = attention_estimates(layer, batch, jobs, have, to, stored)
    return [Choice(Written(cut), cut, estimate) for (cut, _), estimate in zip(jobs, estimates)]


class Written(Mapping[str, object]):
    """A cut as data, which is made when it is looked at."""

    def __init__(self, cut: AttentionCut) -> None:
        self.of = cut

    @cached_property
    def data(self) -> dict[str, object]:
        """The cut as it is written to a file."""
        passes = [
            {
                "heads": list(one.heads),
                "row0": one.row0,
                "rows": one.rows,
                "blocks": [list(block) for block in one.blocks],
                "places": one.places,
            }
            for one in self.of.passes
        ]
        return {"passes": passes, **{name: getattr(self.of, name) for name in CUT[1:]}}

    def __getitem__(self, name: str) -> object:
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(CUT)

    def __len__(self) -> int:
        return len(CUT)

    def __eq__(self, other: object) -> bool:
        return self.of == other.of if isinstance(other, Written) else self.data == other

    __hash__ = None


def cut_of_data(layer: Attention, data: object) -> AttentionCut:
    """The cut that a user wrote. Raises InputError when it is none."""
    where = f"mapping of layer {layer.name}, passes"
    if not isinstance(data, Mapping) or set(data) != set(CUT) or not isinstance(data["passes"], list):
        raise InputError(f"{where}: the cut of an attention layer has {', '.join(CUT)}, not {shown(data)}")
    passes = []
    for one in data["passes"]:
        if not isinstance(one, Mapping) or set(one) != set(PASS):
            raise InputError(f"{where}: a pass has {', '.join(PASS)}, not {shown(one)}")
        try:
            blocks = tuple((int(first), int(keys)) for first, keys in one["blocks"])
            heads = tuple(int(head) for head in one["heads"])
            passes.append(Pass(heads, int(one["row0"]), int(one["rows"]), blocks, int(one["places"])))
        except (TypeError, ValueError):
            raise InputError(f"{where}: a pass is made of whole numbers, not {shown(one)}") from None
    flags = {"true": True, "false": False, "True": True, "False": False}
    try:
        halves, stays = flags[str(data["halves"])], flags[str(data["stays"])]
        return AttentionCut(tuple(passes), halves, stays, int(data["piece_tokens"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{where}: halves and stays must be true or false, piece_tokens a whole number") from None
