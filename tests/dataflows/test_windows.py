"""A convolution's windows: how many words they lie in, and where the transposing stage is told that they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.dataflows.steps import ArrayPorts, timed
from accelsim.dataflows.windows import Window, entry, lying, read_words, usual
from accelsim.workload import Gemm
from accelsim.workload.shaping import im2col


@st.composite
def windows(draw):
    kernel = draw(st.integers(2, 5))
    return Window(kernel, draw(st.integers(1, 40)), draw(st.integers(1, kernel - 1)), draw(st.integers(1, 6)))


def places(window, tokens):
    """The place in its pictures of each element of each window, int64[tokens, depth], as im2col finds it; elements of
    padding have none, -1."""
    size = window.side**2 * window.channels
    found = []
    for n in range(-(-tokens // window.out**2)):
        digits = [1 + n * size + np.arange(size) >> shift & 255 for shift in (0, 8, 16, 24)]
        pixels = [digit.astype(np.uint8).view(np.int8).reshape(1, -1, window.channels) for digit in digits]
        cut = [im2col(some, window.out**2, window.depth, 1)[0].view(np.uint8).astype(np.int64) for some in pixels]
        found.append(sum(digit << shift for digit, shift in zip(cut, (0, 8, 16, 24))) - 1)
    return np.concatenate(found)[:tokens]


@given(window=windows(), port=st.integers(1, 70), data=st.data())
@settings(deadline=None, max_examples=60)
def test_the_words_that_are_read_are_those_in_which_a_window_lies(window, port, data):
    tokens, depth = 2 * window.out**2, data.draw(st.integers(1, window.depth))
    first, chunk = data.draw(st.integers(0, window.depth - depth)), data.draw(st.integers(1, port))
    place = places(window, tokens)
    elements = first + np.arange(depth)
    at = window.at(np.arange(tokens))[:, None] + elements // window.run * window.line + elements % window.run
    pixels = place[:, elements]
    assert (at[pixels >= 0] == pixels[pixels >= 0]).all()  # padding is taken to go on as the picture does
    before = read_words(window, first, depth, chunk, port, tokens)
    for token in (0, tokens // 2, tokens - 1):
        read = {(n // chunk, e // window.run, byte // port) for n, (e, byte) in enumerate(zip(elements, at[token]))}
        slots = [sum(slot == n for slot, _, _ in read) for n in range(len(before))]
        assert (before[:, token + 1] - before[:, token]).tolist() == slots


@given(window=windows(), port=st.integers(1, 70), data=st.data())
@settings(deadline=None, max_examples=60)
def test_the_stage_comes_from_window_to_window_as_it_is_told(window, port, data):
    tokens = 2 * window.out**2
    row, element = data.draw(st.integers(0, tokens - 1)), data.draw(st.integers(0, window.depth - 1))
    banks = data.draw(st.integers(1, 6))
    told = entry(window, port, banks, 1, row, element)
    names = ("at", "token", "line", "far", "wrap", "pitch", "below")
    assert all(0 <= told[f"{name}_bytes"] < port for name in names)
    at, token, line, far, wrap, pitch, below = (told[f"{n}_words"] * port + told[f"{n}_bytes"] for n in names)
    x, y, seen = told["x"], told["y"], []
    place = places(window, tokens)
    for n in range(row, tokens):
        if n - row >= banks:  # the same, as many on as there are banks
            (there, across, down), ends = seen[n - row - banks], seen[n - row - banks][1] >= told["x_wrap"]
            across += told["x_far"] - ends * told["width"]
            down += told["y_wrap"] if ends else told["y_far"]
            down -= told["height"] * (down >= told["y_end"])
            assert (there + (wrap if ends else far), across, down) == (at, x, y)
        seen.append((at, x, y))
        run, byte, here, down = told["begin_run"], told["begin_byte"], at, at + below
        for one in range(element, window.depth):
            inside = 0 <= x + byte < told["width"] and 0 <= y + run < told["height"]
            assert place[n, one] == (here if inside else -1)
            here, byte = here + 1, byte + 1
            if byte == told["run"]:
                here, down, byte, run = down, down + pitch, 0, run + 1
        if x < told["x_last"]:
            at, x = at + token, x + told["x_step"]
        else:
            at, x, y = at + line, x + told["x_step"] - told["width"], y + told["y_step"]
            y -= told["height"] * (y >= told["y_end"])


@given(window=windows(), port=st.integers(1, 64), data=st.data())
@settings(deadline=None, max_examples=60)
def test_where_a_picture_s_sides_are_not_known_every_run_is_in_its_worst_place(window, port, data):
    depth, step = data.draw(st.integers(1, window.depth)), data.draw(st.integers(1, 9))
    first, tokens = data.draw(st.integers(0, window.depth - depth)), window.out**2
    unknown = window._replace(out=0)
    where = {"row": 0, "tokens": tokens, "step_tokens": step, "element": first, "depth": depth}
    worst, most = lying(unknown, port, 2, **where), 0
    assert worst.chunk == port
    for _, _, byte, size in unknown.pieces(first, depth, port):
        begins = np.arange(window.channels * port) // window.channels * window.channels + byte
        most += ((begins % port + size - 1) // port + 1).max()
    assert sum(worst.words) == min(step, tokens) * most
    assert np.diff(read_words(window, first, depth, port, port, tokens)).sum(axis=0).max() <= most


@given(
    window=windows(), port=st.sampled_from([4, 8, 12, 16, 32, 64]), banks=st.integers(1, 4),
    times=st.sampled_from([2, 16]), more=st.sampled_from(["act_port_bytes", "act_banks"]), data=st.data(),
)  # fmt: skip
@settings(deadline=None, max_examples=80)
def test_more_of_the_buffer_s_ports_is_never_slower(window, port, banks, times, more, data):
    depth, step = data.draw(st.integers(1, window.depth)), data.draw(st.sampled_from([1, 2, 4, 8, 64]))
    cut = {"tokens": window.out**2, "features": 8, "depth": depth, "step_tokens": step, "step_features": 8}
    cut |= {"constants": 8, "added": 0, "window": window, "element": data.draw(st.integers(0, window.depth - depth))}
    few = {"act_banks": banks, "act_port_bytes": port}
    before, after = (
        timed(ArrayPorts(64, 64, **ports, psum_cycle_bytes=1 << 20), adds=False, **cut)
        for ports in (few, few | {more: times * few[more]})
    )
    assert all(after[kind] <= before[kind] for kind in ("right_cycles", "corner_cycles"))


def test_the_first_convolution_of_levit():
    layer = Gemm("conv", "stem", "conv", 12544, 27, 16, input_elements=224 * 224 * 3)
    window = Window.of(layer)
    assert window == Window(3, 3, 2, 112) and window.side == 224 and window.line == 672
    found = lying(window, 64, 4, row=0, tokens=12544, step_tokens=64, element=0, depth=27)
    # 64 windows are 6 bytes apart: of 32, in three words, the runs of 9 bytes go over a word's end 4 times
    assert found.words == (3 * (64 + 8),)
    assert usual(window, 64, 4, 12544, 64, 27).words == found.words
    said = timed(
        ArrayPorts(4, 64, 4, 64, 256), tokens=12544, features=16, depth=27, step_tokens=64, step_features=8,
        constants=8, added=0, adds=False, window=window,
    )  # fmt: skip
    assert said["inner_cycles"] == said["lead"] - 3 == -(-2 * found.words[0] // 7)


def test_a_word_of_the_stage_takes_whole_runs_where_that_is_quicker():
    # 16 channels: runs of 48 bytes, which lie in one word or two. Words of the stage of 64 elements would hold parts of
    # two runs, of which more words are read
    window = Window(3, 16, 2, 56)
    assert lying(window, 64, 4, row=0, tokens=3136, step_tokens=64, element=0, depth=144).chunk == 48
    assert window.chunks(64, 144) == [64, 32, 16, 48, 24]


@pytest.mark.parametrize(
    ("layer", "window"),
    [
        (Gemm("c", "b", "conv", 64, 9 * 16, 8, input_elements=64 * 16), Window(3, 16, 1, 8)),
        (Gemm("c", "b", "conv", 64, 9, 1, repeat=16, input_elements=256 * 16), Window(3, 1, 2, 8)),  # depthwise
        (Gemm("c", "b", "conv", 32, 9 * 16, 8, input_elements=32 * 16), Window(3, 16, 1, 0)),  # not square
        (Gemm("c", "b", "embed", 196, 768, 8, input_elements=224 * 224 * 3), None),
    ],
)
def test_a_layer_s_window(layer, window):
    assert Window.of(layer) == window
