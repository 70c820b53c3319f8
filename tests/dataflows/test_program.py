"""The program in chunks: how large they are, and when they are asked for."""

import pytest

from accelsim.dataflows.program import MOST_CHUNK, Names, Program


def made(capacity: int) -> Program:
    """A program of 1,000 instructions of 32 bytes in a memory of so many bytes."""
    units = {"memory": ("bytes", "fences"), "unit": ("x",)}
    p = Program(Names(units, ("memory",), ("memory",), (), {}, memory="memory", capacity=capacity))
    for n in range(1000):
        p.issue("unit", x=n)
    return p


def chunks(capacity: int) -> list[tuple[int, int]]:
    """(bytes, fence) of every chunk of it."""
    loads = made(capacity).finish()["memory"]
    return list(zip(loads.bytes.tolist(), loads.fence.tolist()))


@pytest.mark.parametrize("capacity", [256, 1000, 4096])
def test_a_small_memory_has_two_chunks_and_room_alone_holds_them_back(capacity):
    found = chunks(capacity)
    assert all(size == capacity // 2 // 32 * 32 and not fence for size, fence in found[:-1])


@pytest.mark.parametrize("capacity", [4128, 1 << 16])
def test_a_large_memory_has_chunks_of_the_same_size_and_two_more_of_them_for_each_that_is_given_back(capacity):
    found = chunks(capacity)
    assert [size for size, _ in found[:-1]] == [MOST_CHUNK] * (len(found) - 1)
    assert [fence for _, fence in found] == [n // 2 for n in range(len(found))]


def test_each_chunk_that_is_given_back_lifts_a_fence():
    tables = made(1 << 16).finish()
    back = [i for i in tables["program"] if i.unit == 0][1:]  # the first waits for the first chunk
    said = [tables["operands"][i.first : i.first + 2].tolist() for i in back]
    assert [size for size, _ in said] == tables["memory"].bytes.tolist()
    assert {fences for _, fences in said[:-1]} == {1}
