"""What must be done of each attention layer, from the pruned network and the configuration alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.spatten.pruning import Alive, Plan
from accelsim.config.arch import Arch
from accelsim.validation.memory import Tensor
from accelsim.workload.layers import Attention


@dataclass(frozen=True)
class Work:
    """An attention layer that is pruned already. first: the number of its first head in the run, row: of its first row.

    again: bool[heads, queries]; kept: bool[heads, queries, keys], what is multiplied with values.
    """

    layer: Attention
    number: int
    alive: Alive
    batch: int
    first: int
    row: int
    again: np.ndarray
    kept: np.ndarray
    split: bool
    fetched: int

    @property
    def heads(self) -> int:
        """Heads of all images."""
        return self.batch * self.layer.heads

    @property
    def rows(self) -> int:
        """Rows of all images."""
        return self.heads * self.layer.q_tokens

    def sizes(self) -> Mapping[str, int]:
        """Bytes of a head's operands; k of its most significant bits, l of the others."""
        a = self.layer
        whole = a.kv_tokens * a.qk_dim
        low = whole // 2 if self.split else 0
        return {"q": a.q_tokens * a.qk_dim, "k": whole - low, "l": low, "v": self.fetched * a.v_dim}

    def lines(self, arch: Arch) -> Mapping[str, int]:
        """SRAM lines of a head's keys and values."""
        found = {}
        for name, dim, count in (("k", self.layer.qk_dim, self.layer.kv_tokens), ("v", self.layer.v_dim, self.fetched)):
            wide = max(16, 1 << (dim - 1).bit_length())
            many = -(-count // (arch.parts["qk_array"]["multipliers"] // wide))
            found[name] = many + (many % 2 if arch.options["lines_even"] == "true" else 0)
        return found

    def again_of(self, n: int) -> np.ndarray:
        """Which rows of the n-th head of all images are computed again."""
        return self.again[n % self.layer.heads]


def works(plan: Plan, first_query: bool) -> list[Work]:
    """The work of every attention layer, in order."""
    found, head, row = [], 0, 0
    for number, layer in enumerate(plan.workload.layers):
        if not isinstance(layer, Attention):
            continue
        alive, shape = plan.alive[layer.name], (layer.heads, layer.q_tokens)
        again = np.zeros(shape, bool) if alive.again is None else alive.again
        kept = np.ones((*shape, layer.kv_tokens), bool) if alive.values is None else alive.values
        fetched = int(kept[0, 0].sum()) if first_query else layer.kv_tokens
        batch = plan.workload.batch
        found.append(Work(layer, number, alive, batch, head, row, again, kept, alive.again is not None, fetched))
        head += found[-1].heads
        row += found[-1].rows
    return found


def tensors(some: list[Work]) -> Iterator[Tensor]:
    """Q, K, V and the outputs of every attention layer; the low bits of K only where a row of the head needs them."""
    for work in some:
        a, sizes = work.layer, work.sizes()
        for name in "qkv":
            yield Tensor(name=f"{a.name}.{name}", layer=work.number, size=work.heads * sizes[name])
        if work.split:
            heads = int(work.again.any(axis=1).sum()) * work.batch
            low = {"size": work.heads * sizes["l"], "whole": heads * sizes["l"]}
            yield Tensor(name=f"{a.name}.k_low", layer=work.number, **low)
        yield Tensor(
            name=f"{a.name}.output", layer=work.number, size=work.heads * a.q_tokens * a.v_dim, written=True
        )  # fmt: skip


def rank(values: np.ndarray, keep: int) -> tuple[int, int]:
    """(candidates visited, rounds) of quick-select with the first candidate as pivot."""
    left, visited, many = values.tolist(), 0, 0
    while left:
        pivot, many, visited = left[0], many + 1, visited + len(left)
        larger = [v for v in left if v > pivot]
        equal = left.count(pivot)
        if len(larger) >= keep:
            left = larger
        elif len(larger) + equal >= keep:
            break
        else:
            left, keep = [v for v in left if v < pivot], keep - len(larger) - equal
    return visited, many
