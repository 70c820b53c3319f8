"""What the compiler tells the array in dense layers, beside the program, and what the array and the merge exchange."""

from accelsim.isa.tables import FREES, FREES_BYTES

TABLES = {"frees": FREES}
ROW_BYTES = {"frees": FREES_BYTES}

TILE = {
    "rows": "local rows in use; 0: only the global rows work",
    "query": "the query of the lowest of them; the others follow",
    "key": "the key of its first column; it may lie before the first there is",
    "step": "tokens from a query to the next, and from a key to the next",
    "low": "the first column whose scores count",
    "high": "the first behind them",
    "globals": "columns of global tokens at work",
    "across_low": "the first column whose key the global rows take",
    "across_high": "the first behind them",
    "across": "how many keys these take",
    "global_rows": "global rows in use",
    "fresh": "whether the global rows begin here",
    "ends": "whether they end here",
    "first": "whether the group of queries begins here",
    "last": "whether it ends here",
    "scores": "scores of the local rows that count",
    "keys": "keys that enter, those of global tokens too",
    "depth": "features of a query or key",
    "values": "features of a value",
    "mask_bytes": "bytes of a mask of its own; 0: comparators say what counts",
    "passes": "times the lanes go over each value that leaves",
}
PARTIAL = {
    "rows": "local rows",
    "global_rows": "global rows",
    "values": "features of a value",
    "first": "whether the local rows' group begins",
    "last": "whether it ends",
    "fresh": "whether the global rows begin",
    "ends": "whether they end",
    "passes": "times the lanes go over each value that leaves",
}
