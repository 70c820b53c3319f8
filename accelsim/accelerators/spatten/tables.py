"""What SpAtten's compiler tells its hardware beside the program, and what its attention units hand each other."""

from accelsim.isa.instructions import record

# A head of an image, in the order in which they are run.
HEADS = record(
    "rows",  # queries
    "keys",  # scores of a row
    "values",  # probabilities of a row that are multiplied
    "k_lines",  # SRAM lines of its keys
    "v_lines",  # and of the values that are fetched
    "k_line",  # bytes of a line of keys, as they come
    "l_line",  # of their least significant bits; 0: they are not fetched apart
    "v_line",  # of values
    "k_bytes",  # of all its keys
    "l_bytes",  # of their least significant bits
    "v_bytes",  # of the values that are fetched
    "k_first",  # bytes of keys of all heads before
    "l_first",  # of least significant bits
    "v_first",  # of values
    "q_row",  # bytes of a query
    "outputs",  # features of an output row
    "passes",  # of the requantiser over each
    "sums",  # whether importance is added up
)
HEADS_BYTES = 2 * len(HEADS.names)  # as it comes with the instruction: 16 bits each, running sums kept by counters
MOST_SIZE = (1 << 16) - 1  # of a field that comes along

SCORES = record("value")  # sums of importance, among which the top-k engine chooses: written by the hardware itself
SEARCHES = record("cycles", "visited", "rounds")  # of each row whose values are pruned: what its probabilities demand
AGAIN = record("flag")  # of each row: whether its largest probability is below the threshold

# What the array is the last to read in dense layers: bytes it frees and reads.
FREES = record("weight", "weight_read", "act", "act_read")
FREES_BYTES = 6

ROW = {
    "head": "its head, a number of the table `heads`",
    "row": "its number in the run",
    "first": "whether it is the head's first",
    "last": "whether it is the head's last",
    "again": "whether it is computed for the second time",
}
REPORT = {"head": "its head", "row": "the row that is decided", "again": "whether it must be computed again"}
