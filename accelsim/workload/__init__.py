"""What is computed: layers, sparsity masks, the workload file, and the functional twin. Knows no hardware."""

from accelsim.workload.format import load, save
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, LinearAttention, Norm
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload

__all__ = [
    "Attention",
    "AttentionMask",
    "Elementwise",
    "Gemm",
    "Layer",
    "LinearAttention",
    "Norm",
    "Workload",
    "load",
    "save",
]
