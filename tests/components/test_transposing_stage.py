"""The transposing stage before a systolic array, word by word: a lane's first word is there when its wave is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.dataflows.products.folds import Array, Fold


def late(lanes: int, word: int, banks: int, folds: list[tuple[int, int]], beat: int, skew: int = 1) -> int:
    """By how many cycles the latest word comes too late; negative: none does.

    `folds`: (elements of each lane, cycles), one after the other; a fold's beats are its last cycles, lane n takes its
    elements n x `skew` cycles after the first. A lane has two words: one is filled while the other is handed out. Each
    cycle the ports bring `banks` words, those that are needed first; they begin in the cycle in which the stream does.
    """
    needed = [[] for _ in range(lanes)]  # (cycle of its first element, of its last), word by word
    start = 0
    for elements, cycles in folds:
        first = start + cycles - elements * beat
        for n, words in enumerate(needed):
            at = [(first + n * skew + e * beat) for e in range(elements)]
            words += [(at[e], at[min(e + word, elements) - 1]) for e in range(0, elements, word)]
        start += cycles
    come, now, worst = [0] * lanes, 0, -start
    while any(n < len(words) for n, words in zip(come, needed)):
        free = [
            (words[n][0], lane)
            for lane, (n, words) in enumerate(zip(come, needed))
            if n < len(words) and (n < 2 or words[n - 2][1] <= now)
        ]
        for due, lane in sorted(free)[:banks]:
            worst, come[lane] = max(worst, now - due), come[lane] + 1
        now += 1
    return worst


SIZES = st.tuples(st.integers(1, 10), st.integers(1, 6), st.integers(1, 4))
LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=6)


@given(SIZES, LENGTHS)
def test_no_word_of_a_stream_comes_late(sizes, lengths):
    """Of whatever lengths follow each other: rows of `os` at the left, and as many columns at the top."""
    lanes, word, banks = sizes
    left = Array(lanes, 1, "os", left_bytes=word * banks, left_word=word)
    top = Array(1, lanes, "os", top_bytes=word * banks, top_word=word)
    for array, shape in ((left, (lanes, 1)), (top, (1, lanes))):
        folds = [(length, array.streaming(Fold(*shape, length))) for length in lengths]
        assert late(lanes, word, banks, folds, array.beat(*shape)) <= 0


@given(SIZES, LENGTHS)
def test_no_word_of_a_stationary_operand_comes_late(sizes, lengths):
    """Its rows come one after the other, each column a cycle behind the one before, as words of the stage."""
    columns, word, banks = sizes
    array = Array(max(lengths), columns, "is", top_bytes=word * banks, top_word=word)
    loads = [(rows, array.load(rows, columns)) for rows in lengths]
    assert late(columns, word, banks, loads, -(-columns // (word * banks))) <= 0


def test_without_skew_the_first_words_take_cycles():
    assert late(32, 16, 4, [(192, 192)] * 3, 1) <= 0
    assert late(32, 16, 4, [(192, 192)] * 3, 1, skew=0) == 32 // 4 - 1


@pytest.mark.parametrize("length", [17, 33, 63])
def test_bytes_alone_would_be_too_few(length):
    """A port as wide as the array is high has no byte to spare for what is left of a lane's last word."""
    array = Array(64, 16, "os", left_bytes=64, left_word=16)
    cycles = array.streaming(Fold(64, 16, length))
    assert cycles == -(-length // 16) * 16
    assert late(64, 16, 4, [(length, cycles)] * 40, 1) <= 0 < late(64, 16, 4, [(length, length)] * 40, 1)


def test_a_longer_word_is_never_faster():
    for word, longer in pairwise((1, 2, 4, 8, 16)):
        short, long = (Array(8, 8, "is", left_bytes=8, top_bytes=8, left_word=w, top_word=w) for w in (word, longer))
        for size in range(1, 20):
            fold = Fold(min(size, 8), 8, size)
            assert short.streaming(fold) <= long.streaming(fold)
            assert short.load(fold.rows, 8) <= long.load(fold.rows, 8)
