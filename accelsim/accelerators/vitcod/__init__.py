"""ViTCoD (You et al., HPCA 2023): two engines on a polarized attention map."""
