"""The merge unit on the wires: rows in order, after their passes and their reciprocals."""

from tests.accelerators.sanger.machines import attention, full, logged, sized


def test_rows_leave_after_their_last_pass_and_their_reciprocal():
    keep = full(1, 8, 8)
    base = ("merge.divide_cycles=7", "merge.lanes=4")
    for interval in (1, 3):
        log = logged(sized(8, *base, f"merge.divide_interval={interval}"), attention(keep))
        added, left = log["array.passed"]["at"], log["merge.row"]["at"]
        assert len(left) == 8 and set(log["merge.row"]["bytes"]) == {8}
        # a full row has 4 sub-rows, which follow each other: two rows are complete with every pass
        known = [added[n // 2] + 1 + (n % 2) * interval + 7 for n in range(8)]
        at, wanted = 0, []
        for when in known:
            at = max(at, when) + 8 // 4
            wanted.append(at)
        assert left.tolist() == wanted
