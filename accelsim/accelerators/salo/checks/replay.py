"""Attention replayed in integers, tile by tile as the commands came, against the functional twin, bit for bit; and how
far that is from softmax attention over all kept scores in float64."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.salo import arithmetic
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional
from accelsim.workload.network import STEP

if TYPE_CHECKING:
    from accelsim.accelerators.salo.checks.tiles import HeadTiles


def replay_layer(tiles: "HeadTiles", report: Report) -> None:
    """Every head of every image, on what the layers before it computed."""
    layer, network = tiles.layer, tiles.judge.network
    computed = network.of(layer.name)
    given = {n: computed.operands[n].reshape(tiles.groups, -1, computed.operands[n].shape[-1]) for n in "qkv"}
    scaling = functional.Scaling(*(int(x) for x in computed.operands["scaling"][:2]))
    found = replay(tiles, given, scaling)
    wanted = computed.sums.reshape(found.shape)
    right = (found == wanted).all(axis=2)
    for group in range(tiles.groups):
        report.compare(
            "integers", f"layer {layer.name}, head {group % layer.heads}", "replayed outputs equal the reference",
            right[group], lambda n, g=group: f"layer {layer.name}, head {g}, row {n} differs",
        )  # fmt: skip
    scale = {n: network.workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qkv"}
    keep = np.tile(tiles.judge.keep(layer), (tiles.evidence.workload.batch, 1, 1))
    exact = functional.attention_reference(*(given[n] for n in "qkv"), keep, *scale.values()) / scale["v"]
    error = np.abs(found / arithmetic.ONE - exact)
    rms = float(np.sqrt((error**2).mean()))
    report.errors.append(FloatError(layer.name, float(error.max()), rms, float(np.abs(exact).max())))


def replay(tiles: "HeadTiles", given: dict[str, np.ndarray], scaling: functional.Scaling) -> np.ndarray:
    """int64[heads of all images, q_tokens, v_dim]."""
    layer = tiles.layer
    out = np.zeros((tiles.groups, layer.q_tokens, layer.v_dim), np.int64)
    group = whole = arithmetic.nothing(0, layer.v_dim)
    for tile in tiles.tiles:
        said = tile.step.operands
        q, k, v = (given[n][tile.group].astype(np.int64) for n in "qkv")
        if said["rows"]:
            t = functional.octaves(np.einsum("rd,rkd->rk", q[tile.queries], k[tile.keys]), *scaling)
            new = arithmetic.piece(t, tile.counts, v[tile.keys])
            before = arithmetic.nothing(said["rows"], layer.v_dim) if said["first"] else group
            group = arithmetic.merged(before, new)
            if said["last"]:
                out[tile.group, tile.queries] = group.o
        rows = list(tiles.plans[tile.group % layer.heads].held.rows)
        if rows:
            t = functional.octaves(q[rows] @ k[tile.across].T, *scaling)
            values = np.tile(v[tile.across], (len(rows), 1, 1))
            new = arithmetic.piece(t, np.ones(t.shape, bool), values)
            before = arithmetic.nothing(len(rows), layer.v_dim) if said["fresh"] else whole
            whole = arithmetic.merged(before, new)
            if said["ends"]:
                out[tile.group, rows] = whole.o
    return out
