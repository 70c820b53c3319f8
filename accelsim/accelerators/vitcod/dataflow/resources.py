"""What the compiler may count on: the sizes of a machine that decide how work is cut up, and its switches."""

from dataclasses import dataclass, replace
from functools import cached_property

from accelsim.dataflows.steps import ArrayPorts
from accelsim.dataflows.tiling import DenseResources, VectorRates


@dataclass(frozen=True, kw_only=True)
class Resources(DenseResources):
    """Sizes in bytes, counts as such; see arch_configs and `accelsim describe` for what each means."""

    ports: ArrayPorts
    index_bytes: int
    q_bytes: int
    k_bytes: int
    score_bytes: int
    places: int
    row_values: int
    segment: int
    index_entry_bytes: int
    layout: str = "packed"  # of Q, K, V in DRAM: packed (head by head), token_major, fused_qkv
    heads_parallel: bool = True
    auto_encoder: bool = True
    reorder: bool = True
    prune: bool = True
    forward: bool = True
    q_from_dram: bool = False
    fetch_bytes: int = 0  # of queries that are fetched from DRAM
    two_engines: bool = True
    keeps: bool = False  # activations may stay on chip between layers
    fuses: bool = False  # layers may take turns, some rows at a time

    @cached_property
    def for_passes(self) -> "Resources":
        """The same with all else that decides nothing about passes left out, so that machines share them."""
        return replace(
            self, macs=1, psum_cycle_bytes=1, double_buffer=True, constants=True, layout="packed", forward=True,
            fetch_bytes=0, two_engines=True, keeps=False, fuses=False, ports=ArrayPorts(1, 1, 1, 1, 1),
            vector_rates=VectorRates(1, 1, 1),
        )  # fmt: skip
