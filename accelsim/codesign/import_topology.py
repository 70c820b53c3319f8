"""Layer lists of SCALE-Sim, its GEMM and its convolution topology files, as a workload without attention."""

from __future__ import annotations

from pathlib import Path

import accelsim
from accelsim.codesign.topology_file import LARGEST_SIZE, Row, quoted, read_topology
from accelsim.core.errors import InputError
from accelsim.workload.layers import Gemm
from accelsim.workload.workload import Workload

_REMARKS = ("rounding", "depthwise")


def import_topology(file: str | Path) -> Workload:
    """The layers of a topology file, in its order and under its names, each as one `Gemm` without a bias.

    file: a .csv whose first line is a header. GEMM files have the columns name, M, N, K: tokens, out_features and
    in_features. Convolution files have name, input height and width (padding included), filter height and width,
    channels, filters and strides, and become im2col products of whole windows; a convolution with 'DP' in its name is
    depth-wise, `repeat` = channels. The header may add Sparsity (dense values such as 1:1 only), Batch (`repeat` of a
    GEMM; 1 for convolutions) and, for convolutions, a stride of the width. The workload is named after the file; its
    provenance says the file, its kind, and where SCALE-Sim counts otherwise (`remarks`).
    Errors: InputError with file, line, value and rule when the file is unreadable or a layer cannot be carried.
    """
    file = Path(file)
    if not file.name.isprintable():
        raise InputError(f"{file}: the name of the file becomes the workload's and must be printable; rename the file.")
    kind, rows = read_topology(file)
    layers = [_gemm(row) if kind == "GEMM" else _convolution(row) for row in rows]
    for row, layer in zip(rows, layers):
        _check_extent(row.place, layer)
    provenance: dict[str, object] = {
        "note": f"A {kind} topology: sizes of layers only, no attention, no masks.",
        "made_by": f"accelsim {accelsim.__version__}, import_topology",
        "source": file.name,
        "kind": kind,
    }
    if kind == "convolution":
        cut = [row.name for row in rows if any((i - f) % s for _, i, f, s in _spans(row))]
        apart = [row.name for row in rows if _is_depthwise(row)]
        if cut:
            provenance["rounding"] = (
                f"input pixels that a stride leaves over are not read, where SCALE-Sim adds a window: {_listed(cut)}"
            )
        if apart:
            provenance["depthwise"] = f"depth-wise, for the 'DP' in the name, as in SCALE-Sim: {_listed(apart)}"
    return Workload(name=file.stem, model=file.stem, layers=tuple(layers), provenance=provenance)


def remarks(workload: Workload) -> list[str]:
    """What a person should know of how the layers of an imported topology were read, a sentence each."""
    return [f"Note: {workload.provenance[key]}." for key in _REMARKS if key in workload.provenance]


def _gemm(row: Row) -> Gemm:
    tokens, features, inner = (row.sizes[column] for column in "MNK")
    repeat = row.sizes.get("batch", 1)
    return Gemm(row.name, row.name, "other", tokens, inner, features, bias=False, repeat=repeat)


def _spans(row: Row) -> list[tuple[str, int, int, int]]:
    """(direction, input, filter, stride) down and across."""
    sizes = row.sizes
    return [
        (side, sizes[f"IFMAP {side}"], sizes[f"filter {side}"], sizes.get(f"stride {side}", sizes["strides"]))
        for side in ("height", "width")
    ]


def _is_depthwise(row: Row) -> bool:
    return "DP" in row.name


def _convolution(row: Row) -> Gemm:
    """The im2col product, with the sizes that the export of a PyTorch model gives the same convolution."""
    for side, whole, window, _ in _spans(row):
        if window > whole:
            raise InputError(
                f"{row.place}: layer {quoted(row.name)}: filter {side} is {window} but IFMAP {side} only {whole}; a "
                "filter must fit its input, whose sizes include the padding."
            )
    (_, high, tall, down), (_, wide, broad, across) = _spans(row)
    channels = row.sizes["channels"]
    groups = channels if _is_depthwise(row) else 1
    tokens = ((high - tall) // down + 1) * ((wide - broad) // across + 1)
    inner = tall * broad * channels // groups
    read = min(high * wide * channels, tokens * inner * groups)
    features = row.sizes["num filter"]
    try:
        return Gemm(row.name, row.name, "conv", tokens, inner, features, False, repeat=groups, input_elements=read)
    except InputError as error:
        raise InputError(f"{row.place}: {error}") from None


def _check_extent(place: str, layer: Gemm) -> None:
    for what, value, most in (
        ("output pixels", layer.tokens, LARGEST_SIZE),
        ("inputs to each output", layer.in_features, LARGEST_SIZE),
        ("multiply-accumulates", layer.macs, 2**63 - 1),
    ):
        if value > most:
            raise InputError(
                f"{place}: layer {quoted(layer.name)} has {value} {what} but may have {most}; make it smaller."
            )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(quoted, names[:3])) + more
