"""From traced operations to the layers of a workload: biases, scales, batch norms, activations and residuals go into
the product they follow, and the projections of one input to Q, K and V become one product."""

from __future__ import annotations

from collections import Counter

from accelsim.codesign.step import Step, name_layers, split_lead
from accelsim.codesign.trace import INPUT, Node


def lower(nodes: list[Node]) -> list[Step]:
    """The steps in the order they run, each with its `layer`. Errors: InputError for an attention whose sizes no layer
    can carry."""
    steps, place = _fold(nodes)
    _merge_projections(steps, place)
    ordered = sorted({id(s): s for s in steps.values()}.values(), key=lambda s: s.node.number)
    _roles(ordered, steps, place)
    name_layers(ordered)
    return ordered


def _resolve(place: dict[int, int], number: int) -> int:
    while place.get(number, number) != number:
        number = place[number]
    return number


def _fold(nodes: list[Node]) -> tuple[dict[int, Step], dict[int, int]]:
    """Steps by the number of their node, and node -> the node whose step it went into."""
    readers = Counter(s for node in nodes for source in node.sources for s in source)
    steps: dict[int, Step] = {}
    place: dict[int, int] = {}
    for node in nodes:
        sources = tuple(
            tuple(dict.fromkeys(s if s == INPUT else _resolve(place, s) for s in source)) for source in node.sources
        )
        target = _target(node, sources, steps, readers)
        if target is None:
            if node.kind == "affine":  # what it scales is no product: a change of a normalisation's own scale
                if len(sources[0]) == 1 and sources[0][0] != INPUT:
                    place[node.number] = sources[0][0]
                    readers[sources[0][0]] += readers[node.number] - 1
                    continue
                target = None
            steps[node.number] = step = Step(node, sources, bias=node.sizes.get("bias", False))
            _fold_norm_before(step, steps, readers)
            continue
        step = steps[target]
        place[node.number] = target
        readers[target] = readers[node.number]
        if node.kind == "activation":
            step.activation = node.sizes["op"]
        elif node.kind == "add":
            step.residual = True
            step.sources += tuple(s for s in sources if s != (target,))
        else:
            step.bias = step.bias or node.kind == "norm" or node.values.get("op") in ("add", "sub")
            step.folded.append(node)
    return steps, place


def _fold_norm_before(step: Step, steps: dict[int, Step], readers: Counter) -> None:
    """A batch norm that only one linear layer reads goes into that layer's weights."""
    read = step.sources[0] if step.sources else ()
    norm = steps.get(read[0]) if len(read) == 1 else None
    if step.kind != "gemm" or step.node.sizes["op"] != "linear" or norm is None or readers[read[0]] != 1:
        return
    if norm.node.sizes.get("norm") == "batchnorm":
        step.before, step.sources, step.bias = norm.node, norm.sources, True
        del steps[read[0]]


def _target(node: Node, sources, steps: dict[int, Step], readers: Counter) -> int | None:
    """The step a node folds into, if any: one that nobody else reads and that comes to the operation at its end."""
    single = [s[0] for s in sources if len(s) == 1 and s[0] != INPUT]
    only = [n for n in single if readers[n] == 1 and steps[n].activation is None]
    if node.kind == "activation":
        fits = [n for n in only if steps[n].kind in ("gemm", "attention")]
    elif node.kind == "affine" or node.sizes.get("norm") == "batchnorm":
        fits = [n for n in only if steps[n].kind == "gemm" and not steps[n].residual]
    elif node.kind == "add":
        fits = [
            n
            for n in only
            if steps[n].kind == "gemm"
            and not steps[n].residual
            and len(sources) <= 2
            and steps[n].node.sizes["elements"] <= node.sizes["elements"] <= 1.5 * steps[n].node.sizes["elements"]
        ]
    else:
        fits = []
    return max(fits, default=None)


def _merge_projections(steps: dict[int, Step], place: dict[int, int]) -> None:
    """Projections of the same input to Q, K and V (or K and V) that were written as separate layers become one."""
    for step in list(steps.values()):
        if step.kind != "attention":
            continue
        sources = [steps.get(s[0]) if len(s) == 1 else None for s in step.sources]
        for group in (sources, sources[1:]):
            apart = list({id(s): s for s in group}.values())
            if len(apart) < 2 or any(s is None or s.kind != "gemm" or s.parts or _busy(s) for s in apart):
                continue
            if len({(s.node.sizes["read"], s.node.sizes["op"], s.node.sizes["repeat"]) for s in apart}) > 1:
                continue
            first = min(apart, key=lambda s: s.node.number)
            first.parts = [Step(s.node, s.sources, s.folded, bias=s.bias) for s in apart]
            first.bias = any(s.bias for s in apart)
            for other in apart:
                if other is not first:
                    place[other.node.number] = first.node.number
                    del steps[other.node.number]
            break
        step.sources = tuple(tuple(dict.fromkeys(_resolve(place, n) for n in s)) for s in step.sources)


def _busy(step: Step) -> bool:
    return step.activation is not None or step.residual


def _roles(ordered: list[Step], steps: dict[int, Step], place: dict[int, int]) -> None:
    """What each product is for, and which projections feed the encoder of an attention."""
    tokens = 0
    for step in ordered:
        step.sources = tuple(
            tuple(dict.fromkeys(n if n == INPUT else _resolve(place, n) for n in s)) for s in step.sources
        )
        if step.kind == "gemm":
            sizes = step.node.sizes
            first = any(INPUT in s for s in step.sources)
            if sizes["op"] == "conv":
                step.role = "embed" if first and sizes["patches"] else "conv"
            elif first:
                step.role = "embed"
            elif sizes["tokens"] == 1:
                step.role = "head"
            else:
                from_attention = [steps[n] for s in step.sources[:1] for n in s if steps[n].kind == "attention"]
                if from_attention:
                    square = from_attention[0].node.sizes["q_tokens"] == from_attention[0].node.sizes["kv_tokens"]
                    step.role = "proj" if square else "downsample"
                elif sizes["tokens"] < tokens:
                    step.role = "downsample"
                else:
                    step.role = "mlp"
            tokens = sizes["tokens"]
    for step in ordered:
        if step.kind == "attention":
            _feed(step, steps)


def _feed(step: Step, steps: dict[int, Step]) -> None:
    """Set role and `encodes` of the projections an attention reads straight from."""
    sizes = step.node.sizes
    windows, maps = split_lead(sizes["lead"])
    heads = maps // windows
    q, k, v = (steps[s[0]] if len(s) == 1 and s[0] != INPUT else None for s in step.sources)
    qk, values = heads * sizes["qk_dim"], heads * sizes["v_dim"]
    kinds = [("qkv", q, 2 * qk + values, "q_tokens")] if q is k is v else [("q", q, qk, "q_tokens")]
    if q is not k and k is v:
        kinds.append(("kv", k, qk + values, "kv_tokens"))
    for role, source, columns, tokens in kinds:
        if source is None or source.kind != "gemm" or source.node.sizes["repeat"] > 1 or source.encodes is not None:
            continue
        if (source.columns, source.node.sizes["tokens"]) == (columns, windows * sizes[tokens]) and not _busy(source):
            source.role, source.encodes = role, step.node.number
    for source in (q, k, v):
        if source is not None and source.kind == "gemm" and source.encodes is None and source.role == "mlp":
            source.role = "other"
