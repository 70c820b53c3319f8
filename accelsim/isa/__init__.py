"""The contract between compiler and hardware: instructions, descriptors and the tables of the attention units."""
