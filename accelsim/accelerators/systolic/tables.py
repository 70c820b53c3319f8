"""What the systolic array's compiler tells its hardware beside the program."""

from accelsim.isa.instructions import record

# What a command of the array is the last to read: bytes it frees, and bytes it read of each buffer.
FREES = record("weight", "weight_read", "act", "act_read")
