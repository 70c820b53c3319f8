"""SpAtten: token and head pruning in cascade, a top-k engine, progressive quantization (Wang et al., HPCA 2021)."""
