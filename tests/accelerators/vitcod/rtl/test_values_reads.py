"""Where layers find what other layers have written: loads of bytes in any order, pixels of a tile's windows, and that a
program loads each byte as often as the compiler's."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl import values_reads
from accelsim.accelerators.vitcod.rtl.stage import pixels
from accelsim.accelerators.vitcod.rtl.values_chain import CHAINED, whole_chain
from accelsim.accelerators.vitcod.rtl.values_places import Block, Load, Loads
from accelsim.accelerators.vitcod.rtl.values_pyramid import any_cuts, draw_pyramid
from accelsim.accelerators.vitcod.rtl.values_reads import last_bytes, loads_of, needed
from accelsim.accelerators.vitcod.rtl.values_work import bytes_of
from accelsim.accelerators.vitcod.rtl.vitcod_values import whole
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.dataflows.windows import Window
from accelsim.isa.tables import DESCRIPTOR
from accelsim.workload import Gemm, Workload, load
from accelsim.workload.shaping import im2col


@pytest.fixture(autouse=True)
def tools() -> None:
    """Nothing is run here."""


def small():
    return load_arch("vitcod", schema, ("engine.lines=8", "engine.macs=4"))


def loaded(parts) -> np.ndarray:
    table = np.array([(*one, 0) for one in parts], DESCRIPTOR)
    return np.concatenate([bytes_of(one) for one in table])


@pytest.mark.parametrize("seed", range(20))
def test_loads_bring_bytes_in_their_order(seed):
    rng = np.random.default_rng(seed)
    runs = rng.integers(1, 5, int(rng.integers(1, 30)))
    starts = rng.permutation(100)[: len(runs)] * int(rng.choice([1, 5, 64]))
    at = np.concatenate([start + np.arange(run) for start, run in zip(starts, runs)])
    assert np.array_equal(loaded(loads_of(at)), at)


def test_loads_are_few():
    grid = np.arange(14 * 14 * 128).reshape(14, 14, 128)
    assert [*loads_of(1000 + grid.ravel())] == [(1000, grid.size, 1, grid.size)]
    rows = [*loads_of(grid[::2, ::2].ravel())]
    assert rows == [(n * 14 * 128, 128, 7, 256) for n in range(0, 14, 2)]
    two = [*loads_of(np.concatenate([4096 + np.arange(100), 300 + np.arange(100)]))]
    assert two == [(4096, 100, 1, 100), (300, 100, 1, 100)], "not backwards"


WINDOWS = [Window(3, 3, 2, 4), Window(3, 16, 1, 5), Window(5, 2, 2, 3), Window(3, 1, 1, 1), Window(7, 2, 4, 3)]


@pytest.mark.parametrize("window", WINDOWS)
def test_a_tile_needs_the_pixels_of_its_windows(window):
    """Of a picture whose every byte is its own number, by im2col: from the first to the last."""
    size, tokens = window.side * window.line, window.out**2
    picture = 1 + np.arange(size).reshape(1, window.side**2, window.channels)
    windows = im2col(picture, tokens, window.depth, 1)[0]
    ends = last_bytes(window, tokens)
    assert ends.tolist() == np.maximum.accumulate(windows.max(axis=1)).tolist() and ends[-1] <= size
    rng = np.random.default_rng(1)
    for _ in range(60):
        row, element = int(rng.integers(tokens)), int(rng.integers(window.depth))
        count, depth = int(rng.integers(1, tokens - row + 1)), int(rng.integers(1, window.depth - element + 1))
        some = windows[row : row + count, element : element + depth]
        begin, end = needed(window, row, count, element, depth)
        inside = some[some > 0]
        assert (begin, end) == ((inside.min() - 1, inside.max()) if len(inside) else (0, 0))


def act_loads(program) -> np.ndarray:
    return loaded([tuple(one)[:4] for one in program.finish()["act_gb0"].tolist()])


@pytest.mark.parametrize("seed", range(8))
def test_every_byte_is_loaded_as_often_as_the_compiler_has_it(seed):
    """Of pictures and of what is left out of a grid others, of the rest the same."""
    work = draw_pyramid(seed, 64)
    arch = small()
    arch = replace(arch, mapping=any_cuts(arch, work, np.random.default_rng(seed)))
    work = whole_chain(work)
    apart, chained = MACHINE.build(arch, work)[1], CHAINED.build(arch, work)[1]
    assert len(act_loads(chained)) == len(act_loads(apart))
    for layer in work.layers:
        if f"{layer.name}.input" not in chained.read.sources:
            continue
        source = chained.read.sources[f"{layer.name}.input"]
        # each product's picture is loaded whole, as often as it is loaded at all; of all else each byte
        asked = [one for one in chained.read.asked if 0 <= one.address - source.begin < source.lies.size]
        size = sum(one.bytes * one.segments for one in asked)
        assert asked and size % source.lies.size == 0, layer.name
        if source.tiles is not None:
            firsts = [one.address for one in asked if (one.address - source.begin) % source.whole == 0]
            assert size == len(firsts) * source.whole


def test_levit_loads_what_it_needs_where_it_is_written():
    """It loads as many bytes; every second row and column, and one output for two readers, where they are."""
    arch, work = load_arch("vitcod", schema), load(find("workloads", "levit_128_s90"))
    apart, chained = (machine.build(arch, whole_chain(work))[1] for machine in (MACHINE, CHAINED))
    tables = apart.finish()["act_gb0"], chained.finish()["act_gb0"]
    moved = [int((table["bytes"] * table["segments"]).sum()) for table in tables]
    assert moved[0] == moved[1] > 2_000_000
    grid = chained.read.sources["stage0.down.q.input"]
    assert grid.lies.shape == (1, 49 * 128) and int(grid.lies[0, 128] - grid.lies[0, 0]) == 256
    assert chained.places["head.input"] == chained.places["head_dist.input"] == chained.places["pool.output"]


def test_the_compiler_s_own_loads_do_not_bring_a_tile_its_windows(monkeypatch):
    """It loads a picture as far as a tile has rows, and with each part of a depth a share of that."""
    work = load(find("workloads", "levit_128_s90"))
    work = replace(work, layers=work.layers[:3], masks={})
    monkeypatch.setattr(values_reads, "tiles_of", lambda *_: None)
    with pytest.raises(InputError, match="pixels are multiplied that have not been loaded"):
        whole(load_arch("vitcod", schema), work)


def test_a_tile_that_loads_nothing_with_its_first_part_is_refused():
    conv = Gemm("conv", "stem", "conv", 16, 9, 4, input_elements=16)
    work = Workload("w", "test", (conv,))
    cut = {"order": "stream", "rows": 2, "features": 4, "depth_tiles": 3, "step_tokens": 4, "step_features": 8}
    arch = replace(small(), mapping={"conv": {"outputs": cut}})
    with pytest.raises(InputError, match="conv: a tile loads nothing with its first part"):
        CHAINED.build(arch, work)


def test_pictures_lie_side_by_side_and_are_in_use_as_far_as_windows_go():
    rows = [(1000, 40, 1, 40, 0), (1040, 24, 1, 24, 0), (2000, 16, 1, 16, 0)]
    loads = Loads("act_gb0", np.array(rows, DESCRIPTOR).view(np.recarray), [0, 5, 30])
    block = Block(1000, 8)
    for one in loads.every[:2]:
        one.read(one.size, one.size, 1, 20).beside = block
        block.loads.append(one)
    block.tiles += [(1000, 10), (1030, 20)]
    loads.every[2].read(4, 8, 8, 40)
    assert loads.place(64) == 64 and [one.place for one in loads.every] == [0, 40, 0]
    assert [*block.left()] == [(11, 30), (21, 34)]
    assert loads.held() == 64, "at 5; from 11 on 34, from 30 on the four rows of the last"
    loads.every[2].asked = 11
    assert loads.held() == 66


def test_a_load_that_is_several_goes_to_its_rows():
    loads = Loads("act_gb0", [(0, 24, 1, 24)], [3, 4, 5], [(8, 12, 4)])
    (one,) = loads.every
    assert isinstance(one, Load) and one.asked == 3 and [loads.whole(n) for n in range(4)] == [0, 0, 0, 1]
    one.read(4, 16, 8, 9)
    loads.place(1024)
    assert loads.rows().tolist() == [[0, 4, 16, 8, 6, 0], [32, 4, 16, 12, 6, 0], [80, 4, 16, 4, 6, 0]]
    one.row = 6
    with pytest.raises(InputError, match="a load of 0 begins within a row and ends in another"):
        loads.rows()


def test_windows_of_a_picture_are_cut_from_it():
    """`pixels` of im2col is the picture: what lies in DRAM is what was written."""
    x = np.random.default_rng(2).integers(-128, 128, (1, 64, 5)).astype(np.int8)
    windows = im2col(x, 16, 45, 1)[0]
    assert np.array_equal(pixels(Window(3, 5, 2, 4), windows), x.ravel())
