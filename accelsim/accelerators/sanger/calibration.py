"""What is predicted of Sanger's public RTL: its pack unit, tile by tile, and its two arrays, run by run.

A tile is a place in a mask that a case names; masks lie beside the cases, or are those of a shipped workload. A run of
an array is a set of operands and what left it after every step. No constant was fitted.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from accelsim.accelerators.sanger.bench import times
from accelsim.accelerators.sanger.components.pack_unit import PackUnit
from accelsim.accelerators.sanger.components.prediction_array import PredictionArray
from accelsim.accelerators.sanger.components.sparse_array import SparseArray
from accelsim.accelerators.sanger.dataflow.strips import packs_of, table, tiles_of
from accelsim.accelerators.sanger.packing import pack
from accelsim.accelerators.sanger.tables import PACKS
from accelsim.accelerators.sanger.twin import Fixed, PredictionTwin, SparseTwin
from accelsim.config.shipped import find
from accelsim.core.errors import InputError, shown
from accelsim.validation.calibration import Calibration, Case
from accelsim.workload import load

RTL = "hatsu3/Sanger at 5d99ba3, in Verilator"
SIDE = 64  # rows of a strip, and columns of a tile, of the pack unit that was run
SMALL, PES = 8, 4  # rows and ports of the arrays that were run; PEs of a row of the sparse one
SCORES, VALUES = Fixed(20, 8), Fixed(32, 16)  # the arrays' numbers
SIXTEENTH = 1 << 12  # of a number of VALUES
PUBLISHED, SYNTHETIC = "vitcod_masks/info_0.95.npy", "sanger/synthetic_masks.npz"
ARRAYS = "sanger/arrays_rtl.npz"


@lru_cache(maxsize=8)
def arrays(path: Path) -> Mapping[str, np.ndarray]:
    """The arrays of a file."""
    with np.load(path) as found:
        return dict(found)


@lru_cache(maxsize=32)
def heads(source: str, layer: int, published: Path | None, synthetic: Path | None) -> np.ndarray:
    """bool[heads, q_tokens, kv_tokens]: what a source keeps in a layer. Raises InputError where it has no masks."""
    if source.startswith("vitcod_info") and published:
        found = ~np.load(published).astype(bool)
        return found[layer]
    if synthetic and source in (known := arrays(synthetic)):
        return np.unpackbits(known[source], axis=1)[None, None, :, : len(known[source])].astype(bool)[layer]
    workload = load(find("workloads", source))
    return workload.mask(workload.attention_layers[layer].name).keep


def mask(case: Case) -> np.ndarray:
    """bool[q_tokens, kv_tokens]: the mask of a case. Raises InputError where there is none."""
    source, layer, head = case["source"].strip(), case.number("layer"), case.number("head")
    try:
        if min(layer, head) < 0:
            raise IndexError
        return heads(source, layer, case.beside(PUBLISHED), case.beside(SYNTHETIC))[head]
    except IndexError:
        raise InputError(f"{case.where}: {source} has no layer {layer} with a head {head}") from None
    except InputError:
        raise InputError(
            f"{case.where}: source {shown(source)} is no shipped workload, and no mask of a file "
            f"{Path(SYNTHETIC).name} (an array of bits, a row of the mask a row) beside the cases"
        ) from None


@lru_cache(maxsize=64)
def tiles(keep: bytes, columns: int, pes: int) -> tuple[list[int], list[int], list[int]]:
    """Packs, emits and cycles of every tile of a mask."""
    bits = np.frombuffer(keep, bool).reshape(1, -1, columns)
    packed = pack(bits, SIDE, SIDE, pes, "unit")
    known = tiles_of(packed, SIDE, columns)
    unit = PackUnit("pack", rows=SIDE, pes=pes, tiles=known, packs=packs_of(packed, SIDE, columns))
    ends = times(unit, {"strip": [0, len(known)]}, "drained")
    return known["passes"].tolist(), known["emits"].tolist(), np.diff([0, *ends]).tolist()


def predict_tile(case: Case) -> Mapping[str, int]:
    """What the pack unit makes of a tile, and how long it takes. Raises InputError where the mask has no such tile."""
    keep, pes = mask(case), case.number("pes")
    row, column = case.number("row_block"), case.number("col_tile")
    down, across = (-(-size // SIDE) for size in keep.shape)
    if not 1 <= pes <= SIDE:
        raise InputError(f"{case.where}: pes must be from 1 to {SIDE}, not {pes}")
    if not (0 <= row < down and 0 <= column < across):
        raise InputError(f"{case.where}: the mask has {down} x {across} tiles, and no tile {row}, {column}")
    found = tiles(keep.tobytes(), keep.shape[1], pes)
    return {name: of[row * across + column] for name, of in zip(("packs", "emits", "cycles"), found)}


def runs(kind: str) -> Callable[[Path], list[Case]]:
    """Of a file of runs, those of an array as cases: the size, steps of products, when the row sums are complete, and
    how many outputs there are to predict."""

    def read(path: Path) -> list[Case]:
        found = arrays(path)
        names = sorted(name.removesuffix("_out") for name in found if name.startswith(kind) and name.endswith("_out"))
        return [Case(f"{path}: {name}", columns(name, found), (path.parent,)) for name in names]

    return read


def columns(name: str, found: Mapping[str, np.ndarray]) -> dict[str, str]:
    """What is given and measured of a run: `total` is the steps until all row sums stand at the outputs."""
    out = found[f"{name}_out"].astype(np.int64)
    if name.startswith("dense"):
        q, k = (found[f"{name}_{n}"].astype(np.int64) for n in "QK")
        sums, dim = SCORES.wrap(SCORES.exp(q @ k).sum(axis=1)), q.shape[1]
        products, outputs = dim + 2 * SMALL, SMALL * SMALL + SMALL
    else:
        chosen = np.take_along_axis(found[f"{name}_score_exp"], found[f"{name}_sel"].astype(np.int64), axis=1)
        sums, dim = VALUES.wrap(chosen.sum(axis=1)), found[f"{name}_Q"].shape[1]
        products, outputs = dim + 2 * SMALL - 1, SMALL * dim + PES * SMALL
    total = int(np.flatnonzero((out[:, SMALL:] == sums).all(axis=1))[0]) + 1
    said = {"dim": dim, "products": products, "total": total, "outputs": outputs}
    return {"id": name} | {column: str(value) for column, value in said.items()}


def predict_dense(case: Case) -> Mapping[str, int]:
    """A tile of the prediction array: its cycles, and how many of its outputs the twin has in their steps."""
    name, products = case["id"], case.number("products")
    found = arrays(case.beside(ARRAYS))
    q, k, out = (found[f"{name}_{n}"].astype(np.int64) for n in ("Q", "K", "out"))
    array = PredictionArray("predictor", width=SMALL, height=SMALL, strip_rows=SMALL)
    # as many features as the bench had steps for, the last of them 0
    told = {"tile": 0, "tiles": 1, "rows": SMALL, "columns": SMALL, "dim": products - 2 * SMALL + 1, "lengths": 0}
    (total,) = times(array, {"command": [told[n] for n in PredictionArray.fields["command"].fields]}, "strip")
    shifted, sums = PredictionTwin(SMALL, SMALL, SCORES).tile(q, k, case.number("dim") + 2 * SMALL - 1)
    first = 1 + products
    same = (out[first : first + SMALL, :SMALL] == shifted).sum() + (out[first + SMALL, SMALL:] == sums).sum()
    return {"total": total, "outputs": int(same)}


def predict_sparse(case: Case) -> Mapping[str, int]:
    """A pass of the sparse array: its cycles, and how many of its values and sums the twin has in their steps."""
    name, dim, phase = case["id"], case.number("dim"), case.number("products")
    found = arrays(case.beside(ARRAYS))
    q, k, v, select, out = (found[f"{name}_{n}"].astype(np.int64) for n in ("Q", "K", "V", "sel", "out"))
    one = table(PACKS, columns=[SMALL], subrows=[SMALL], entries=[SMALL * PES], last_row=[SMALL - 1])
    array = SparseArray("array", rows=SMALL, ports=SMALL, pes=PES, control="global", packs=one)
    head = {"passes": 1, "first_row": 0, "dim": dim, "value_dim": dim}
    told = {"command": [head[n] for n in SparseArray.fields["command"].fields], "ready": [0], "window": [SMALL]}
    (total,) = times(array, told, "passed")
    twin = SparseTwin(select, SMALL, VALUES)
    twin.scores(q * SIXTEENTH, k * SIXTEENTH, phase)
    twin.exponentials()
    left, begin = twin.values(v.T * SIXTEENTH, phase), 1 + phase + 1
    values = ((slice(SMALL + row, SMALL + row + dim), row) for row in range(SMALL))
    same = sum((out[begin:][place] == left[place]).sum() for place in values)
    same += (out[begin + phase : begin + phase + PES, SMALL:] == twin.sums()).sum()
    return {"total": total, "outputs": int(same)}


CALIBRATIONS = (
    Calibration(
        name="pack unit",
        hardware=RTL,
        file="sanger/pack_unit.csv",
        given=("source", "layer", "head", "pes", "row_block", "col_tile"),
        figure="cycles",
        predict=predict_tile,
        bound=lambda case: 0.0,
    ),
    *(
        Calibration(
            name=name,
            hardware=RTL,
            file=ARRAYS,
            given=(),
            figure="total",
            predict=predicted,
            bound=lambda case: 0.0,
            arrays=runs(kind),
        )
        for name, kind, predicted in (
            ("prediction array", "dense", predict_dense),
            ("sparse array", "sparse", predict_sparse),
        )
    ),
)
