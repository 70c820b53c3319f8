"""The array's tiles: how long each of their steps takes, and that their commands say so."""

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

    found, kinds = {}, iter((KINDS[0], KINDS[2], KINDS[1], KINDS[3]))
    for down, rows in split(tiles["tokens"], tiles["step_tokens"].clip(1)):
        for across, columns in split(tiles["features"], tiles["step_features"].clip(1)):
            words = rows * (ceil(tiles["depth"], act) + ceil(columns * tiles["added"], act))
            weights = ceil(columns * tiles["depth"], weight) + ceil(columns * tiles["constants"], weight)
            sums = 4 * rows * columns * (adds.astype(int) + 1 - last)
            each = [
                tiles["depth"],
                delivered("weight_gb", weights),
                delivered("act_gb0", words),
                ceil(sums, part("engine", "psum_banks") * part("engine", "psum_port_bytes")),
            ]
            cycles = np.max(each, axis=0) + part("engine", "step_cycles")
            found[next(kinds)] = down * across, cycles, weights * weight, words * act
    return found


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
