"""From any eager PyTorch vision transformer to a workload: trace, average the attention, prune, polarize, quantize."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import accelsim
from accelsim.codesign.attention_maps import mean_maps
from accelsim.codesign.auto_encoder import auto_encoders, head_moments
from accelsim.codesign.balance import balanced_threshold
from accelsim.codesign.calls import Site
from accelsim.codesign.capture import find_sites
from accelsim.codesign.counter import check_macs, count_macs
from accelsim.codesign.lowering import lower
from accelsim.codesign.own_masks import own_masks
from accelsim.codesign.polarize import polarize
from accelsim.codesign.prune import prune
from accelsim.codesign.pytorch import need
from accelsim.codesign.quantize import ErrorRow, operands, quantization_error
from accelsim.codesign.trace import trace
from accelsim.core.errors import InputError, suggest
from accelsim.core.files import write
from accelsim.workload.arrays import encode
from accelsim.workload.format import save
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.workload import Workload

OPERANDS = ("none", "attention", "all")


@dataclass(frozen=True)
class Choices:
    """sparsity or theta: see `prune` (neither: nothing is pruned); scope: 'global', 'layer' or 'head'. threshold:
    theta_d of `polarize`, 'auto' to balance the two engines layer by layer, None for 50 of 197 rows. class_token: keep
    row 0 and column 0 (None: when there are more tokens than patches). auto_encoder: ratio h' / h (None: none).
    operands: which int8 operands of the first image are stored: 'none', 'attention' or 'all'."""

    sparsity: float | None = None
    theta: float | None = None
    scope: str = "global"
    threshold: float | str | None = None
    class_token: bool | None = None
    auto_encoder: float | None = None
    operands: str = "none"

    def __post_init__(self):
        if self.operands not in OPERANDS:
            raise InputError(
                f"operands is {self.operands!r} but must be one of {', '.join(OPERANDS)}"
                f"{suggest(self.operands, OPERANDS)}."
            )
        if self.sparsity is not None and self.theta is not None:
            raise InputError("give either a sparsity or an information threshold, not both.")
        if isinstance(self.threshold, str) and self.threshold != "auto":
            raise InputError(f"threshold is {self.threshold!r} but must be a number of nonzeros or 'auto'.")


@dataclass(frozen=True)
class Export:
    """workload; maps: layer -> average attention float64[heads, q_tokens, kv_tokens] before pruning; outputs: layer ->
    the network's float result for the stored operands; errors: of the int8 operands against it; remarks: sentences on
    what the workload leaves out of the network."""

    workload: Workload
    maps: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    errors: list[ErrorRow]
    remarks: list[str] = field(default_factory=list)


def export_workload(
    model,
    example_inputs,
    calibration: Iterable | None = None,
    *,
    name: str,
    choices: Choices = Choices(),
    encoders=None,
    keep: list[np.ndarray] | None = None,
    maps: list[np.ndarray] | None = None,
    provenance: dict | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> Export:
    """The workload of `model`, a torch.nn.Module whose forward takes images [n, ...] and attends with eager PyTorch.

    example_inputs: images; the first is traced, and gives the operands. calibration: a list, or another iterable that
    can be read twice, of batches of images to average attention over (None: example_inputs). encoders: trained
    auto-encoders (see `auto_encoder`); otherwise `choices.auto_encoder` starts them from PCA. keep, maps: masks and
    maps that are known already (of a network trained with them), one per attention. Attention that is used twice in a
    forward pass is exported twice. What the network masks by itself on every picture is never kept. Same model and
    inputs, same bytes.
    Errors: InputError, which names what a workload cannot represent, or where the layers' multiply-accumulates are not
    those that torch counts.
    """
    torch = need("torch", "exporting a model")
    if model.training:
        raise InputError(
            f"{type(model).__name__} is in training mode; call model.eval() first, so that it is the same "
            "for every image."
        )
    image = example_inputs[:1]
    if not len(image):
        raise InputError("example_inputs holds no image; give at least one.")
    calibration = [example_inputs] if calibration is None else calibration
    try:
        count = count_macs(model, image)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InputError(
            f"{type(model).__name__} does not run on an image of {list(image.shape)}: {' '.join(str(error).split())}"
        ) from error
    steps = lower(trace(model, image))
    check_macs(steps, count)
    sites = find_sites(model, image)
    for what, given in (("keep", keep), ("maps", maps)):
        if given is not None and len(given) != len(sites):
            raise InputError(
                f"{what} has {len(given)} arrays but the model runs {len(sites)} attentions; give one each."
            )
    attention = {s.node.sizes["index"]: s for s in steps if s.kind == "attention"}
    if encoders is None and choices.auto_encoder is not None:
        start = auto_encoders(sites, choices.auto_encoder, head_moments(model, calibration, sites))
        encoders = start.to(image.device).eval()
    layers = [_with_encoder(step.layer, encoders, attention, steps) for step in steps]
    transform = None if encoders is None else encoders.transform
    cls = _has_class_token(layers, sites) if choices.class_token is None else choices.class_token
    prunes = choices.sparsity is not None or choices.theta is not None or keep is not None
    own = own_masks(model, image, sites)
    if maps is None:
        maps = mean_maps(model, calibration, sites, transform=transform, on_batch=on_batch)
    if keep is None and prunes:
        keep = prune(
            maps,
            theta=choices.theta,
            sparsity=choices.sparsity,
            scope=choices.scope,
            class_token=cls,
            allowed=own.allowed,
        )
    keep = own.allowed if keep is None else [k & a for k, a in zip(keep, own.allowed)]
    names = [attention[site.index].layer.name for site in sites]
    masks = {n: _polarized(n, k, choices.threshold) for n, k, by_it in zip(names, keep, own.masked) if prunes or by_it}
    workload = Workload(
        name=name,
        model=(provenance or {}).get("model", type(model).__name__),
        layers=layers,
        masks=masks,
        provenance=_provenance(choices, provenance, cls) | own.told(names),
    )
    made, outputs, errors = None, {}, []
    if choices.operands != "none":
        if encoders is not None:
            encoders.record = True
        tensors = {i: torch.from_numpy(np.array(k)).to(image.device) for i, k in enumerate(keep) if names[i] in masks}
        again = lower(trace(model, image, values=True, transform=transform, keep=tensors, sites=sites))
        kept = {n: m.keep for n, m in masks.items()}
        for step in again:
            if step.kind == "attention" and step.node.sizes["index"] in own.varying:
                step.node.values["biased"] = True  # the operands' result is without what depends on the picture
        made = operands(again, layers, choices.operands, kept, encoders)
        workload = replace(workload, tensors=made.tensors, scales=made.scales)
        outputs, errors = made.outputs, quantization_error(workload, made.outputs, made.biased)
    return Export(workload, dict(zip(names, maps or [])), outputs, errors, own.remarks(names))


def save_export(export: Export, path: str | Path, *, measured: bool = False) -> Path:
    """Write NAME.yaml and NAME.npz, and with `measured` what was measured beside them in NAME.measured.npz: LAYER.map
    (float16 average attention) and LAYER.output (float32 results of the network). Without it, what an earlier export
    of this name left there is removed, because it is no longer of these masks. Returns the .yaml's path."""
    path = save(export.workload, path)
    beside = path.with_suffix(".measured.npz")
    if not measured:
        beside.unlink(missing_ok=True)
        return path
    arrays = {f"{n}.map": m.astype(np.float16) for n, m in export.maps.items()}
    arrays |= {f"{n}.output": o.astype(np.float32) for n, o in export.outputs.items()}
    write(beside, encode(arrays))
    return path


def _with_encoder(layer: Layer, encoders, attention: dict, steps) -> Layer:
    """The layer, with the auto-encoder's size if it is an attention."""
    if encoders is None or not isinstance(layer, Attention):
        return layer
    index = next(i for i, step in attention.items() if step.layer is layer)
    feeding = {s.role for s in steps if s.encodes == attention[index].node.number}
    if not feeding & {"qkv", "q"} or not feeding & {"qkv", "kv"}:
        raise InputError(
            f"{layer.name}: Q and K do not come straight from a projection (something, as a norm or a rotation, stands "
            "between), so that no encoder can stand behind it; export without an auto-encoder."
        )
    return replace(layer, encoded_heads=encoders.pairs[2 * index][0].out_features)


def _has_class_token(layers: list[Layer], sites: list[Site]) -> bool:
    """Whether there are more tokens than patches."""
    embed = [layer.tokens for layer in layers if getattr(layer, "role", "") in ("embed", "conv")]
    return bool(embed) and all(s.windows == 1 and s.q_tokens == s.kv_tokens > embed[-1] for s in sites)


def _polarized(name: str, keep: np.ndarray, threshold):
    try:
        return polarize(keep, balanced_threshold(keep) if threshold == "auto" else threshold)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _provenance(choices: Choices, given: dict | None, cls: bool) -> dict:
    torch = need("torch", "exporting a model")
    made = {"made_by": f"accelsim {accelsim.__version__}, export; torch {torch.__version__}", "class_token": cls}
    for name in ("sparsity", "theta", "threshold", "auto_encoder"):
        value = getattr(choices, name)
        if value is not None:
            made[f"target_{name}" if name == "sparsity" else name] = value
    if choices.sparsity is not None or choices.theta is not None:
        made["scope"] = choices.scope
    return {**made, **(given or {})}


def theta_d(text: str | None) -> float | str | None:
    """A threshold as it is typed: nothing, 'auto', or a number. Errors: InputError for anything else."""
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"threshold is {text!r} but must be a number of nonzeros or 'auto'.") from None


def workload_name(text: str) -> str:
    """A model's name as a workload's: 'google/vit-base' -> 'google_vit-base'."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_") or "workload"


def summary(export: Export) -> list[tuple[str, Any]]:
    """What was made, as (what, value) pairs for a person to read."""
    workload = export.workload
    told = workload.provenance
    rows = [("layers", len(workload.layers)), ("MACs of an image", f"{workload.macs:,}")]
    if "weights_key" in told:
        others = f"; not taken: {told['weights_not_taken']}" if "weights_not_taken" in told else ""
        rows.insert(0, ("weights", f"{told['weights']}, under {told['weights_key']!r}{others}"))
    rows.append(("attention layers", len(workload.attention_layers)))
    if "masked_by_the_network" in told:
        rows.append(("masked by the network itself", told["masked_by_the_network"]))
    if workload.masks:
        counts = np.concatenate([m.global_tokens for m in workload.masks.values()])
        rows += [("pruned scores", f"{workload.sparsity:.2%}"), ("global tokens of a head", f"{counts.mean():.1f}")]
    if export.errors:
        worst = max(export.errors, key=lambda r: r.relative)
        rows.append(("largest int8 error of a layer", f"{worst.relative:.2%} ({worst.layer})"))
    return rows
