"""Matrix products on a systolic array, judged: which outputs each command computes, of operands that are there."""
