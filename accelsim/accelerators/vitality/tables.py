"""What the compiler tells the two arrays beside the program, by their names: what a command gives back and reads."""

from accelsim.isa.tables import FREES, FREES_BYTES

TABLES = {"array": FREES, "diagonal": FREES}
ROW_BYTES = {"array": FREES_BYTES}  # SA-Diag gives nothing back
