"""How long a command's folds stream and load, as words of its row of `frees`: the module does not divide or multiply.

The simulator's array finds them when it takes the command up (components/systolic_array.py).
"""

from collections.abc import Mapping

import numpy as np

from accelsim.components.systolic_array import PART
from accelsim.isa.tables import FREES
from accelsim.rtl.package import words

NO_LIMIT = 0xFFFFFFFF  # of a wait: there is nothing that the top edge reads
FOLD = ("cycles", "lead", "spare", "reads", "beat", "elements")  # of all rows, and `last_` of the last fold
LOAD = ("load", "last_load", "load_beat", "load_empty", "last_rows", "last_empty")
WORDS = ("folds", *FOLD, *(f"last_{name}" for name in FOLD), *LOAD)
OS, WS, IS = range(3)


def lengths(values: Mapping[str, int], commands: np.ndarray) -> dict[str, np.ndarray]:
    """int64[commands] of each of WORDS; values: parameters of the array, commands: int64[commands, fields] of its port.

    folds: how many. cycles: of the stream, if nothing before it makes it longer. lead: of these, before its first beat.
    spare: how long the top edge's port may be taken when it begins without that. reads: cycles in which that port reads
    what outputs leave with. beat: cycles from a beat to the next. elements: outputs. load: cycles until an operand is
    in the PEs; load_beat: for a row of it; load_empty: cycles before the first of them, in which whole words of columns
    come; of the last fold's operand some rows have words, and some stay empty.
    """
    said = dict(zip(PART, commands.T, strict=True))
    dataflow, rows = values["dataflow"], values["rows"]
    left_bytes, top_bytes = values["left_bytes"], values["top_bytes"]
    columns, stream = said["columns"], said["stream"]
    last = (said["rows"] - 1) % rows + 1
    load_beat = ceil(columns, top_bytes)
    left_word, top_word = values["left_word"], values["top_word"]
    found = {"folds": ceil(said["rows"], rows), "last_rows": last, "load_beat": load_beat}
    for name, empty, high in (("load", "load_empty", np.full_like(last, rows)), ("last_load", "last_empty", last)):
        found[name] = np.maximum(rows - high + high * load_beat, ceil(columns * whole(high, top_word), top_bytes))
        found[empty] = found[name] - high * load_beat
    for prefix, high, leaves in (("", np.full_like(last, rows), dataflow == OS), ("last_", last, True)):
        beat = ceil(high, left_bytes)
        tokens = {OS: high, WS: stream, IS: columns}[dataflow]
        features = stream if dataflow == IS else columns
        constants, added = leaves * features * said["constants"], leaves * tokens * features * said["added"]
        left, top = (constants, added) if dataflow == IS else (added, constants)
        if dataflow == OS:
            beat = np.maximum(beat, ceil(columns, top_bytes))
            top = top + columns * whole(stream, top_word)
        reads = ceil(top, top_bytes)
        cycles = np.maximum(stream * beat, ceil(high * whole(stream, left_word) + left, left_bytes))
        cycles = np.maximum(cycles, reads)
        spare = cycles if dataflow == OS else np.where(reads > 0, cycles - reads, NO_LIMIT)
        found[f"{prefix}cycles"] = cycles
        found[f"{prefix}lead"] = cycles - ((stream - 1) * beat + 1)
        found[f"{prefix}spare"] = spare
        found[f"{prefix}reads"] = np.zeros_like(reads) if dataflow == OS else reads
        found[f"{prefix}beat"] = beat
        found[f"{prefix}elements"] = (high if dataflow == OS else stream) * columns
    return found


def ceil(a: np.ndarray, b: int) -> np.ndarray:
    """Quotients, rounded up."""
    return -(-a // b)


def whole(elements: np.ndarray, word: int) -> np.ndarray:
    """Bytes of the words that hold some elements."""
    return ceil(elements, word) * word


def frees_rows(tables: Mapping[str, np.ndarray], parameters: Mapping[str, Mapping[str, int]]) -> np.ndarray:
    """uint32[commands, words] of the table `frees`, of which the commands are `tables["commands"]`."""
    array = next(values for values in parameters.values() if "psum_hop" in values)
    found = lengths(array, tables["commands"])
    more = np.stack([found[name].astype(np.uint32) for name in WORDS], axis=1)
    return np.concatenate([words(tables["frees"], FREES.names), more], axis=1)
