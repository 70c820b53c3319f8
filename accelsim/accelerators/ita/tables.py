"""What ITA's compiler tells its hardware beside the program."""

from accelsim.isa.instructions import record

# What a phase is the last to read: bytes it gives back, and bytes it read of each buffer.
FREES = record("weight", "weight_read", "act", "act_read")
FREES_BYTES = 6  # as it comes with the instruction: what is given back, 24 bits each
SUMS = record("bits")  # bit length of a row's sum
