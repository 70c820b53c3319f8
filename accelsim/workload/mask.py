"""The fixed sparsity of one attention layer, polarized: which scores are kept, and which tokens' columns are computed
densely.

ViTCoD (HPCA 2023): per head, the columns of the *global tokens* form the denser block, everything else the sparser
rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError
from accelsim.workload.pattern import WindowPattern

MOST_PLAIN = 1 << 22  # scores of a mask that is held as truth values; a larger one is held a bit each


class Bits(NamedTuple):
    """A mask a bit each: uint8[heads, q_tokens, kv_tokens / 8 rounded up], the first in the highest bit, those behind
    the last 0."""

    packed: np.ndarray
    kv_tokens: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return *self.packed.shape[:2], self.kv_tokens

    def head(self, head: int) -> np.ndarray:
        """bool[q_tokens, kv_tokens]"""
        return np.unpackbits(self.packed[head], axis=1, count=self.kv_tokens).view(bool)


class Kept:
    """The field `keep` of a mask: truth values for who asks for them. Of a large mask they are made anew each time, so
    that who can do with one head after another asks for `head`."""

    def __get__(self, mask: AttentionMask | None, owner: type) -> np.ndarray:
        if mask is None:
            raise AttributeError("keep")  # the field has no default
        held = vars(mask)["held"]
        return frozen(np.stack([held.head(n) for n in range(mask.heads)])) if isinstance(held, Bits) else held

    def __set__(self, mask: AttentionMask, keep: np.ndarray | Bits) -> None:
        vars(mask)["held"] = keep if isinstance(keep, Bits) else np.asarray(keep)


def frozen(array: np.ndarray) -> np.ndarray:
    """An array that nobody can write to from now on."""
    array.flags.writeable = False
    return array


def pack(keep: np.ndarray) -> np.ndarray:
    """The bits of bool[heads, q_tokens, kv_tokens], made one head after another (see Bits)."""
    packed = np.empty((*keep.shape[:2], -(-keep.shape[2] // 8)), np.uint8)
    for bits, one in zip(packed, keep):
        bits[:] = np.packbits(one, axis=1)
    return packed


@dataclass(frozen=True, eq=False)
class AttentionMask:
    """keep: bool[heads, q_tokens, kv_tokens], True = kept; it may be given as Bits. order: int32[heads, kv_tokens], a
    permutation, global tokens first. global_tokens: int32[heads], how many leading tokens of `order` are global.
    pattern: the windows that the mask is, in every head; None: it has no such name.

    Data stays in natural order; position p of a head's reordered columns is token order[h, p]. Where q_tokens ==
    kv_tokens the paper permutes rows the same way, which changes no result (attention is permutation-equivariant).
    Errors: InputError for wrong shapes or types, a row without a kept entry, an order that is no permutation, a bad
    count, a mask that is not its pattern.
    """

    keep: np.ndarray = Kept()
    order: np.ndarray
    global_tokens: np.ndarray
    pattern: WindowPattern | None = None

    def __post_init__(self):
        held, order, counts = self.held, np.asarray(self.order), np.asarray(self.global_tokens)
        plain = isinstance(held, np.ndarray)
        if (plain and held.dtype != np.bool_) or len(held.shape) != 3 or 0 in held.shape:
            of = held.dtype if plain else "bits"
            raise InputError(f"keep is {of}{list(held.shape)} but must be bool[heads, q_tokens, kv_tokens], none 0.")
        heads, q, kv = held.shape
        for name, array, shape in (("order", order, (heads, kv)), ("global_tokens", counts, (heads,))):
            if array.dtype.kind not in "iu" or array.shape != shape:
                raise InputError(f"{name} is {array.dtype}{list(array.shape)} but must be int32{list(shape)}.")
        wrong = np.flatnonzero((np.sort(order, axis=1) != np.arange(kv)).any(axis=1))
        if wrong.size:
            raise InputError(
                f"order of head {wrong[0]} must name every token 0 to {kv - 1} once, but is no permutation."
            )
        wrong = np.flatnonzero((counts < 0) | (counts > kv))
        if wrong.size:
            head = wrong[0]
            raise InputError(
                f"global_tokens of head {head} is {counts[head]} but must be between 0 and {kv}, its columns."
            )
        for name, array in (("order", order), ("global_tokens", counts)):
            object.__setattr__(self, name, frozen(np.array(array, dtype=np.int32, order="C")))
        if heads * q * kv > MOST_PLAIN:
            object.__setattr__(self, "keep", Bits(frozen(pack(held)), kv) if plain else held)
        else:
            keep = held if plain else np.stack([held.head(n) for n in range(heads)])
            object.__setattr__(self, "keep", frozen(np.array(keep, order="C")))
        for head in range(heads):
            empty = np.flatnonzero(~self.head(head).any(axis=1))
            if empty.size:
                raise InputError(
                    f"row {empty[0]} of head {head} keeps no score, so that its softmax is undefined; "
                    "keep at least one entry in each row."
                )
        if self.pattern is not None:
            self._check_pattern()

    def _check_pattern(self) -> None:
        if self.q_tokens != self.kv_tokens:
            raise InputError(
                f"pattern {self.pattern} is of tokens that see each other, but there are {self.q_tokens} queries and "
                f"{self.kv_tokens} keys."
            )
        wanted = self.pattern.keep(self.kv_tokens)
        for head in range(self.heads):
            wrong = np.argwhere(self.head(head) != wanted)
            if wrong.size:
                row, column = wrong[0]
                raise InputError(
                    f"keep is not its pattern {self.pattern}: they differ at row {row}, column {column} of head {head}."
                )

    @classmethod
    def of_pattern(cls, pattern: WindowPattern, heads: int, tokens: int) -> AttentionMask:
        """The mask of a pattern; its global tokens first, in natural order."""
        keep = np.broadcast_to(pattern.keep(tokens), (heads, tokens, tokens))
        order = np.tile(np.arange(tokens, dtype=np.int32), (heads, 1))
        return cls(keep, order, np.full(heads, min(tokens, pattern.globals), np.int32), pattern)

    @property
    def derived(self) -> bool:
        """Whether its pattern says all of it."""
        if self.pattern is None:
            return False
        natural = (self.order == np.arange(self.kv_tokens)).all()
        return bool(natural and (self.global_tokens == min(self.kv_tokens, self.pattern.globals)).all())

    @classmethod
    def dense(cls, heads: int, q_tokens: int, kv_tokens: int) -> AttentionMask:
        """Nothing pruned: every token is global, in natural order."""
        order = np.tile(np.arange(kv_tokens, dtype=np.int32), (heads, 1))
        keep = np.broadcast_to(np.True_, (heads, q_tokens, kv_tokens))
        return cls(keep, order, np.full(heads, kv_tokens, np.int32))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Heads, q_tokens, kv_tokens."""
        return self.held.shape

    @property
    def heads(self) -> int:
        return self.shape[0]

    @property
    def q_tokens(self) -> int:
        return self.shape[1]

    @property
    def kv_tokens(self) -> int:
        return self.shape[2]

    @property
    def scores(self) -> int:
        """Scores of all heads, kept or not."""
        return self.heads * self.q_tokens * self.kv_tokens

    def head(self, head: int) -> np.ndarray:
        """bool[q_tokens, kv_tokens]: the kept scores of one head, read-only."""
        return frozen(self.held.head(head)) if isinstance(self.held, Bits) else self.held[head]

    @property
    def bits(self) -> np.ndarray:
        """uint8[heads, q_tokens, kv_tokens / 8 rounded up]: the same a bit each (see Bits)."""
        return self.held.packed if isinstance(self.held, Bits) else pack(self.held)

    @cached_property
    def nnz(self) -> np.ndarray:
        """int64[heads]: kept scores per head."""
        return np.array([np.count_nonzero(self.head(h)) for h in range(self.heads)], np.int64)

    @cached_property
    def kept(self) -> int:
        """Kept scores of all heads."""
        return int(self.nnz.sum())

    @property
    def sparsity(self) -> np.ndarray:
        """float64[heads]: the pruned fraction per head."""
        return 1.0 - self.nnz / (self.q_tokens * self.kv_tokens)

    @cached_property
    def denser_nnz(self) -> np.ndarray:
        """int64[heads]: kept scores in the global tokens' columns (the denser engine computes q_tokens *
        global_tokens)."""
        return np.array([np.count_nonzero(self.denser(h)) for h in range(self.heads)], np.int64)

    @property
    def sparser_nnz(self) -> np.ndarray:
        """int64[heads]: kept scores outside the global tokens' columns."""
        return self.nnz - self.denser_nnz

    def denser(self, head: int) -> np.ndarray:
        """bool[q_tokens, global_tokens]: the kept scores of the denser block; column p is token order[head, p]."""
        return self.head(head)[:, self.order[head, : self.global_tokens[head]]]

    def sparser(self, head: int) -> np.ndarray:
        """bool[q_tokens, kv_tokens - global_tokens]: column p is token order[head, global_tokens + p]."""
        return self.head(head)[:, self.order[head, self.global_tokens[head] :]]

    def csc(self, head: int) -> tuple[np.ndarray, np.ndarray]:
        """The sparser block by columns: pointers int32[columns + 1] and rows int32[nnz] (q tokens, ascending in a
        column)."""
        return _compress(self.sparser(head).T)

    def csr(self, head: int) -> tuple[np.ndarray, np.ndarray]:
        """The sparser block by rows: pointers int32[q_tokens + 1] and columns int32[nnz] (columns of `sparser`,
        ascending)."""
        return _compress(self.sparser(head))

    def flat_csc(self) -> tuple[np.ndarray, np.ndarray]:
        """All heads' sparser blocks by columns: pointers int32[heads, kv_tokens + 1] into rows int32[sum of
        sparser_nnz].

        Position p counts in `order`, so that the global tokens' positions are empty; pointers run on from head to head.
        """
        return self._flat(by_columns=True)

    def flat_csr(self) -> tuple[np.ndarray, np.ndarray]:
        """All heads' sparser blocks by rows: pointers int32[heads, q_tokens + 1] into positions int32[sum of
        sparser_nnz].

        A position counts in `order`: the token is order[head, position]. Pointers run on from head to head.
        """
        return self._flat(by_columns=False)

    def _flat(self, by_columns: bool) -> tuple[np.ndarray, np.ndarray]:
        pointers, indices, start = [], [], 0
        for head in range(self.heads):
            ordered = self.head(head)[:, self.order[head]]
            ordered[:, : self.global_tokens[head]] = False
            pointer, index = _compress(ordered.T if by_columns else ordered)
            pointers.append(pointer + np.int32(start))
            indices.append(index)
            start += index.size
        return np.stack(pointers), np.concatenate(indices)


def _compress(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pointers = np.zeros(matrix.shape[0] + 1, np.int32)
    np.cumsum(matrix.sum(axis=1), out=pointers[1:])
    return pointers, np.nonzero(matrix)[1].astype(np.int32)


@lru_cache(8)
def dense_mask(heads: int, q_tokens: int, kv_tokens: int) -> AttentionMask:
    """The mask of layers that have none; one of each size, so that what is known of it is found once."""
    return AttentionMask.dense(heads, q_tokens, kv_tokens)
