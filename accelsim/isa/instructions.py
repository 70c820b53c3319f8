"""The instructions a compiled network consists of, and what they can wait for: the contract between the compiler
(dataflows) and the sequencer (components).
"""

import numpy as np

INSTRUCTION = np.dtype([(name, "i8") for name in ("op", *"abcdefghijk", "wait", "count", "wait2", "count2")])

# What an instruction's `op` is.
ARRAY, VECTOR, DECODE, DENSER, SPARSER, WALKER, SOFTMAX, MERGE, GRANT_WEIGHT, GRANT_ACT, GRANT_INDEX, MARK = range(12)

# What can be waited for; a counter counts what the unit has finished since the start. NOTHING is always at zero.
COUNTERS = (
    "nothing",
    "weight_loaded",
    "act_loaded",
    "index_loaded",
    "array_done",
    "vector_done",
    "decoder_done",
    "denser_done",
    "sparser_done",
    "passes_done",
    "stored",
)
(
    NOTHING,
    WEIGHT_LOADED,
    ACT_LOADED,
    INDEX_LOADED,
    ARRAY_DONE,
    VECTOR_DONE,
    DECODER_DONE,
    DENSER_DONE,
    SPARSER_DONE,
    PASSES_DONE,
    STORED,
) = range(11)

GRANT = {"bytes": "bytes that may be overwritten", "fences": "fences that are lifted"}
PASS = {
    "phase": "0: scores (SDDMM), 1: values (SpMM)",
    "number": "row of the pass table",
    "begin": "values: the first output, counted within the pass",
    "end": "values: the output after the last",
}
DONE = {"number": "how many it has finished since the last notice"}
