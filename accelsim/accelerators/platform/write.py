"""A platform's file from fitted parameters, every value with what it was fitted to or taken from."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.platform.fit import FORMATS, POWERS, Fitted, fit
from accelsim.accelerators.platform.rows import SPARSE_KERNELS, Row, halves

UNIT_HZ = 10**10  # of the core clock of a measured platform, which is a unit of time and no clock of the device
MEMORY_HZ = 10**9
PEAKS = (*FORMATS, "memory")  # operations and bytes a second
LOW = 4  # rows that a half must have for the form to be checked


@dataclass(frozen=True)
class Measured:
    """A platform's file, and how well the form does: each row of one half from a fit to the other; none, when there are
    too few. fitted: to all rows."""

    text: str
    checked: list[tuple[Row, float, float | None]]  # row, predicted over measured time, and energy
    fitted: Fitted

    @property
    def factors(self) -> np.ndarray:
        """How far off each checked row is, as a factor of at least 1."""
        return np.exp(np.abs(np.log([time for _, time, _ in self.checked])))


def measured(rows: Sequence[Row], peaks: Mapping[str, float], called: str) -> Measured:
    """Fit rows of one device. `peaks`: of PEAKS, where known; `called`: where the rows are from."""
    begin, most = known(peaks)
    first, other = halves(rows)
    checked: list[tuple[Row, float, float | None]] = []
    if min(len(first), len(other)) >= LOW:
        half = fit(first, begin, most)
        energies = iter(half.energy_errors(other)) if half.powers else iter(())
        checked = [
            (row, float(error), float(next(energies)) if half.powers and row.joules else None)
            for row, error in zip(other, half.errors(other))
        ]
    fitted = fit(rows, begin, most)
    made = Measured("", checked, fitted)
    return Measured(text(made, rows, peaks, called), checked, fitted)


def known(peaks: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Where the search begins, and its upper bounds, from measured peaks."""
    begin, most = {}, {}
    for name in FORMATS:
        if name in peaks:
            begin |= {f"{name}.rate": 0.7 * peaks[name], f"{name}.fused_rate": 0.4 * peaks[name]}
            most |= {f"{name}.rate": peaks[name], f"{name}.fused_rate": peaks[name]}
    if "memory" in peaks:
        begin["memory"], most["memory"] = 0.7 * peaks["memory"], peaks["memory"]
    return begin, most


def text(made: Measured, rows: Sequence[Row], peaks: Mapping[str, float], called: str) -> str:
    """The file."""
    fitted, value = made.fitted, made.fitted.values
    device, first = rows[0].device, rows[0]
    has = {name: any(row.dtype == name for row in rows) for name in FORMATS}
    fused = {name: any(row.dtype == name and row.mode == "fused_sdpa" for row in rows) for name in FORMATS}
    sparse = any(row.mode == "sparse_csr" for row in rows)
    graph = any(row.mode == "graph" for row in rows)
    by_fit = f"fitted to {len(rows)} measured rows of {called}"
    unseen = "not measured; as the machine's default"
    parts = {
        "host": {"launch": cycles(value["launch"]), "graph_launch": cycles(value["graph_launch"])},
        "device": {"start": cycles(value["start"])},
        **{name: arithmetic(name, fitted, peaks) if has[name] else {"flops": 0} for name in FORMATS},
        "sparse": {"kernels": SPARSE_KERNELS, "score": cycles(value["score"])},
        "cache": {"capacity_bytes": fitted.cache_bytes, "bytes_per_cycle": max(1, round(value["cache"] / UNIT_HZ))},
        "dram": memory(fitted, peaks),
        "board": board(fitted),
    }
    sources = {
        "clocks.core": "0.1 ns, a unit of time; not the clock of the device",
        "clocks.dram": "1 ns, a unit of time; not the clock of the memory",
        "host": by_fit if graph else f"{by_fit}; graph_launch: {unseen}",
        "device": by_fit,
        **{name: arithmetic_source(name, by_fit, unseen, fused[name], name in peaks) if has[name]
           else "not measured: 0 refuses it" for name in FORMATS},
        "sparse": f"kernels: counted by the profiler of PyTorch 2.11; score: {by_fit if sparse else unseen}",
        "cache": by_fit if fitted.cache_bytes else "none, as launching and computing overlap; its rate has no effect",
        "dram": f"bytes_per_cycle: {'a measured copy' if 'memory' in peaks else by_fit}; the others: {by_fit}",
        "board": by_fit if fitted.powers else "not measured: 0, so that its energy is not known",
    }  # fmt: skip
    precision = "float32" if has["float32"] else "float16"
    lines = [
        f"# {device}: a model fitted to measured rows of {called} by `accelsim measure`.",
        *(f"# {line}" for line in textwrap.wrap(verdict(made), 118)),
        "machine: platform",
        f"clocks: {{core: {UNIT_HZ // 10**9} GHz, dram: {MEMORY_HZ // 10**9} GHz}}  # units of time",
        f"options: {{precision: {precision}, launch: {'in_turn' if first.on_cpu else 'eager'}, attention: separate}}",
        "parts:",
        *(f"  {name}: {{{', '.join(f'{k}: {v}' for k, v in said.items())}}}" for name, said in parts.items()),
        "sources:",
        *(f'  {name}: "{said}"' for name, said in sources.items()),
    ]
    return "\n".join(lines) + "\n"


def verdict(made: Measured) -> str:
    """How good it is, in a sentence."""
    if not made.checked:
        return "Too few rows were measured to check the form on."
    factors = made.factors
    said = (
        f"Fitted to one half, it predicts the {len(factors)} rows of the other within a factor of"
        f" {np.median(factors):.2f} (median), {np.quantile(factors, 0.9):.2f} (nine of ten), {factors.max():.2f} (all)"
    )
    energies = [e for _, _, e in made.checked if e is not None]
    if energies:
        off = np.exp(np.abs(np.log(energies)))
        said += f"; their energy within {np.median(off):.2f}, {np.quantile(off, 0.9):.2f}, {off.max():.2f}"
    return said + "."


def cycles(seconds: float) -> int:
    return round(seconds * UNIT_HZ)


def arithmetic(name: str, fitted: Fitted, peaks: Mapping[str, float]) -> dict[str, int]:
    """A number format's; without a known peak, the fitted rate is the peak."""
    value = fitted.values
    peak = peaks.get(name, max(value[f"{name}.rate"], value[f"{name}.fused_rate"]))
    flops = max(2, -(-int(peak) // UNIT_HZ))
    return {
        "flops": flops,
        "efficiency": share(value[f"{name}.rate"], flops * UNIT_HZ),
        "step": cycles(value[f"{name}.step"]),
        "fused_efficiency": share(value[f"{name}.fused_rate"], flops * UNIT_HZ),
        "fused_step": cycles(value[f"{name}.fused_step"]),
        "operation": round(fitted.powers[f"{name}.operation"] * 1e15) if fitted.powers else 0,
    }


def arithmetic_source(name: str, by_fit: str, unseen: str, fused: bool, peak: bool) -> str:
    said = f"flops: {'a measured product of large matrices' if peak else by_fit}; the others: {by_fit}"
    return said if fused else f"{said}; fused attention: {unseen}"


def memory(fitted: Fitted, peaks: Mapping[str, float]) -> dict[str, int]:
    rate = fitted.values["memory"]
    width = max(1, -(-int(peaks.get("memory", rate)) // MEMORY_HZ))
    return {
        "bytes_per_cycle": width,
        "efficiency": share(rate, width * MEMORY_HZ),
        "byte": round(fitted.powers["byte"] * 1e15) if fitted.powers else 0,
    }


def board(fitted: Fitted) -> dict[str, int]:
    power = fitted.powers or dict.fromkeys(POWERS, 0.0)
    return {"idle": round(power["idle"] * 1e3), "busy": round(power["busy"] * 1e3)}


def share(rate: float, peak: float) -> int:
    """In thousandths, at least one."""
    return min(1000, max(1, round(1000 * rate / peak)))
