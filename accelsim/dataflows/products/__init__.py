"""Matrix products on a systolic array: folds, plans, tiles, commands; and dense layers as products."""
