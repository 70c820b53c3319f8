"""Measured rows: latency of a network or of its attention on a device, one case a line of a CSV file."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from accelsim.accelerators.platform.kernels import BYTES, Kernel, Style, kernels
from accelsim.config.shipped import find, listing
from accelsim.core import InputError
from accelsim.core.errors import shown, suggest
from accelsim.workload import load
from accelsim.workload.workload import Workload

ATTENTION = {"eager": "separate", "graph": "separate", "fused_sdpa": "fused", "sparse_csr": "sparse"}  # by mode
SCOPES = (
    "end_to_end", "attention_with_reshape", "attention_core", "attention_core_masked_dense_compute",
    "attention_core_sparse",
)  # fmt: skip
COLUMNS = ("device", "model", "batch", "dtype", "mode", "scope", "median_s")  # that a file must have
PEAKS = ("peak_product", "peak_copy")  # their `batch` is the side of the product, or the bytes moved
KINDS = ("product", "move", "fused", "sparse")
PRUNED = "_s90"  # the workload of a model
LAYER = 5  # the attention layer that stands for all
SPARSE_KERNELS = 34  # a head: 103 for 3 heads, 220 for 6, 410 for 12 in the profiler of PyTorch 2.11


@dataclass(frozen=True)
class Row:
    """A measured case. seconds: median of a call. joules: of a call in a queue of `wall_s` each; None: not measured."""

    device: str
    model: str
    batch: int
    dtype: str
    mode: str
    scope: str
    seconds: float
    joules: float | None
    wall_s: float | None
    kernel_count: int | None
    kernel_s: float | None

    @property
    def on_cpu(self) -> bool:
        """Whether launching and computing are one processor's: no row of a GPU is without a profile of its kernels."""
        return not any(word in self.device for word in ("NVIDIA", "AMD Radeon", "AMD Instinct"))

    @property
    def launch(self) -> str:
        return "in_turn" if self.on_cpu else "graph" if self.mode == "graph" else "eager"

    def options(self) -> dict[str, str]:
        """The options of a platform under which it does what was measured. timm's DeiT calls fused attention; its LeViT
        does not, and does not fold its batch normalisations."""
        attention, whole, levit = ATTENTION[self.mode], self.scope == "end_to_end", self.model.startswith("levit")
        if whole and not levit:
            attention = "fused"
        if self.scope == "attention_core_masked_dense_compute":
            attention = "masked"
        return {
            "precision": self.dtype,
            "launch": self.launch,
            "attention": attention,
            "copies": str(whole or self.scope == "attention_with_reshape").lower(),
            "batchnorm": "apart" if levit else "folded",
        }

    def workload(self) -> Workload:
        """The layers that were measured."""
        work = network(self.model)
        if self.scope != "end_to_end":
            layer = replace(work.attention_layers[LAYER], activation=None, encoded_heads=None)
            work = Workload(work.name, work.model, (layer,), {layer.name: work.masks[layer.name]})
        return replace(work, batch=self.batch)

    def kernels(self) -> list[Kernel]:
        """What runs, in its order."""
        option, work = self.options(), self.workload()
        apart, copies = option["batchnorm"] == "apart", option["copies"] == "true"
        style = Style(option["precision"], option["attention"], copies, apart, SPARSE_KERNELS)
        return [kernel for layer in work.layers for kernel in kernels(layer, work, style)]

    @property
    def title(self) -> str:
        return f"{self.model} batch {self.batch} {self.dtype} {self.mode} {self.scope}"


@lru_cache
def network(model: str) -> Workload:
    return load(find("workloads", f"{model}{PRUNED}"))


def arrays(found: Sequence[Kernel]) -> dict[str, np.ndarray]:
    """Kernels as columns, kinds by their place in KINDS."""
    names = ("macs", "weights", "read", "written", "depth", "count", "kept")
    columns = {name: np.array([getattr(k, name) for k in found], float) for name in names}
    return columns | {"kind": np.array([KINDS.index(k.kind) for k in found])}


def read_rows(file: str | Path, device: str = "") -> tuple[list[Row], dict[str, float]]:
    """The rows of a file, of the one device whose name holds `device`, and its peaks: format -> operations a second of
    a large product, `memory` -> bytes a second of a copy. Raises InputError for what cannot be read.
    """
    path = Path(file)
    try:
        with path.open(newline="", encoding="utf-8") as opened:
            lines = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: the measured rows cannot be read ({reason}); give a CSV file") from None
    for name in COLUMNS:
        if not lines or name not in lines[0]:
            raise InputError(f"{path}: there is no column {name!r}; measured rows have {', '.join(COLUMNS)}")
    mine = [(n, line) for n, line in enumerate(lines, 2) if device.lower() in str(line["device"]).lower()]
    names = sorted({str(line["device"]) for _, line in mine})
    if len(names) != 1:
        there = ", ".join(sorted({str(line["device"]) for line in lines}))
        raise InputError(
            f"{path}: the rows of one device are needed, and {len(names)} hold {device!r} in their names; there are"
            f" {there}"
        )
    found, peaks = [], {}
    for n, line in mine:
        where = f"{path}:{n}"
        if line["scope"] in PEAKS:
            size, seconds = number(line, "batch", where), number(line, "median_s", where)
            product = line["scope"] == "peak_product"
            peaks[line["dtype"] if product else "memory"] = (2 * size**3 if product else size) / seconds
        else:
            found.append(row(line, where))
    if not found:
        raise InputError(f"{path}: there are only peaks of {names[0]}, and no network or attention")
    return found, peaks


def number(line: Mapping[str, str], name: str, where: str, optional: bool = False) -> float | None:
    """A figure of a line. Raises InputError when it is none above 0."""
    text = line.get(name)
    if optional and not text:
        return None
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(f"{where}: {name} is {shown(text)} but must be a number above 0")
    return value


def row(line: Mapping[str, str], where: str) -> Row:
    """A line of a file."""
    networks = [name.removesuffix(PRUNED) for name in listing("workloads") if name.endswith(PRUNED)]
    for name, known in (("dtype", BYTES), ("mode", ATTENTION), ("scope", SCOPES), ("model", networks)):
        if line[name] not in known:
            near = suggest(line[name], known)
            raise InputError(f"{where}: {name} is {shown(line[name])} but must be one of {', '.join(known)}{near}")
    count = number(line, "kernels", where, optional=True)
    return Row(
        line["device"], line["model"], int(number(line, "batch", where)), line["dtype"], line["mode"], line["scope"],
        number(line, "median_s", where), number(line, "joules", where, optional=True),
        number(line, "wall_mean_s", where, optional=True), int(count) if count else None,
        number(line, "kernel_s", where, optional=True),
    )  # fmt: skip


def halves(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The first, fourth, fifth, eighth ... row of each kind of case (device, format, mode, scope), and the others, so
    that both halves have small and large batches."""
    seen: dict[tuple, int] = {}
    parts: tuple[list[Row], list[Row]] = [], []
    for each in rows:
        key = (each.device, each.dtype, each.mode, each.scope)
        seen[key] = seen.get(key, -1) + 1
        parts[(seen[key] + 1) // 2 % 2].append(each)
    return parts
