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


def test_loads_that_find_no_room_wait_for_the_fence_of_the_room_that_they_take():
    p = Program(Names({"buffer": ("bytes", "fences")}, ("buffer",), ("buffer",), (), {}))

    def fences(sizes: list[int]) -> list[int]:
        for size in sizes:
            p.load("buffer", 0, size)
        return [row[4] for row in p.descriptors["buffer"][-len(sizes) :].tolist()]

    p.hold_after("buffer", 100)
    assert fences([60, 40, 1]) == [0, 0, 1]
    p.hold_after("buffer", 50)
    p.hold_after("buffer", 60)
    assert fences([50, 5, 6, 100]) == [1, 2, 3, 3]
    p.hold_after("buffer", 50)
    p.hold("buffer")  # comes behind those that have not begun
    assert fences([10, 100]) == [5, 5]
