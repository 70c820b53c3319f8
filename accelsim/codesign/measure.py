"""Latency and energy of vision transformers and of their attention on the computer at hand, as rows of a table.

Weights are random: no figure depends on them. Each row is a case: network, batch, number format, how kernels are
launched, and what is timed; docs/machines/platforms.md says what is in each.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from accelsim.codesign.meter import Meter, Reading
from accelsim.codesign.models import model
from accelsim.codesign.pytorch import need
from accelsim.codesign.synthetic import synthesize
from accelsim.codesign.zoo import open_model
from accelsim.core.errors import InputError

COLUMNS = (
    "device", "torch", "model", "batch", "dtype", "mode", "scope", "layers", "median_s", "p10_s", "p90_s",
    "wall_mean_s", "joules", "kernels", "kernel_s", "repeats", "density",
)  # fmt: skip
TIMM = {f"deit_{size}": f"deit_{size}_patch16_224" for size in ("tiny", "small", "base")}
LAYER, SPARSITY = 5, 0.9  # the attention layer that stands for all, and how much of its scores is pruned
PEAK = {"cpu": (2048, 1 << 28), "cuda": (8192, 1 << 30)}  # side of a product, bytes of a copy
FORMATS = {"cpu": ("float32",), "cuda": ("float32", "float16")}
Row = dict[str, object]


def choose_device(wanted: str) -> tuple[str, str]:
    """'cpu' or 'cuda' for 'auto', 'cpu' or 'cuda'; and what it is called. Raises InputError when there is none."""
    torch = need("torch", "measuring a platform")
    if wanted not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {wanted}: expected auto, cpu or cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no CUDA device here; cpu measures the processor")
    if wanted != "cpu" and torch.cuda.is_available():
        return "cuda", torch.cuda.get_device_name(0)
    return "cpu", f"{processor()}, {torch.get_num_threads()} threads"


def processor() -> str:
    """What the CPU calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")


def measure(
    models: Sequence[str],
    device: str,
    called: str,
    *,
    batches: Sequence[int] = (1,),
    seconds: float = 0.5,
    step: Callable[[str], None] = lambda _: None,
) -> Iterator[Row]:
    """Every case as a row of COLUMNS, peaks first. `step` is told what is timed next, and what could not be.

    Raises InputError for an unknown model.
    """
    torch, meter = need("torch", "measuring a platform"), Meter(device, seconds)
    for name in models:
        model(name)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    for name, batch, kind, mode, scope, call, density in cases(torch, models, device, batches):
        title = f"{name} batch {batch} {kind} {mode} {scope}"
        step(title)
        try:
            found = meter.read(call(), profile=mode != "graph")
        except RuntimeError as error:  # PyTorch's for what it, the device or its memory cannot do; the case is named
            step(f"{title}: left out ({str(error).splitlines()[0]})")
            continue
        finally:
            call = None
            if device != "cpu":
                torch.cuda.empty_cache()
        yield row(called, torch.__version__, (name, batch, kind, mode, scope), found, density)


def row(called: str, version: str, case: tuple, found: Reading, density: float | None) -> Row:
    name, batch, kind, mode, scope = case
    said = {"device": called, "torch": version, "model": name, "batch": batch, "dtype": kind, "mode": mode}
    values = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(found).items()}
    return said | {"scope": scope, "layers": 1} | values | {"density": density}


def write_rows(rows: Sequence[Row], path: Path) -> Path:
    """A CSV file of rows. Raises InputError when it cannot be written."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            lines.writeheader()
            lines.writerows({k: "" if v is None else v for k, v in each.items()} for each in rows)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def cases(torch, models: Sequence[str], device: str, batches: Sequence[int]) -> Iterator[tuple]:
    """(network, batch, format, mode, scope, what makes the call, density) of everything that is timed."""
    side, size = PEAK[device]
    for kind in FORMATS[device]:
        yield "product", side, kind, "eager", "peak_product", partial(product, torch, side, device, kind), None
    yield "copy", 2 * size, "float32", "eager", "peak_copy", partial(copy, torch, size, device), None
    for name in models:
        if name in TIMM:
            yield from attention_cases(torch, name, device, batches)
    for name in models:
        for kind in FORMATS[device]:
            for batch in batches:
                for mode in ("eager", "graph") if device != "cpu" else ("eager",):
                    made = partial(network, torch, name, batch, device, kind, mode)
                    yield name, batch, kind, mode, "end_to_end", made, None


def attention_cases(torch, name: str, device: str, batches: Sequence[int]) -> Iterator[tuple]:
    """Those of one layer's attention."""
    layer = model(name).attention_layers[LAYER]
    keep = synthesize(name, SPARSITY, 1).masks[layer.name].keep
    for kind in FORMATS[device]:
        for batch in batches:
            made = partial(Heads, torch, layer, batch, device, kind)
            yield name, batch, kind, "eager", "attention_with_reshape", lambda made=made: made().reshaped, None
            yield name, batch, kind, "eager", "attention_core", lambda made=made: made().core, None
            yield name, batch, kind, "fused_sdpa", "attention_core", lambda made=made: made().fused, None
            masked = "attention_core_masked_dense_compute"
            yield name, batch, kind, "eager", masked, lambda made=made: made().masked(keep), None
            if device != "cpu":
                yield (
                    name, batch, kind, "graph", "attention_with_reshape",
                    lambda made=made: captured(torch, made().reshaped), None,
                )  # fmt: skip
            if batch == 1 and kind == "float32":
                density = round(float(keep.mean()), 4)
                yield (
                    name,
                    1,
                    kind,
                    "sparse_csr",
                    "attention_core_sparse",
                    lambda made=made: made().sparse(keep),
                    density,
                )


class Heads:
    """Random operands of one attention layer, and the ways to compute it."""

    def __init__(self, torch, layer, batch: int, device: str, kind: str) -> None:
        self.torch, self.batch, self.scale = torch, batch, layer.qk_dim**-0.5
        made = {"device": device, "dtype": getattr(torch, kind)}
        self.shape = (batch, layer.q_tokens, 3, layer.heads, layer.qk_dim)
        self.projected = torch.randn(batch, layer.q_tokens, 3 * layer.heads * layer.qk_dim, **made)
        self.q, self.k, self.v = (
            torch.randn(batch, layer.heads, layer.q_tokens, layer.qk_dim, **made) for _ in range(3)
        )

    def reshaped(self) -> Any:
        """From the output of the fused projection to the joined heads."""
        q, k, v = self.projected.view(self.shape).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) * self.scale
        out = scores.softmax(-1) @ v
        return out.transpose(1, 2).reshape(self.batch, self.shape[1], -1)

    def core(self) -> Any:
        """Products and softmax of operands that lie head by head."""
        return ((self.q @ self.k.transpose(-2, -1)) * self.scale).softmax(-1) @ self.v

    def fused(self) -> Any:
        return self.torch.nn.functional.scaled_dot_product_attention(self.q, self.k, self.v)

    def masked(self, keep) -> Callable[[], Any]:
        """As `core`, with pruned scores filled."""
        kept = self.torch.tensor(keep, device=self.q.device)

        def call() -> Any:
            scores = ((self.q @ self.k.transpose(-2, -1)) * self.scale).masked_fill(~kept, float("-inf"))
            return scores.softmax(-1) @ self.v

        return call

    def sparse(self, keep) -> Callable[[], Any]:
        """Kept scores alone, in compressed rows, head by head."""
        torch, device = self.torch, self.q.device
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that these kernels are new
            masks = [torch.tensor(head, device=device, dtype=self.q.dtype).to_sparse_csr() for head in keep]

        def call() -> Any:
            out = []
            for head, mask in enumerate(masks):
                q, k, v = (each[0, head] for each in (self.q, self.k, self.v))
                scores = torch.sparse.sampled_addmm(mask, q, k.t(), beta=0.0, alpha=self.scale)
                out.append(torch.sparse.mm(torch.sparse.softmax(scores.to_sparse_coo(), 1), v))
            return out

        return call


def network(torch, name: str, batch: int, device: str, kind: str, mode: str) -> Callable[[], Any]:
    """A network on random pictures."""
    opened = open_model(TIMM.get(name, name))
    made = opened.model.to(device, getattr(torch, kind))
    pictures = torch.randn(batch, *opened.size, device=device, dtype=getattr(torch, kind))
    call = partial(made, pictures)
    return captured(torch, call) if mode == "graph" else call


def captured(torch, call: Callable[[], Any]) -> Callable[[], Any]:
    """A call as a CUDA graph."""
    with torch.inference_mode():
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                call()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()

    def replay() -> Any:
        graph.replay()
        return call  # whose operands must stay where they are

    return replay


def product(torch, side: int, device: str, kind: str) -> Callable[[], Any]:
    a, b = (torch.randn(side, side, device=device, dtype=getattr(torch, kind)) for _ in range(2))
    return lambda: a @ b


def copy(torch, size: int, device: str) -> Callable[[], Any]:
    source, target = (torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2))
    return lambda: target.copy_(source)
