"""The scheduler: every kept score in one tile, whatever the mask; how many tiles there are; what windows hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.salo.dataflow.keys import stretches
from accelsim.accelerators.salo.held import held
from accelsim.accelerators.salo.schedule import schedule
from accelsim.workload import AttentionMask
from tests.accelerators.salo.machines import mask_of, masks


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def cover(plan, queries: int, keys: int) -> np.ndarray:
    """How often each score is in a tile, score by score."""
    seen = np.zeros((queries, keys), int)
    for tile in plan.tiles:
        for r in range(tile.rows):
            query = tile.query + r * tile.step
            for c in range(tile.local.shape[1]):
                if tile.local[r, c]:
                    seen[query, tile.key + (r + c) * tile.step] += 1
            for token in plan.held.columns[: tile.columns]:
                seen[query, token] += 1
        for c in np.flatnonzero(tile.across):
            for row in plan.held.rows:
                seen[row, tile.key + c * tile.step] += 1
    return seen


@pytest.mark.parametrize("globals_", [0, 1, 2])
@pytest.mark.parametrize("dilation", [1, 2, 5, 12])
@pytest.mark.parametrize("window", [1, 2, 4, 5, 9, 40])
def test_every_score_of_a_window_is_in_one_tile(window, dilation, globals_):
    for tokens in (1, 3, 4, 5, 20):
        mask = mask_of(f"window:{window},dilation={dilation},globals={globals_}", tokens)
        plan = schedule(mask, 0, 4, 4, 2)
        assert (cover(plan, tokens, tokens) == mask.keep[0]).all()
        assert plan.held.remainder == 0 and plan.held.share == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2), st.data())
def test_every_score_of_any_mask_is_in_one_tile(queries, keys, rows, columns, globals_, data):
    mask = data.draw(masks(1, queries, keys)) or AttentionMask.dense(1, queries, keys)
    plan = schedule(mask, 0, rows, columns, globals_)
    assert (cover(plan, queries, keys) == mask.keep[0]).all()
    firsts = [tile for tile in plan.tiles if tile.rows and tile.first]
    assert len(firsts) == sum(1 for tile in plan.tiles if tile.rows and tile.last)
    assert all(tile.rows <= rows for tile in plan.tiles) and len(plan.held.columns) <= globals_


@pytest.mark.parametrize(("tokens", "window"), [(64, 4), (64, 5), (61, 8), (64, 9), (5, 1)])
def test_tiles_of_a_window_are_those_of_the_published_model(tokens, window):
    """ceil(n / R) x ceil(w / C), but at the borders, where pieces of the window lie outside."""
    plan = schedule(mask_of(f"window:{window}", tokens), 0, 4, 4, 0)
    model = ceil(tokens, 4) * ceil(window, 4)
    assert model - 2 * ceil(window, 4) <= len(plan.tiles) <= model


def test_a_dilated_window_has_as_many_tiles_as_a_dense_one():
    plain, dilated = (schedule(mask_of(f"window:8,dilation={d}", 64), 0, 4, 4, 0) for d in (1, 4))
    assert {tile.step for tile in dilated.tiles} == {4}
    assert len(dilated.tiles) <= len(plain.tiles) + 4  # borders of four sequences


def test_a_global_row_takes_what_flows_by_and_tiles_of_its_own_for_the_rest():
    """Windows of 4 on groups of 4 rows show all keys but those before the first; of 1, every key too."""
    plan = schedule(mask_of("window:4,globals=1", 33), 0, 4, 4, 1)
    assert sum(int(tile.across.sum()) for tile in plan.tiles) == 33
    wide = schedule(mask_of("window:4,globals=1", 33), 0, 16, 4, 1)
    assert sum(tile.rows == 0 for tile in wide.tiles) == 7  # two groups of 16 rows show 7 of 33 keys
    assert sum(int(tile.across.sum()) for tile in wide.tiles) == 33


def test_only_holes_need_a_mask_of_their_own():
    assert all(tile.plain(64) for tile in schedule(mask_of("window:9", 64), 0, 4, 4, 0).tiles)
    holes = [tile.plain(64) for tile in schedule(mask_of("window:9,globals=1", 64), 0, 4, 4, 1).tiles]
    assert 0 < holes.count(False) <= 4  # where the window has the global token in it
    tile = next(t for t in schedule(mask_of("window:9,globals=1", 64), 0, 4, 4, 1).tiles if not t.plain(64))
    assert tile.mask_bytes(64) == ceil(4 * (tile.rows + 1), 8)


def test_keys_of_a_window_are_loaded_a_few_times_at_most():
    """Queries once; a key at most ceil((R + w - 1) / R) + 1 times, in SALO's order of work."""
    for window in (3, 4, 9, 17):
        plan = schedule(mask_of(f"window:{window}", 64), 0, 4, 4, 0)
        loaded = np.zeros(64, int)
        for one in stretches(plan):
            for span in one.fresh:
                loaded[span.keys] += 1
        assert loaded.min() >= 1 and loaded.max() <= ceil(4 + window - 1, 4) + 1


def test_what_windows_hold_of_a_mask_without_a_name():
    named = mask_of("window:5,dilation=2,globals=1", 40)
    bare = AttentionMask(named.keep, named.order, named.global_tokens)
    found = held(bare, 0, 1)
    assert (found.remainder, found.dilation, found.columns, found.rows) == (0, 2, (0,), (0,))
    assert set(found.diagonals) >= {-4, -2, 0, 2, 4}
    assert held(bare, 0, 0).remainder > 60  # what of the global token's row and column is on no diagonal
    grid = mask_of("window:3x3,grid=6x6", 36)
    assert held(grid, 0, 1).remainder == 0
    assert held(AttentionMask(grid.keep, grid.order, grid.global_tokens), 0, 1).remainder > 0  # cut at its borders
    keep = named.keep.copy()
    keep[0, 20, 10] = True
    keep[0, 30, 30] = False  # the main diagonal is no window any more
    more = held(AttentionMask(keep, named.order, named.global_tokens), 0, 1)
    assert more.remainder == 1 + 38 and more.scores == int(keep.sum())


def test_more_global_tokens_than_are_built_are_a_remainder():
    mask = mask_of("window:3,globals=4", 20)
    found = [held(mask, 0, built) for built in (4, 3, 0)]
    assert found[0].remainder == 0
    assert found[1].remainder < found[2].remainder and 0 < found[2].share < 1
