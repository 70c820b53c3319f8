"""What the systolic array's compiler tells its hardware beside the program."""

from accelsim.isa.tables import FREES, FREES_BYTES

__all__ = ["FREES", "FREES_BYTES"]
