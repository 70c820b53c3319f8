"""A convolution's windows: where each of their bytes lies in the activation buffer, and what the stage is told."""

import math
from functools import lru_cache

import numpy as np

from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report
from accelsim.workload.layers import Gemm


def sides(layer: Gemm) -> tuple[int, int]:
    """Windows side by side in a square picture, and pixels from one to the next; empty if it is not square."""
    out, channels = math.isqrt(layer.tokens), layer.in_features // layer.kernel**2
    side = math.isqrt(layer.inputs // (channels * layer.repeat))
    return (out, side // out) if out**2 == layer.tokens else ()


def lies(layer: Gemm, token: np.ndarray, element: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of elements of windows the line and the byte in it, in their picture (beyond it: padding), and the byte in the
    buffer, which begins with the first picture."""
    out, stride = sides(layer)
    run = layer.in_features // layer.kernel
    pixel, width = run // layer.kernel, out * stride * run // layer.kernel
    down, across = token // out % out * stride - layer.kernel // 2, token % out * stride - layer.kernel // 2
    line, byte = down + element // run, across * pixel + element % run
    return line, byte, (line + token // out**2 * out * stride) * width + byte


@lru_cache(1 << 12)
def words_read(
    layer: Gemm, row: int, rows: int, element: int, depth: int, port: int, chunk: int
) -> tuple[list[int], list[int]]:
    """Of each piece of so many elements, which is of one run and goes to one word of the stage: this word, and the
    words that so many windows read for it. Byte by byte, one is read where a byte lies in another than the one before.
    """
    elements, slot = element + np.arange(depth), np.arange(depth) // chunk
    run = layer.in_features // layer.kernel
    if not sides(layer):  # each run in its worst place, which is a pixel's
        pixel, begins = run // layer.kernel, np.flatnonzero(np.diff(slot * layer.kernel + elements // run, prepend=-1))
        places = (elements[begins] % run)[:, None] + np.arange(0, port * pixel, pixel)
        ends = places % port + np.diff(np.append(begins, depth))[:, None]
        worst = (-(-ends // port)).max(axis=1)
        return slot[begins].tolist(), (rows * worst).tolist()
    word = lies(layer, row + np.arange(rows)[:, None], elements)[2] // port
    begins = np.append(True, (np.diff(elements // run) != 0) | (np.diff(slot) != 0))
    fresh = np.ones((rows, depth), bool)
    fresh[:, 1:] = (np.diff(word) != 0) | begins[1:]
    return slot[begins].tolist(), np.add.reduceat(fresh.sum(axis=0), np.flatnonzero(begins)).tolist()


def wanted(layer: Gemm, row: int, element: int, port: int, banks: int) -> dict[str, int]:
    """What the stage must be told of a tile's windows, but for the elements of a word: from where single bytes lie."""
    out, stride = sides(layer)
    run = layer.in_features // layer.kernel

    def at(token: int, which: int) -> int:
        return int(lies(layer, np.array(token), np.array(which))[2])

    distances = {
        "at": at(row, element),
        "token": at(1, 0) - at(0, 0) if out > 1 else stride * run // layer.kernel,
        "line": at(out, 0) - at(out - 1, 0),
        "far": at(banks, 0) - at(0, 0),
        "wrap": at(out - 1 + banks, 0) - at(out - 1, 0),
        "pitch": at(0, run) - at(0, 0),
        "below": at(0, run) - at(0, element % run),
    }
    found = {}
    for name, size in distances.items():
        found[f"{name}_words"], found[f"{name}_bytes"] = divmod(size, port)
    (y, x, _), (y_first, x_first, _) = (lies(layer, np.array(n), np.array(0)) for n in (row, 0))
    (y_below, *_), (_, x_next, _), (_, x_last, _) = (lies(layer, np.array(n), np.array(0)) for n in (out, 1, out - 1))
    y_on, x_on, _ = lies(layer, np.array(banks), np.array(0))
    pixel = run // layer.kernel
    x_step, y_step = (int(x_next - x_first), int(y_below - y_first)) if out > 1 else (stride * pixel, stride)
    return found | {
        "run": run, "begin_byte": element % run, "begin_run": element // run,
        "x": int(x), "x_step": x_step, "x_last": int(x_last), "x_far": int(x_on - x_first),
        "x_wrap": int(x_last + x_step - (x_on - x_first)), "width": out * stride * pixel,
        "y": int(y), "y_step": y_step, "y_far": int(y_on - y_first), "y_wrap": int(y_on - y_first) + y_step,
        "y_end": int(y_first) + out * stride, "height": out * stride,
    }  # fmt: skip


def check_windows(evidence: Evidence, report: Report) -> None:
    """The stage is told where the windows of each tile of a convolution lie."""
    tiles, told = evidence.commands("engine"), evidence.tables["windows"]
    port, banks = (evidence.part("act_gb0", name) for name in ("port_bytes", "banks"))
    layers = evidence.layer_of_instruction()[evidence.instructions("engine")]
    rows, element = [], 0
    for tile, layer in zip(tiles, (evidence.workload.layers[n] for n in layers)):
        if layer.kernel > 1:
            rows.append(wanted(layer, int(tile["token"]), element, port, banks) if sides(layer) else {})
        element = 0 if tile["constants"] else element + int(tile["depth"])
    report.compare(
        "gemm", "windows", "a row for each tile of a convolution", np.array([len(told) == len(rows)]),
        lambda n: f"there are {len(told)} rows for {len(rows)} tiles",
    )  # fmt: skip
    if len(told) != len(rows):
        return
    names = [name for name in WINDOWS.names if name != "chunk"]
    wrong = [[n for n in names if row and int(said[n]) != row[n]] for row, said in zip(rows, told)]
    report.compare(
        "gemm",
        "windows",
        "the windows of a tile lie where the stage is told",
        np.array([not some for some in wrong], bool),
        lambda n: f"row {n} says {wrong[n][0]} of {told[wrong[n][0]][n]}, but it is {rows[n][wrong[n][0]]}",
    )
    report.compare(
        "gemm",
        "windows",
        "a word of the stage takes an element at least, and no more than it has bytes",
        np.array([not row or 1 <= said <= port for row, said in zip(rows, told["chunk"].tolist())], bool),
        lambda n: f"row {n} gives it {told['chunk'][n]} of {port}",
    )
