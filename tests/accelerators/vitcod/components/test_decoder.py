"""Decoder: cycles of a token, order of commands and single vectors, what is there when."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.decoder import Decoder
from accelsim.accelerators.vitcod.tables import PASSES
from tests.components.harness import exercise, table

K, Q, Q_STAYS = range(3)
PLAIN = {"heads": 3, "rows": 20, "row0": 4, "dim": 10, "encoded": 0}
CODED = {"heads": 3, "rows": 20, "row0": 4, "dim": 10, "encoded": 2}


def decoder(*passes, **sizes):
    memory = table(PASSES, passes or [PLAIN, CODED, CODED])
    sizes = {"lines": 2, "macs": 4, "port_bytes": 8} | sizes
    return lambda: Decoder("decoder", passes=memory, **sizes)


@pytest.mark.parametrize(
    ("number", "sizes", "cycles"),
    [
        (0, {}, 4),  # 30 bytes through a port of 8
        (0, {"port_bytes": 15}, 2),
        (0, {"port_bytes": 14}, 3),
        (1, {}, 8),  # 20 bytes x 3 heads through 8 multipliers
        (1, {"lines": 15}, 3),  # 60 multipliers would do it in 1, the port takes 3
        (1, {"lines": 15, "port_bytes": 20}, 1),
        (1, {"lines": 5, "port_bytes": 7}, 3),
        (1, {"lines": 5, "port_bytes": 6}, 4),
    ],
)
def test_a_token_takes_the_longer_of_port_and_multipliers(number, sizes, cycles):
    seen = exercise(decoder(**sizes), {"command": [(0, K, 6, 3, number)]})
    tokens = [(1 + n * cycles, number, K, 6 + n) for n in (1, 2, 3)]
    assert seen.pushes["denser"] == seen.pushes["sparser"] == tokens
    assert seen.pushes["done"] == [(1 + 3 * cycles, 1)]
    assert seen.status["busy"] == 3 * cycles
    encoded = number == 1
    assert seen.counts == {
        "mac_ops": 3 * 60 * encoded,
        "read_bytes": 3 * (20 if encoded else 30),
        "operand_bytes": 90,
        "vectors": 0,
    }


def test_q_that_stays_in_the_global_buffer_costs_a_notice_only():
    seen = exercise(decoder(), {"command": [(0, Q_STAYS, 4, 20, 1), (0, Q_STAYS, 24, 9, 1), (0, K, 0, 1, 0)]})
    assert seen.cycles("done") == [1, 2, 6]
    assert seen.counts["operand_bytes"] == 30


def test_a_single_vector_goes_before_the_next_token():
    # the command's tokens take 4 cycles each, from 1 on; a vector of 10 bytes, asked for in 3, is fetched from 5 to 7
    feed = {"command": [(0, Q, 4, 3, 0)], "miss": [(2, 0, 1, 0, 7)]}
    seen = exercise(decoder(), feed)
    assert seen.cycles("denser") == [5, 11, 15]
    assert seen.pushes["vector"] == [(7, 7)]
    assert seen.counts["vectors"] == 1 and seen.counts["read_bytes"] == 3 * 30 + 10
    # compressed: 2 heads of 10 bytes give one, 3 cycles
    feed = {"command": [(0, Q_STAYS, 4, 3, 1)], "miss": [(2, 1, 1, 0, 7)]}
    seen = exercise(decoder(), feed)
    assert seen.pushes["vector"] == [(3 + 3, 7)]
    assert seen.counts["mac_ops"] == 20


@pytest.mark.parametrize(("banks", "bank_bytes", "cycles"), [(4, 64, 4), (1, 4, 9), (2, 4, 5), (4, 2, 4)])
def test_a_token_is_not_faster_than_the_operand_buffers_banks(banks, bank_bytes, cycles):
    """Three heads of 10 bytes, in words of a bank."""
    seen = exercise(decoder(banks=banks, bank_bytes=bank_bytes), {"command": [(0, K, 0, 2, 0)]})
    assert seen.cycles("denser") == [1 + cycles, 1 + 2 * cycles]


@pytest.mark.parametrize(("banks", "port_bytes", "cycles", "rate"), [(1, 10, 6, 5), (2, 10, 4, 8), (2, 2, 10, 3)])
def test_a_token_is_not_faster_than_the_activation_buffer_s_banks(banks, port_bytes, cycles, rate):
    """30 bytes; every other cycle a word of one bank is not the reader's. It says what it takes, on average."""
    seen = exercise(decoder(act_banks=banks, act_port_bytes=port_bytes), {"command": [(0, K, 0, 2, 0)]})
    assert seen.cycles("denser") == [1 + cycles, 1 + 2 * cycles]
    assert seen.pushes["reading"] == [(1, rate), (1 + 2 * cycles, -rate)]


def test_a_single_vector_that_comes_with_the_ask_waits_for_no_token():
    feed = {"miss": [(2, 0, 1, 0, 7), (2, 1, 19, 0, 8)]}
    assert exercise(decoder(), feed, cycles=50).pushes["vector"] == []
    seen = exercise(decoder(q_from="dram"), feed)
    assert seen.pushes["vector"] == [(5, 7), (8, 8)]
    assert seen.counts["vectors"] == 2 and seen.counts["read_bytes"] == 0 and seen.pushes["reading"] == []


@pytest.mark.parametrize(("row", "there"), [(2, True), (3, False)])
def test_a_single_vector_waits_until_its_token_has_arrived(row, there):
    # Q tokens 4 to 6 (rows 0 to 2) are announced in 0, the rest in 100
    feed = {"command": [(0, Q_STAYS, 4, 3, 0), (100, Q_STAYS, 7, 17, 0)], "miss": [(2, 0, row, 0, 1)]}
    seen = exercise(decoder(), feed)
    assert seen.cycles("vector") == [5 if there else 103]
    assert seen.status["starved"] == (0 if there else 101 - 3)


def test_a_vector_of_a_pass_before_the_one_that_arrives_is_there():
    feed = {"command": [(0, Q_STAYS, 4, 1, 1)], "miss": [(2, 0, 19, 0, 1), (2, 1, 1, 0, 2)]}
    seen = exercise(decoder(), feed, cycles=50)
    assert [v[1] for v in seen.pushes["vector"]] == [1]


def test_a_token_leaves_when_both_engines_have_room():
    for port in ("denser", "sparser"):
        seen = exercise(decoder(), {"command": [(0, K, 0, 2, 0)]}, accept={port: (30, 0)}, depth={port: 1})
        assert seen.cycles("denser") == seen.cycles("sparser") == [5, 31]
        assert seen.status["blocked"] == 31 - 9
    seen = exercise(decoder(), {"command": [(0, K, 0, 1, 0)] * 2}, accept={"done": (30, 0)}, depth={"done": 1})
    assert seen.cycles("denser") == [5, 31]
    seen = exercise(decoder(), {"command": [(0, Q_STAYS, 0, 1, 0)] * 2}, accept={"done": (30, 0)}, depth={"done": 1})
    assert seen.cycles("done") == [1, 31]


def test_a_full_queue_takes_the_next_command_when_one_is_finished():
    # one place: a command is taken in the cycle after the one before it ended
    feed = {"command": [(0, K, 0, 2, 0), (0, K, 0, 1, 0), (0, Q_STAYS, 0, 5, 0)]}
    seen = exercise(decoder(queue=1), feed, depth={"command": 4})
    assert seen.cycles("done") == [9, 14, 15]
    exercise(decoder(queue=2), feed, depth={"command": 1})


@settings(max_examples=15, deadline=None)
@given(
    commands=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.integers(1, 5)), min_size=1, max_size=7),
    misses=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 19)), max_size=6).map(sorted),
    gap=st.integers(0, 15),
    queue=st.integers(1, 3),
)
def test_nothing_is_lost_under_back_pressure(commands, misses, gap, queue):
    feed = {
        "command": [(at, kind, 0, tokens, 0) for at, kind, tokens in sorted(commands)] + [(99, Q_STAYS, 0, 24, 0)],
        "miss": [(at, 0, row, 0, n) for n, (at, row) in enumerate(misses)],
    }
    seen = exercise(
        decoder(queue=queue),
        feed,
        accept={"denser": (0, gap), "vector": (0, 2 * gap)},
        depth={"sparser": 1, "vector": 1},
    )
    assert [v[1] for v in seen.pushes["vector"]] == list(range(len(misses)))
    assert len(seen.pushes["done"]) == len(feed["command"])
    tokens = sum(tokens for _, kind, tokens in commands if kind != Q_STAYS)
    assert [p[1:] for p in seen.pushes["denser"]] == [p[1:] for p in seen.pushes["sparser"]]
    assert len(seen.pushes["denser"]) == tokens and seen.counts["operand_bytes"] == 30 * tokens
