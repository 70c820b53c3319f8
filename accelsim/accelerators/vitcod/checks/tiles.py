"""The array's tiles: how long each of their steps takes, and that their commands say so."""

import math
from fractions import Fraction

import numpy as np

from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report

KINDS = ("inner_cycles", "bottom_cycles", "right_cycles", "corner_cycles")  # by whether it is of the last columns, rows


def ceil(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    return -(-a // b)


def split(size: np.ndarray, step: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of the steps along an axis but the last, and of the last: how many, and how long."""
    before = ceil(size, step) - 1
    return [(before, np.minimum(step, size)), (np.ones_like(size), size - before * step)]


def steps(evidence: Evidence) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each kind of step by the operand that says its cycles: of every tile how many there are, their cycles, and the
    bytes of weights and activations, in whole words, that each reads."""
    tiles, part = evidence.commands("engine"), evidence.part
    last = tiles["constants"] > 0
    adds = ~np.append(True, last[:-1])[: len(tiles)]
    weight, act = (part(buffer, "port_bytes") for buffer in ("weight_gb", "act_gb0"))

    def delivered(buffer: str, words: np.ndarray) -> np.ndarray:
        """Cycles in which a buffer's ports read some words; half of one bank's is kept for what arrives."""
        return ceil(2 * words, 2 * part(buffer, "banks") - 1)

    each_token = windows(evidence, tiles["depth"], act)
    found, kinds = {}, iter((KINDS[0], KINDS[2], KINDS[1], KINDS[3]))
    for down, rows in split(tiles["tokens"], tiles["step_tokens"].clip(1)):
        for across, columns in split(tiles["features"], tiles["step_features"].clip(1)):
            own, beside = rows * each_token, rows * ceil(columns * tiles["added"], act)
            words = own + beside
            weights = ceil(columns * tiles["depth"], weight) + ceil(columns * tiles["constants"], weight)
            sums = 4 * rows * columns * (adds.astype(int) + 1 - last)
            each = [
                tiles["depth"],
                delivered("weight_gb", weights),
                delivered("act_gb0", words),
                staged(evidence, tiles["depth"], own, beside),
                ceil(sums, part("engine", "psum_banks") * part("engine", "psum_port_bytes")),
            ]
            cycles = np.max(each, axis=0) + part("engine", "step_cycles")
            found[next(kinds)] = down * across, cycles, weights * weight, words * act
    return found


def staged(evidence: Evidence, depth: np.ndarray, words: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Cycles of a step by the transposing stage: a word of each token is handed out, a feature a cycle, while the next
    one of each is read; with a step's last word its residual operand is, and the next step's first."""
    port, rate = evidence.part("act_gb0", "port_bytes"), evidence.part("act_gb0", "banks") - Fraction(1, 2)
    found = []
    for deep, read, more in zip(depth.tolist(), words.tolist(), beside.tolist()):
        handed = [min(port, deep - at) for at in range(0, deep, port)]
        next_word = Fraction(read, len(handed)) / rate
        cycles = [max(features, next_word) for features in handed[:-1]]
        found.append(math.ceil(sum(cycles) + max(handed[-1], next_word + more / rate)))
    return np.array(found, np.int64)


def windows(evidence: Evidence, depth: np.ndarray, port: int) -> np.ndarray:
    """Words that each tile reads of a token, whose windows, in a convolution, lie in as many runs as they have rows of
    pixels: of a run of n pixels in the worst place, word by word."""
    layers = evidence.layer_of_instruction()[evidence.instructions("engine")]
    words = ceil(depth, port)
    for n in np.unique(layers):
        layer = evidence.workload.layers[n]
        if layer.kernel == 1:
            continue
        row = layer.in_features // layer.kernel
        for deep in np.unique(depth[layers == n]):
            if deep == layer.in_features:
                pixel = row // layer.kernel
                most = max((at % port + row - 1) // port + 1 for at in range(0, port * pixel, pixel))
                most *= layer.kernel
            else:  # in the worst place of a row, of which each may lie in the worst place of a word
                runs = max((at + deep - 1) // row + 1 for at in range(row))
                most = runs * ((min(row, deep) + port - 2) // port + 1)
            words[(layers == n) & (depth == deep)] = most
    return words


def tile_cycles(evidence: Evidence) -> np.ndarray:
    """The cycles of every tile of the array: each of its steps as long as its depth, or as a memory's ports need."""
    return np.sum([many * cycles for many, cycles, _, _ in steps(evidence).values()], axis=0)


def check_tiles(evidence: Evidence, report: Report) -> None:
    """A tile's command says how long its steps are, and what the first one reads a cycle."""
    tiles, found = evidence.commands("engine"), steps(evidence)
    for name, (many, cycles, _, _) in found.items():
        wanted = np.where(many > 0, cycles, 0)
        report.compare(
            "gemm",
            "engine",
            f"a tile's {name} are those that its depth and the ports take",
            tiles[name] == wanted,
            lambda n, name=name, wanted=wanted: f"tile {n} says {name} of {tiles[name][n]}, but they are {wanted[n]}",
        )
    order = [found[name] for name in KINDS]
    first = np.select([many > 0 for many, *_ in order], np.arange(len(KINDS)))
    for name, which in (("weight_rate", 2), ("act_rate", 3)):
        read, cycles = (np.choose(first, [one[n] for one in order]) for n in (which, 1))
        wanted = ceil(read, cycles.clip(1))
        report.compare(
            "gemm",
            "engine",
            f"a tile's {name} is what its first step reads a cycle",
            tiles[name] == wanted,
            lambda n, name=name, wanted=wanted: f"tile {n} says a {name} of {tiles[name][n]}, but it is {wanted[n]}",
        )
