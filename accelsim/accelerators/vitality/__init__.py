"""ViTALiTy (Dass et al., HPCA 2023): linear attention on a systolic array, and the rules that run beside its own."""
