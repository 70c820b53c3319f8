"""The pass tables against the masks."""

import numpy as np

from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report


def expected_keys(outputs: Outputs, dense: bool) -> np.ndarray:
    """The keys of the scores one engine must compute, ascending."""
    keys = [np.zeros(0, np.int64)]
    for w, work in enumerate(outputs.works):
        mine = np.flatnonzero(outputs.work == w)
        head, row = outputs.head[mine], outputs.row[mine]
        wanted = work.dense[head] if dense else work.sparse[head, row]
        n, column = np.nonzero(wanted)
        keys.append(mine[n] * outputs.stride + column)
    return np.sort(np.concatenate(keys))


def check_tables(evidence: Evidence, outputs: Outputs, report: Report) -> None:
    """The tables DENSE, COLUMNS, INDEX and ROWS say what the masks say."""
    t, stride = evidence.tables, outputs.stride
    passes = t["passes"]
    of_dense = np.repeat(np.arange(len(passes)), passes["dense"])
    if len(of_dense) != len(t["dense"]) or np.any(
        passes["first_dense"] != np.cumsum(passes["dense"]) - passes["dense"]
    ):
        report.add("tables", "DENSE", "passes divide the table", len(of_dense), ["the passes leave gaps or overlap"])
        return
    number = np.repeat(of_dense, passes["rows"][of_dense])
    nth = np.arange(len(number)) - np.repeat(
        np.cumsum(passes["rows"][of_dense]) - passes["rows"][of_dense], passes["rows"][of_dense]
    )
    head = np.repeat(t["dense"]["head"], passes["rows"][of_dense])
    column = np.repeat(t["dense"]["column"], passes["rows"][of_dense])
    check_keys(outputs, report, "DENSE", of_dense, t["dense"]["column"])
    listed = outputs.of(passes["first_row"][number] + head * passes["rows"][number] + nth) * stride + column
    same_keys(
        report,
        outputs,
        "tables",
        "DENSE",
        "dense columns of all rows, each once",
        listed,
        expected_keys(outputs, dense=True),
    )
    columns, entries = t["columns"], t["index"]
    of_column = np.repeat(np.arange(len(passes)), passes["sparse_columns"])
    starts = np.cumsum(columns["count"]) - columns["count"]
    if len(of_column) != len(columns) or columns["count"].sum() != len(entries) or np.any(starts != columns["first"]):
        report.add("tables", "COLUMNS", "columns divide the index", len(columns), ["they leave gaps or overlap"])
        return
    c = np.repeat(np.arange(len(columns)), columns["count"])
    one = of_column[c]
    check_keys(outputs, report, "COLUMNS", of_column, columns["column"])
    listed = outputs.of(passes["first_row"][one] + columns["head"][c] * passes["rows"][one] + entries["row"])
    same_keys(
        report,
        outputs,
        "tables",
        "INDEX",
        "sparse scores, each once",
        listed * stride + columns["column"][c],
        expected_keys(outputs, dense=False),
    )
    wide = evidence.part("walker", "index_bytes")
    report.compare(
        "tables",
        "INDEX",
        f"row numbers fit {wide} bytes",
        (entries["row"] >= 0) & (entries["row"] < 256**wide),
        lambda n: f"entry {n} is row {entries['row'][n]} of its pass",
    )
    report.compare(
        "tables",
        "COLUMNS",
        "head and count fit a byte each",
        (columns["head"] < 256) & (columns["count"] < 256),
        lambda n: f"column {n} is of head {columns['head'][n]} and has {columns['count'][n]} rows",
    )
    check_rows(evidence, outputs, report)
    check_lines(
        evidence, outputs, report, outputs.of_pass(passes["dense"]) > 0, outputs.of_pass(passes["sparse_columns"]) > 0
    )


def check_keys(outputs: Outputs, report: Report, table: str, number: np.ndarray, column: np.ndarray) -> None:
    """The columns of a block are of its keys."""
    first = outputs.key0[number]
    report.compare(
        "tables",
        table,
        "a block's columns are of its keys",
        (column >= first) & (column < first + outputs.keys[number]),
        lambda n: f"pass {number[n]} has column {column[n]}",
    )


def check_rows(evidence: Evidence, outputs: Outputs, report: Report) -> None:
    """What ROWS says of each output, and of its shares."""
    passes, rows, stride = evidence.tables["passes"], evidence.tables["rows"], outputs.stride
    segment, many, order = evidence.part("sparser", "segment"), len(rows), outputs.place
    shares = {}
    for name, dense in (("sparse", False), ("dense", True)):
        output, column = np.divmod(expected_keys(outputs, dense), stride)
        number = outputs.block(output, column)
        place = passes["first_share"][number] + order[output] - passes["first_row"][number]
        shares[name] = np.bincount(place, minlength=many)
    shares["parts"] = -(-shares["sparse"] // segment) + (shares["dense"] > 0)
    is_share, owner = outputs.share_of >= 0, np.where(outputs.share_of >= 0, outputs.share_of, outputs.output_of)
    wanted = {name: np.zeros(many, np.int64) for name in shares}
    for name, of_share in shares.items():
        whole = np.bincount(owner[is_share], of_share[is_share], minlength=len(outputs.work)).astype(np.int64)
        wanted[name] = np.where(is_share, of_share, whole[owner])
    # the list of an output's sparse scores is that of its shares, one after the other
    by_output = np.lexsort((np.arange(many), owner))
    by_output = by_output[is_share[by_output]]
    listed = shares["sparse"][by_output]
    first = np.zeros(many, np.int64)
    first[by_output] = np.cumsum(listed) - listed
    whole = np.bincount(owner[is_share], shares["sparse"][is_share], minlength=len(outputs.work)).astype(np.int64)
    first = np.where(is_share, first, (np.cumsum(whole) - whole)[owner])
    wanted |= {
        "head": (outputs.head - outputs.pass_head[outputs.number])[owner],
        "scores": wanted["sparse"] + wanted["dense"],
        "first": first,
        "values": np.array([w.layer.v_dim for w in outputs.works], np.int64)[outputs.work][owner],
    }
    for name in ("head", "sparse", "dense", "scores", "first", "values", "parts"):
        report.compare(
            "tables",
            f"ROWS.{name}",
            "what the mask says of each output",
            rows[name] == wanted[name],
            lambda n, f=name, x=wanted[name]: f"{outputs.named(owner[n])}: {f} is {rows[f][n]}, not {x[n]}",
        )
    report.compare(
        "tables",
        "ROWS",
        "scores and parts fit 16 bits each",
        (rows["scores"] < 1 << 16) & (rows["parts"] < 1 << 16),
        lambda n: f"{outputs.named(owner[n])}: {rows['scores'][n]} scores, {rows['parts'][n]} parts",
    )


def check_lines(evidence: Evidence, outputs: Outputs, report: Report, dense: np.ndarray, sparse: np.ndarray) -> None:
    """Each engine with work has lines, and together they have no more than there are unless they take turns."""
    passes, lines = evidence.tables["passes"], evidence.part("engine", "lines")
    mine, other = passes["denser_lines"], passes["sparser_lines"]
    good = ((mine > 0) | ~dense) & ((other > 0) | ~sparse) & (mine <= lines) & (other <= lines)
    report.compare(
        "lines",
        "passes",
        "an engine with work has lines, none has more than there are",
        good,
        lambda n: f"pass {n}: {mine[n]} and {other[n]} lines of {lines}",
    )


def same_keys(
    report: Report, outputs: Outputs, name: str, scope: str, what: str, found: np.ndarray, expected: np.ndarray
) -> None:
    """Enter a check that two lists of score keys hold the same scores, none twice."""
    found = np.sort(found)
    if np.array_equal(found, expected):
        report.add(name, scope, what, len(expected), [])
        return
    twice = found[1:][found[1:] == found[:-1]]
    missing, other = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
    sentences = []
    for keys, why in ((missing, "is missing"), (other, "must not be computed"), (np.unique(twice), "is there twice")):
        sentences += [f"{outputs.score(int(key))} {why}" for key in keys[:2]]
    report.add(name, scope, what, len(expected), sentences, len(missing) + len(other) + len(twice))
