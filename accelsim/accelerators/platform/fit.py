"""From measured rows to a platform's parameters: least squares of the logarithm of time, and then of energy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.platform.rows import KINDS, Row, arrays

PRODUCT, MOVE, FUSED, SPARSE = range(len(KINDS))
FORMATS = ("float32", "float16")
START = {  # seconds, operations and bytes a second, joules: where the search begins
    "launch": 2e-5, "graph_launch": 1e-5, "start": 3e-6, "score": 1e-9, "memory": 1e11, "cache": 1e12,
    **{f"{kind}.{name}": value for kind in FORMATS
       for name, value in {"rate": 1e12, "step": 1e-8, "fused_rate": 5e11, "fused_step": 5e-8}.items()},
}  # fmt: skip
POWERS = {"idle": 50.0, "busy": 50.0, "byte": 1e-11, **{f"{kind}.operation": 1e-12 for kind in FORMATS}}
CACHES = (0, *(1 << k for k in range(18, 27)))  # bytes that are tried
ROUNDS, STEP, ROBUST = 60, 1e-4, 0.3  # of the search; a residual beyond ROBUST pulls no harder
PULL = 0.02  # towards where the search began, so that what no row decides stays there


@dataclass(frozen=True)
class Fitted:
    """Parameters in SI units; `cache_bytes` beside them. rows: what they were fitted to."""

    values: dict[str, float]
    cache_bytes: int
    rows: list[Row]
    powers: dict[str, float] | None = None

    def errors(self, rows: Sequence[Row]) -> np.ndarray:
        """Predicted over measured time of other rows."""
        return np.array([seconds(self.values, self.cache_bytes, r, work(r)) / r.seconds for r in rows])

    def energy_errors(self, rows: Sequence[Row]) -> np.ndarray:
        """Predicted over measured energy of those rows that have one, from the predicted time."""
        return np.array([joules(self, r) / r.joules for r in rows if r.joules])


WORK: dict[Row, dict[str, np.ndarray]] = {}


def work(row: Row) -> dict[str, np.ndarray]:
    """The kernels of a row as columns."""
    if row not in WORK:
        WORK[row] = arrays(row.kernels())
    return WORK[row]


def times(value: dict[str, float], cache_bytes: int, row: Row, work: dict[str, np.ndarray]) -> np.ndarray:
    """Seconds of the device for each entry of `work`, all its kernels together."""
    moved = work["read"] + work["written"]
    near = np.where(moved <= cache_bytes, moved, 0.0)
    kind, form = work["kind"], row.dtype
    memory = (work["weights"] + moved - near) / value["memory"] + near / value["cache"]
    fused = kind == FUSED
    rate = np.where(fused, value[f"{form}.fused_rate"], value[f"{form}.rate"])
    step = np.where(fused, value[f"{form}.fused_step"], value[f"{form}.step"])
    kept = work["kept"] * value["score"]
    return work["count"] * value["start"] + np.max(
        [memory, 2 * work["macs"] / rate, work["depth"] * step, kept], axis=0
    )


def seconds(value: dict[str, float], cache_bytes: int, row: Row, work: dict[str, np.ndarray]) -> float:
    """Of a call: as Platform.estimate counts, without rounding to cycles."""
    device = times(value, cache_bytes, row, work)
    if row.launch == "in_turn":
        return float(device.sum() + work["count"].sum() * value["launch"])
    if row.launch == "graph":
        return float(device.sum() + value["graph_launch"])
    each = np.repeat(device / work["count"], work["count"].astype(int))
    left = np.cumsum(each[::-1])[::-1]  # from each kernel's start on, if nothing waits for the host
    return float(np.max(value["launch"] * np.arange(1, len(each) + 1) + left))


def joules(found: Fitted, row: Row) -> float:
    """Of a call, from the predicted time."""
    columns = work(row)
    took = seconds(found.values, found.cache_bytes, row, columns)
    busy = float(times(found.values, found.cache_bytes, row, columns).sum())
    return spent(found.powers, found.cache_bytes, row, columns, took, busy)


def spent(power: dict[str, float], cache_bytes: int, row: Row, work, took: float, busy: float) -> float:
    """Joules in a time of which the device is busy for a part."""
    moved = work["read"] + work["written"]
    far = float((work["weights"] + np.where(moved <= cache_bytes, 0.0, moved)).sum())
    operations = 2 * float(work["macs"].sum())
    by_time = power["idle"] * took + power["busy"] * busy
    return by_time + power[f"{row.dtype}.operation"] * operations + power["byte"] * far


def fit(rows: Sequence[Row], start: dict[str, float] | None = None, most: dict[str, float] | None = None) -> Fitted:
    """The parameters that predict the rows best. `start`: where to begin, where better is known; `most`: upper bounds.

    Caches are looked for where launching and computing take turns; elsewhere traffic goes to memory.
    """
    begin = START | (start or {})
    columns = [work(r) for r in rows]
    caches = CACHES if rows[0].on_cpu else (0,)

    def miss(value: dict[str, float], cache_bytes: int) -> np.ndarray:
        return np.array([np.log(seconds(value, cache_bytes, r, c) / r.seconds) for r, c in zip(rows, columns)])

    tried = [(*search(lambda v, size=size: miss(v, size), begin, most or {}), size) for size in caches]
    _, values, size = min(tried, key=lambda found: found[0])
    found = Fitted(values, size, list(rows))
    metered = [r for r in rows if r.joules and r.wall_s]
    if not metered:
        return found
    # the device's own time is known where it was profiled; a queue of calls takes `wall_s` each
    busy = {r: min(r.kernel_s or float(times(values, size, r, work(r)).sum()), r.wall_s) for r in metered}

    def power_miss(power: dict[str, float]) -> np.ndarray:
        return np.array([np.log(spent(power, size, r, work(r), r.wall_s, busy[r]) / r.joules) for r in metered])

    return Fitted(values, size, list(rows), search(power_miss, POWERS, {})[1])


def search(
    miss: Callable[[dict[str, float]], np.ndarray], begin: dict[str, float], most: dict[str, float]
) -> tuple[float, dict[str, float]]:
    """Levenberg and Marquardt's method on the logarithms of the values, with Huber's weights; cost and values."""
    names = list(begin)
    top = np.array([np.log(most.get(n, np.inf)) for n in names])
    origin = np.minimum(np.log([begin[n] for n in names]), top)

    def residuals(at: np.ndarray) -> np.ndarray:
        return np.append(miss(dict(zip(names, np.exp(at)))), PULL * (at - origin))

    def cost(r: np.ndarray) -> float:
        size = np.abs(r)
        return float(np.where(size <= ROBUST, size**2, 2 * ROBUST * size - ROBUST**2).sum())

    at, damping = origin, 1.0
    now = residuals(at)
    for _ in range(ROUNDS):
        weights = np.sqrt(np.minimum(1.0, ROBUST / np.maximum(np.abs(now), 1e-12)))
        slope = np.array([(residuals(at + STEP * one) - now) / STEP for one in np.eye(len(at))]).T * weights[:, None]
        square, pull = slope.T @ slope, slope.T @ (weights * now)
        while damping < 1e6:
            there = np.minimum(at - np.linalg.solve(square + damping * np.eye(len(at)), pull), top)
            then = residuals(there)
            if cost(then) < cost(now):
                break
            damping *= 4
        else:
            break
        done = cost(now) - cost(then) < 1e-6 * cost(now)
        at, now, damping = there, then, damping / 4
        if done:
            break
    return cost(now), dict(zip(names, np.exp(at).tolist()))
