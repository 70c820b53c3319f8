"""Small ITAs and the networks they run."""

from accelsim.accelerators import schema
from accelsim.accelerators.ita.bench import Tiles, gate, phases, run, tables
from accelsim.accelerators.ita.components.block import Block
from accelsim.accelerators.ita.components.cluster import ClusterBlock
from accelsim.accelerators.ita.components.streams import StreamedBlock
from accelsim.config import load_arch
from accelsim.config.arch import Arch

# tiles of 16, so that small networks have several, and buffers in which they are cut
SMALL = (
    "engine.model=streams", "engine.columns=4", "engine.length=16", "engine.weight_beats=4", "engine.logit_bytes=768",
    "act_buffer.capacity_bytes=2 KiB", "weight_buffer.capacity_bytes=1400", "output_buffer.capacity_bytes=600",
)  # fmt: skip


def ita(*overrides: str) -> Arch:
    return load_arch("ita", schema, list(overrides))


def streamed(layer: str, tiles: Tiles, gates: tuple[str, ...] = ("1", "1", "1"), **values) -> tuple[int, Block]:
    """The cycle of the last output + 1 of the block alone, and the block."""
    preload, bits = values.pop("preload", 0), values.pop("bits", 9)
    rows = values.get("length", 64) * tiles.s
    block = StreamedBlock("block", **tables([bits] * rows), **values)
    start = run(block, phases(layer, tiles), [gate(one, 3) for one in gates], preload=preload)
    return block.value("last_output") + 1 - start, block


def wrapped(layer: str, tiles: Tiles, grant: str = "1", bias: bool = True, **values) -> tuple[int, Block]:
    """The cycle in which the last job of the wrapper is done, and the block."""
    block = ClusterBlock("block", **tables(rows=64), **values)
    work = [one | {"bits": 0} for one in phases(layer, tiles, bias)]
    start = run(block, work, [gate(one, 3) for one in ("1", "1", "1", grant)])
    return block.value("last_done") - start, block
