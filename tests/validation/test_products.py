"""What a judge takes of a systolic array's commands: the least cycles of each."""

import pytest

from accelsim.validation.products.commands import Pes


@pytest.mark.parametrize(
    ("dataflow", "given", "cycles"),
    [
        # 4 x 2 of 4 x 3 PEs, 10 long; edges of 6 and 4 bytes a cycle leave 2 and (os) 2 of each cycle, 20 of the stream
        ("os", {"added": 2}, 10), ("os", {"added": 3}, 11), ("os", {"constants": 10}, 10),
        ("os", {"constants": 11}, 11),
        ("ws", {"added": 1}, 10), ("ws", {"added": 2}, 14), ("ws", {"constants": 20}, 10),
        ("ws", {"constants": 21}, 11),
        ("is", {"constants": 2}, 10), ("is", {"constants": 3}, 12), ("is", {"added": 2}, 10), ("is", {"added": 4}, 20),
    ],
)  # fmt: skip
def test_a_stream_is_as_long_as_its_ports_need_for_what_outputs_leave_with(dataflow, given, cycles):
    pes = Pes(4, 3, dataflow, None, True, False, 1, False)
    said = {"rows": 4, "columns": 2, "stream": 10, "first": 1, "added": 0, "constants": 0} | given
    assert pes.least_cycles(said, (6, 4)) == cycles
    twice = pes.least_cycles(said | {"rows": 8}, (6, 4))  # two folds: outputs leave with each (os), or with the second
    assert twice == (2 * cycles if dataflow == "os" else 10 + cycles)


@pytest.mark.parametrize(
    ("dataflow", "words", "cycles", "alone"), [("os", (4, 1), 12, 21), ("os", (1, 8), 16, 25), ("ws", (1, 8), 10, 24)]
)
def test_words_of_a_transposing_stage_are_read_whole(dataflow, words, cycles, alone):
    """4 rows x 10 elements through 4 bytes, and 4 columns; what is held is loaded as whole words of its columns."""
    pes = Pes(4, 4, dataflow, None, True, False, 1, False)
    said = {"rows": 4, "columns": 4, "stream": 10, "first": 1, "added": 0, "constants": 0}
    assert pes.least_cycles(said, (4, 4), words) == cycles
    assert Pes(4, 4, dataflow, None, False, False, 1, False).least_cycles(said, (4, 4), words) == alone
