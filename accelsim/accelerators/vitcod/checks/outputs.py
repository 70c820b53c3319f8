"""The pass tables against the masks; and for every output of attention, whose it is."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.checks.expected import AttentionWork
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report


@dataclass(frozen=True)
class Outputs:
    """Arrays over the outputs (rows of the table ROWS): `work` is an index into the list of AttentionWork, `row` and
    `head` count in the layer, `number` is the pass. `pass_work`, `pass_image` and `pass_head` (its first head) are over
    the passes. `stride`: more than any column; place * stride + column is the key of a score.
    """

    work: np.ndarray
    image: np.ndarray
    head: np.ndarray
    row: np.ndarray
    number: np.ndarray
    pass_work: np.ndarray
    pass_image: np.ndarray
    pass_head: np.ndarray
    works: list[AttentionWork]
    stride: int

    def named(self, place: int) -> str:
        """A place in words."""
        if not 0 <= place < len(self.work):
            return f"output {place}, which there is not"
        layer = self.works[self.work[place]].layer.name
        image = f" of image {self.image[place]}" if self.image.max() else ""
        return f"layer {layer}{image}, head {self.head[place]}, row {self.row[place]}"

    def score(self, key: int) -> str:
        """A score in words."""
        return f"{self.named(key // self.stride)}, column {key % self.stride}"


def locate(evidence: Evidence, works: list[AttentionWork], report: Report) -> Outputs | None:
    """Whose every output is, from the order of the passes; None (and a failed check) when they do not cover the layers.

    Passes go through a layer image by image, head by head, and through the rows of heads that are cut into blocks.
    """
    passes, rows = evidence.tables["passes"], evidence.tables["rows"]
    owners, wrong, number, place = [], [], 0, 0
    for w, work in enumerate(works):
        layer = work.layer
        for image in range(evidence.workload.batch):
            head = row = 0
            while head < layer.heads and not wrong:
                one = passes[number] if number < len(passes) else None
                if one is None:
                    wrong.append(f"layer {layer.name}: no pass computes row {row} of head {head}")
                elif one.row0 != row or one.heads < 1 or one.rows < 1 or one.first_row != place:
                    wrong.append(f"layer {layer.name}: pass {number} begins at row {one.row0} and not at row {row}")
                elif head + one.heads > layer.heads or row + one.rows > layer.q_tokens:
                    wrong.append(f"layer {layer.name}: pass {number} goes beyond the layer's heads or rows")
                else:
                    owners.append((w, image, head))
                    number, place, row = number + 1, place + one.heads * one.rows, row + one.rows
                    if row == layer.q_tokens:
                        head, row = head + int(one.heads), 0
    if not wrong and (number != len(passes) or place != len(rows)):
        wrong.append(f"{len(passes) - number} passes and {len(rows) - place} outputs belong to no layer")
    report.add("passes", "attention", "passes cover each image, head and row once", place, wrong)
    if wrong:
        return None
    owner = np.array(owners, np.int64).reshape(-1, 3)
    size = passes["heads"] * passes["rows"]
    number = np.repeat(np.arange(len(passes)), size)
    nth = np.arange(len(number)) - passes["first_row"][number]
    head = owner[number, 2] + nth // passes["rows"][number]
    row = passes["row0"][number] + nth % passes["rows"][number]
    stride = 1 + max((w.layer.kv_tokens for w in works), default=0)
    return Outputs(owner[number, 0], owner[number, 1], head, row, number, *owner.T, works, stride)


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
    passes, rows = t["passes"], t["rows"]
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
    listed = (passes["first_row"][number] + head * passes["rows"][number] + nth) * stride + column
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
    listed = passes["first_row"][one] + columns["head"][c] * passes["rows"][one] + entries["row"]
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
    segment = evidence.part("sparser", "segment")
    sparse = np.bincount(expected_keys(outputs, False) // stride, minlength=len(rows))
    dense = np.bincount(expected_keys(outputs, True) // stride, minlength=len(rows))
    values = np.array([w.layer.v_dim for w in outputs.works], np.int64)[outputs.work]
    for name, wanted in (
        ("head", outputs.head - outputs.pass_head[outputs.number]),
        ("sparse", sparse),
        ("dense", dense),
        ("scores", sparse + dense),
        ("first", np.cumsum(sparse) - sparse),
        ("values", values),
        ("parts", -(-sparse // segment) + (dense > 0)),
    ):
        report.compare(
            "tables",
            f"ROWS.{name}",
            "what the mask says of each output",
            rows[name] == wanted,
            lambda n, f=name, x=wanted: f"{outputs.named(n)}: {f} is {rows[f][n]}, not {x[n]}",
        )
    check_lines(
        evidence,
        outputs,
        report,
        np.bincount(outputs.number[dense > 0], minlength=len(passes)) > 0,
        np.bincount(outputs.number[sparse > 0], minlength=len(passes)) > 0,
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
