"""MAC array: output-stationary steps, partial sums, what a tile frees."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.mac_array import MacArray
from accelsim.accelerators.vitcod.tables import FREES
from accelsim.core import Param
from accelsim.dataflows.steps import ArrayPorts, filling, timed
from tests.components.harness import exercise, table


def array(*frees, **sizes):
    memory = table(FREES, frees or [(0, 0, 0, 0)] * 20)
    return lambda: MacArray("engine", frees=memory, **sizes)


PARAMETERS = {n: p.default for n, p in MacArray.declared(Param).items()}


def tile(
    at, tokens, features, depth, last=1, heads=0, encoded=0, passes=1, step=(2, 3), token=0, met=0, added=0, each=8,
    adds=False, **sizes,
):  # fmt: skip
    cut = {"tokens": tokens, "features": features, "depth": depth, "step_tokens": step[0], "step_features": step[1]}
    cut |= {"constants": last * each, "added": added}
    said = dict(timed(ArrayPorts.of(PARAMETERS | sizes), **cut, adds=adds))
    said |= cut | {"heads": heads, "encoded": encoded, "passes": passes, "token": token, "met": met}
    said["meets"] = step[1] % heads if heads else 0
    return (at, *(said[name] for name in MacArray.fields["command"].payload))


def read(words, banks):
    """Cycles of so many words of a buffer whose every other word of one bank is not the readers'."""
    return -(-2 * words // (2 * banks - 1))


def length(rows, columns, depth, *, sums=0, added=0, constants=0, banks=(4, 4), widths=(64, 64), psum=256, apart=0):
    """Cycles of a step; sums: how often partial sums cross the port of their memory."""
    weights = -(-columns * depth // widths[0]) + -(-columns * constants // widths[0])
    acts = rows * (-(-depth // widths[1]) + -(-columns * added // widths[1]))
    ports = read(weights, banks[0]), read(acts, banks[1]), -(-4 * rows * columns * sums // psum)
    # in the stage a word of each token is handed out while the next is read, behind the last one what is added, too
    rate = Fraction(2 * banks[1] - 1, 2)
    words = [min(widths[1], depth - at) for at in range(0, depth, widths[1])]
    one = max(rows / rate, -(-rows // banks[1]))  # places are found of as many rows a cycle as there are banks
    beside = one * -(-columns * added // widths[1])
    stage = [max(n, one) for n in words[:-1]] + [max(words[-1], one + beside)]
    return max(depth, math.ceil(sum(stage)), *ports) + apart


def test_a_step_takes_the_depth_and_tiles_follow_without_a_gap():
    # 5 x 7 outputs in steps of 2 x 3: 3 x 3 steps of 10 cycles, columns first; the second tile is one step of 4. The
    # first word of two tokens is four cycles on its way, three until its place is found
    seen = exercise(
        array((11, 12, 13, 14), (21, 22, 23, 24)), {"command": [tile(9, 5, 7, 10), tile(9, 1, 2, 4, 1, 3, 2, 2)]}
    )
    sizes = [(rows, columns) for rows in (2, 2, 1) for columns in (3, 3, 1)]
    assert seen.pushes["out"] == [
        *((14 + 10 * (n + 1), *size, 0, 0, 1, n // 3 * 2, 0) for n, size in enumerate(sizes)),
        (14 + 90 + 4, 1, 2, 3, 2, 2, 0, 0),
    ]
    assert seen.pushes["done"] == [(104, 1), (108, 1)]
    assert seen.pushes["release_weight"] == [(104, 11, 12), (108, 21, 22)]
    assert seen.pushes["release_act"] == [(104, 13, 14), (108, 23, 24)]
    # words of 64 bytes: of weights, of constants, and two of activations a step of 10; then two and one in 4; then none
    assert seen.pushes["read_weight"] == [(10, 13), (104, 32 - 13), (108, -32)]
    assert seen.pushes["read_act"] == [(10, 13), (104, 16 - 13), (108, -16)]
    assert seen.counts == {
        "mac_ops": 350 + 8,
        "accumulator_bytes": 4 * 358,
        "stage_bytes": 3 * 5 * 10 + 1 * 4,
        "psum_read_bytes": 0,
        "psum_write_bytes": 0,
    }
    assert seen.status["busy"] == 98


def test_a_step_says_which_tokens_it_is_of_and_how_far_into_a_feature_it_begins():
    # 3 tokens from the 40th on, 5 columns from the second of 3 heads on, in steps of 2 x 3
    seen = exercise(array(), {"command": [tile(0, 3, 5, 1, heads=3, encoded=2, token=40, met=1)]})
    steps = [(out[1], out[2], *out[6:]) for out in seen.pushes["out"]]
    assert steps == [(2, 3, 40, 1), (2, 2, 40, 1), (1, 3, 42, 1), (1, 2, 42, 1)]
    seen = exercise(array(), {"command": [tile(0, 1, 5, 1, heads=4, encoded=2, step=(1, 3), met=3)]})
    assert [out[7] for out in seen.pushes["out"]] == [3, (3 + 3) % 4]


def test_a_cut_accumulation_keeps_its_outputs_and_moves_partial_sums():
    # three parts of one tile of 4 x 3 outputs: two steps each; outputs leave with the last part only
    parts = [tile(0, 4, 3, 10, 0), tile(0, 4, 3, 10, 0), tile(0, 4, 3, 5, 1), tile(0, 4, 3, 5, 1)]
    seen = exercise(array(), {"command": parts})
    assert seen.cycles("done") == [25, 45, 55, 65]
    assert seen.cycles("out") == [50, 55, 60, 65]
    assert seen.counts["psum_write_bytes"] == seen.counts["psum_read_bytes"] == 2 * 4 * 12


def test_ragged_columns_of_a_cut_accumulation_take_a_step_of_their_own():
    # 3 x 4 outputs in steps of 2 x 3: two by two steps of each part, behind the first word of two tokens
    seen = exercise(array(), {"command": [tile(0, 3, 4, 10, 0), tile(0, 3, 4, 5, 1)]})
    assert seen.cycles("done") == [5 + 4 * 10, 5 + 4 * 10 + 4 * 5]


def test_a_step_waits_for_room_and_the_next_begins_when_it_has_left():
    # the sink takes from 100 on: the step of 15 is there, that of 25 leaves in 101, the third 10 cycles later
    seen = exercise(array(), {"command": [tile(0, 6, 3, 10)]}, accept={"out": (100, 0)}, depth={"out": 1})
    assert seen.cycles("out") == [15, 101, 111]
    assert seen.status["blocked"] == 76


def test_a_tile_ends_only_when_all_its_notices_have_room():
    feed = {"command": [tile(0, 2, 3, 10), tile(0, 2, 3, 10)]}
    for port in ("done", "release_weight", "release_act"):
        seen = exercise(array(), feed, accept={port: (50, 0)}, depth={port: 1})
        assert seen.cycles("out") == [15, 51]


@settings(max_examples=12, deadline=None)
@given(
    shapes=st.lists(st.tuples(*[st.integers(1, 9)] * 3, *[st.integers(1, 5)] * 2), min_size=1, max_size=5),
    gap=st.integers(0, 9),
    depth=st.integers(1, 2),
)
def test_nothing_is_lost_under_back_pressure(shapes, gap, depth):
    feed = [tile(0, t, f, d, step=(a, b)) for t, f, d, a, b in shapes]
    seen = exercise(array(), {"command": feed}, accept={"out": (0, gap)}, depth={"out": depth})
    steps = [-(-t // a) * -(-f // b) for t, f, _, a, b in shapes]
    assert sum(out[1] * out[2] for out in seen.pushes["out"]) == sum(t * f for t, f, *_ in shapes)
    assert len(seen.pushes["out"]) == sum(steps) and len(seen.pushes["done"]) == len(shapes)
    assert seen.counts["mac_ops"] == sum(t * f * d for t, f, d, *_ in shapes)
    assert sum(more for _, more in seen.pushes["read_weight"]) == 0  # it has said that it takes nothing any more
    assert sum(more for _, more in seen.pushes["read_act"]) == 0


SIZES = st.fixed_dictionaries(
    {
        "weight_banks": st.integers(1, 3),
        "act_banks": st.integers(1, 3),
        "weight_port_bytes": st.sampled_from([1, 4, 64]),
        "act_port_bytes": st.sampled_from([1, 4, 64]),
        "psum_banks": st.integers(1, 2),
        "psum_port_bytes": st.sampled_from([1, 8, 64]),
        "step_cycles": st.integers(0, 3),
    }
)

PORTS = [n for n in MacArray.declared(Param) if n.endswith(("banks", "port_bytes"))]


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 2, st.integers(1, 40), *[st.integers(1, 5)] * 2),
    parts=st.integers(1, 3),
    added=st.integers(0, 1),
    each=st.sampled_from([4, 8]),
    sizes=SIZES,
)
def test_a_step_is_as_long_as_the_busiest_port_needs(shape, parts, added, each, sizes):
    tokens, features, depth, *step = shape
    feed = [
        tile(0, tokens, features, depth, n + 1 == parts, step=step, added=added, each=each, adds=n > 0, **sizes)
        for n in range(parts)
    ]
    seen = exercise(array(**sizes), {"command": feed}, depth={"read_weight": 2, "read_act": 2})
    banks = sizes["weight_banks"], sizes["act_banks"]
    widths = sizes["weight_port_bytes"], sizes["act_port_bytes"]
    psum = sizes["psum_banks"] * sizes["psum_port_bytes"]
    cuts = [
        (min(step[0], tokens - row), min(step[1], features - column))
        for row in range(0, tokens, step[0])
        for column in range(0, features, step[1])
    ]
    spent = sum(
        length(*cut, depth, sums=(n > 0) + (n + 1 < parts), added=added, constants=each * (n + 1 == parts), banks=banks,
               widths=widths, psum=psum, apart=sizes["step_cycles"])
        for n in range(parts)
        for cut in cuts
    )  # fmt: skip
    assert seen.cycles("done")[-1] == 1 + filling(banks[1]) + read(min(step[0], tokens), banks[1]) + spent
    # what it says it takes is enough for every full step, and never what is kept for what arrives
    for port, of, width in (("read_weight", 0, widths[0]), ("read_act", 1, widths[1])):
        taken = 0
        for _, more in seen.pushes[port]:
            taken += more
            assert 0 <= taken <= -(-(2 * banks[of] - 1) * width // 2)


@pytest.mark.parametrize("size", PORTS)
@pytest.mark.parametrize("times", [2, 16])
def test_more_ports_are_never_slower(size, times):
    wide = dict.fromkeys(PORTS, 64)
    narrow = wide | {n: 1 for n in PORTS if n.split("_")[0] == size.split("_")[0]}  # only this memory binds

    def cycles(**sizes):
        parts = [tile(0, 9, 7, 20, n == 2, step=(4, 3), added=1, adds=n > 0, **sizes) for n in range(3)]
        # but for a lane's first token, which takes as long as there are lanes
        return exercise(array(**sizes), {"command": parts}).cycles("done")[-1] - filling(sizes["act_banks"])

    assert cycles(**(narrow | {size: times})) < cycles(**narrow)
    # and where none binds, nothing changes; of very many banks it takes long until all have a token
    assert size == "act_banks" or cycles(**(wide | {size: 64 * times})) == cycles(**wide)


def test_the_first_words_are_on_their_way_behind_the_tile_before():
    # a step of 8 tokens reads 8 words first: 3 cycles of 3.5 words, three cycles later. The second tile waits behind
    # the first; the third comes a cycle before the second ends, and finds the place of its first word there
    feed = [tile(0, 8, 3, 10, step=(8, 3)), tile(0, 8, 3, 10, step=(8, 3)), tile(25, 8, 3, 10, step=(8, 3))]
    assert exercise(array(), {"command": feed}).cycles("done") == [17, 27, 26 + 6 + 10]


def test_an_array_that_cannot_say_what_it_reads_waits():
    feed = {"command": [tile(0, 2, 3, 10), tile(0, 2, 3, 5)]}
    seen = exercise(array(), feed, accept={"read_act": (50, 0)}, depth={"read_act": 1})
    # the second tile reads at another rate, which can be said from 51 on
    assert seen.cycles("done") == [15, 56] and seen.status["blocked"] == 51 - 15
