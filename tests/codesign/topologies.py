"""Topology files as tests write them, and the layers they become."""

from accelsim.codesign.import_topology import import_topology
from accelsim.workload import Gemm, Workload

GEMMS = "Layer,M,N,K,\n"
CONVOLUTIONS = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


def made(folder, text: str | bytes, name: str = "net.csv") -> Workload:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return import_topology(folder / name)


def gemm(name: str, tokens: int, inner: int, features: int, repeat: int = 1) -> Gemm:
    return Gemm(name, name, "other", tokens, inner, features, bias=False, repeat=repeat)


def convolution(name: str, tokens: int, inner: int, features: int, read: int, repeat: int = 1) -> Gemm:
    return Gemm(name, name, "conv", tokens, inner, features, bias=False, repeat=repeat, input_elements=read)
