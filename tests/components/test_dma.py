"""DMA: how tiles become bursts, who is served first, how many are under way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.dma import Dma
from tests.components.harness import exercise

STREAMS = ("store", "index", "act", "weight")
STORE, INDEX, ACT, WEIGHT = range(4)
FILLS = [f"arrived.{stream}" for stream in STREAMS]
ARRAYS = {"tile": dict.fromkeys(STREAMS), "arrived": dict.fromkeys(STREAMS)}


def served(make, feeds, **options):
    """What comes of a DMA engine with these streams; a tile is (cycle, address, bytes, segments, pitch)."""
    feeds = {
        f"tile.{n}" if n in STREAMS else n: [(*tile, n == "store") for tile in some] if n in STREAMS else some
        for n, some in feeds.items()
    }
    return exercise(make, feeds, arrays=ARRAYS, **options)


def dma(burst=64, outstanding=32):
    return lambda: Dma("dma", burst_bytes=burst, outstanding=outstanding)


def test_a_tile_leaves_as_bursts_one_a_cycle_segment_by_segment():
    # (cycle, address, bytes, segments, pitch): 2 segments of 150 bytes, 1000 apart; then one of 64; replies follow
    replies = [(20 + n, size, ACT) for n, size in enumerate([64, 64, 22, 64, 64, 22, 64])]
    seen = served(
        dma(), {"act": [(0, 5000, 150, 2, 1000), (0, 128, 64, 1, 64)], "reply": replies}, depth={"request": 8}
    )
    assert seen.pushes["request"] == [
        (1, 5000, 64, 0, ACT),
        (2, 5064, 64, 0, ACT),
        (3, 5128, 22, 0, ACT),
        (4, 6000, 64, 0, ACT),
        (5, 6064, 64, 0, ACT),
        (6, 6128, 22, 0, ACT),
        (7, 128, 64, 0, ACT),
    ]
    assert seen.pushes["arrived.act"] == [(at + 1, size) for at, size, _ in replies]
    assert seen.counts == {"read_bursts": 7, "write_bursts": 0}


def test_between_tiles_stores_go_first_then_index_activations_weights():
    feeds = {name: [(0, 1000 * n, 100, 1, 100)] for n, name in enumerate(STREAMS)}
    feeds["reply"] = [(20 + n, 64 if n % 2 == 0 else 36, n // 2) for n in range(8)]
    seen = served(dma(), feeds, depth={"request": 8})
    assert [(r[0], r[4], r[3]) for r in seen.pushes["request"]] == [
        (1 + 2 * s + n, s, int(s == STORE)) for s in range(4) for n in range(2)
    ]
    assert seen.counts == {"read_bursts": 6, "write_bursts": 2}
    assert [seen.pushes[f] for f in FILLS] == [[(21 + 2 * s, 64), (22 + 2 * s, 36)] for s in range(4)]


def test_a_tile_that_has_begun_keeps_its_turn():
    feeds = {"weight": [(0, 0, 256, 1, 256)], "store": [(1, 4096, 64, 1, 64)]}
    feeds["reply"] = [*((30 + n, 64, WEIGHT) for n in range(4)), (40, 64, STORE)]
    seen = served(dma(), feeds, depth={"request": 8})
    assert [r[4] for r in seen.pushes["request"]] == [WEIGHT] * 4 + [STORE]


def test_no_more_bursts_than_allowed_are_under_way():
    # a reply seen in cycle 31 makes place for a burst in the same cycle
    replies = [(30 + 10 * n, 64, ACT) for n in range(5)]
    seen = served(dma(outstanding=2), {"act": [(0, 0, 320, 1, 320)], "reply": replies}, depth={"request": 8})
    assert seen.cycles("request") == [1, 2, 31, 41, 51]
    assert seen.status["busy"] == 2 + 5 and seen.status["starved"] == 71 - 3 - 4


def test_a_full_fill_channel_holds_up_the_replies_behind_it():
    replies = [(10, 64, ACT), (10, 64, ACT), (10, 64, WEIGHT)]
    feeds = {"act": [(0, 0, 128, 1, 128)], "weight": [(0, 0, 64, 1, 64)], "reply": replies}
    seen = served(dma(), feeds, accept={"arrived.act": (40, 0)}, depth={"arrived.act": 1})
    assert seen.cycles("arrived.act") == [11, 41] and seen.cycles("arrived.weight") == [42]
    assert seen.status["blocked"] == 41 - 12


TILES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 300), st.integers(1, 3)), max_size=3)


@settings(max_examples=12, deadline=None)
@given(tiles=st.tuples(TILES.filter(len), TILES, TILES, TILES), gap=st.integers(0, 5))
def test_every_byte_is_asked_for_once(tiles, gap):
    feeds, wanted = {}, []
    for stream, (name, mine) in enumerate(zip(STREAMS, tiles)):
        feeds[name] = []
        for n, (at, size, segments) in enumerate(sorted(mine)):
            first = 100_000 * stream + 10_000 * n
            feeds[name].append((at, first, size, segments, 1000))
            wanted += [(stream, first + 1000 * s + byte) for s in range(segments) for byte in range(size)]
    seen = served(dma(outstanding=1 << 20), feeds, accept={"request": (0, gap)}, depth={"request": 1}, cycles=2000)
    asked = [(r[4], r[1] + byte) for r in seen.pushes["request"] for byte in range(r[2])]
    assert sorted(asked) == wanted
    assert all(r[2] <= 64 and r[3] == (r[4] == STORE) for r in seen.pushes["request"])
