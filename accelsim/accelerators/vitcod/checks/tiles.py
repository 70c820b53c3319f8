"""The array's tiles: how long each of their steps takes, and that their commands say so."""

import math
from fractions import Fraction

import numpy as np

from accelsim.accelerators.vitcod.checks.windows import sides, words_read
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report

Read = tuple[list[int], list[Fraction]]  # of each word of the stage: words of the buffer, and cycles
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
    chunks, *read_of = words_of(evidence)
    found, kinds = {}, iter((KINDS[0], KINDS[2], KINDS[1], KINDS[3]))
    for (down, rows), read in zip(split(tiles["tokens"], tiles["step_tokens"].clip(1)), read_of):
        own = np.array([sum(some) for some, _ in read], np.int64)
        for across, columns in split(tiles["features"], tiles["step_features"].clip(1)):
            beside = ceil(columns * tiles["added"], act)
            words = own + rows * beside
            behind = [n * found_in(evidence, some, some) for n, some in zip(beside.tolist(), rows.tolist())]
            weights = ceil(columns * tiles["depth"], weight) + ceil(columns * tiles["constants"], weight)
            sums = 4 * rows * columns * (adds.astype(int) + 1 - last)
            each = [
                tiles["depth"],
                delivered(evidence, "weight_gb", weights),
                delivered(evidence, "act_gb0", words),
                staged(tiles["depth"], chunks, read, behind),
                ceil(sums, part("engine", "psum_banks") * part("engine", "psum_port_bytes")),
            ]
            cycles = np.max(each, axis=0) + part("engine", "step_cycles")
            found[next(kinds)] = down * across, cycles, weights * weight, words * act
    return found


def delivered(evidence: Evidence, buffer: str, words: np.ndarray) -> np.ndarray:
    """Cycles in which a buffer's ports read some words; half of one bank's is kept for what arrives."""
    return ceil(2 * words, 2 * evidence.part(buffer, "banks") - 1)


def found_in(evidence: Evidence, words: int, tokens: int) -> Fraction:
    """Cycles in which one piece of each of some tokens is read: its words by the ports, and its places are found, of as
    many tokens a cycle as there are banks."""
    banks = evidence.part("act_gb0", "banks")
    return max(words / (banks - Fraction(1, 2)), Fraction(-(-tokens // banks)))


def staged(depth: np.ndarray, chunks: np.ndarray, read: list[Read], behind: list[Fraction]) -> np.ndarray:
    """Cycles of a step by the transposing stage: a word of each token is handed out, a feature a cycle, while the next
    one of each is read; with a step's last word its residual operand is, and the next step's first."""
    found = []
    for deep, chunk, (_, cycles), more in zip(depth.tolist(), chunks.tolist(), read, behind):
        handed = [min(chunk, deep - at) for at in range(0, deep, chunk)]
        later = [max(features, some) for features, some in zip(handed[:-1], cycles[1:])]
        found.append(math.ceil(sum(later) + max(handed[-1], cycles[0] + more)))
    return np.array(found, np.int64)


def words_of(evidence: Evidence) -> tuple[np.ndarray, list[Read], list[Read]]:
    """Of each tile the elements in a word of the transposing stage, and for each such word the words of the buffer that
    a step reads and the cycles in which it could: of any step the most, and of one of the last rows. A token of a
    matrix lies in one for each; of a convolution the tile's row of the table says the elements, and the words are those
    that they lie in."""
    tiles, port = evidence.commands("engine"), evidence.part("act_gb0", "port_bytes")
    layers = evidence.layer_of_instruction()[evidence.instructions("engine")]
    chunks, told = np.full(len(tiles), port), iter(evidence.tables["windows"]["chunk"].tolist())
    most, low, element = [], [], 0
    for n, layer in zip(range(len(tiles)), (evidence.workload.layers[n] for n in layers)):
        tokens, high, depth = (int(tiles[name][n]) for name in ("tokens", "step_tokens", "depth"))
        high = max(1, min(high, tokens))
        if layer.kernel > 1:
            row, chunk = int(tiles["token"][n]), next(told, 0)
            chunks[n] = chunk = min(max(1, chunk), port) if sides(layer) else port
            edges = range(0, tokens, high)
            each = []
            for at in edges:
                some = min(high, tokens - at)
                words, cycles = [0] * -(-depth // chunk), [Fraction(0)] * -(-depth // chunk)
                for slot, read in zip(*words_read(layer, row + at, some, element, depth, port, chunk)):
                    words[slot] += read
                    cycles[slot] += found_in(evidence, read, some)
                each.append((words, cycles))
            most.append(tuple([max(slot) for slot in zip(*one)] for one in zip(*each)))
            low.append(each[-1])
        else:
            words, least = -(-depth // port), tokens - (-(-tokens // high) - 1) * high
            of = [([some] * words, [found_in(evidence, some, some)] * words) for some in (high, least)]
            most.append(of[0])
            low.append(of[1])
        element = 0 if tiles["constants"][n] else element + depth
    return chunks, most, low


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
    fills = max(3, evidence.part("act_gb0", "banks")) - 1  # until the first place is found
    leads = np.array([fills + math.ceil(cycles[0]) for _, cycles in words_of(evidence)[1]], np.int64)
    report.compare(
        "gemm",
        "engine",
        "a tile's lead is what its first words take",
        tiles["lead"] == leads,
        lambda n: f"tile {n} says a lead of {tiles['lead'][n]}, but it is {leads[n]}",
    )
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
