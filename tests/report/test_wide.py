"""A table that is too wide for its terminal is cut between columns, and every part says what its rows are."""

import io

from rich.console import Console

from accelsim.report.wide import Wide


def parts(table: Wide, width: int) -> list[list[str]]:
    """The lines of each part that is printed."""
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    return [part.strip("\n").splitlines() for part in text.split("\n\n") if part.strip()]


def made(words: bool) -> Wide:
    table = Wide("t", ("machine", "reading", *(f"column {n}" for n in range(6))), words=words)
    table.add_row("dense", "weight-stationary", *(f"{n}.00x [0.00, 9.00]" for n in range(6)))
    return table


def test_every_part_begins_with_the_words():
    folded = parts(made(True), 90)
    rows = [line for part in folded for line in part if line.lstrip().startswith("dense")]
    assert len(rows) > 1 and all("weight-stationary" in row for row in rows)
    found = [f"{n}.00x" for row in rows for n in range(6) if f"{n}.00x" in row]
    assert found == [f"{n}.00x" for n in range(6)], "every figure once"
    assert all(len(line) <= 90 for part in folded for line in part)


def test_one_leading_column_without_words():
    table = made(False)
    assert table.groups(90)[0][0] == 1 and made(True).groups(90)[0][0] == 2
    assert made(True).groups(400) == [[2, 3, 4, 5, 6, 7]] and table.groups(400) == [[1, 2, 3, 4, 5, 6, 7]]
