"""What the compiler may count on: the sizes of the machine that decide how work is cut up, and its options."""

from dataclasses import dataclass

from accelsim.dataflows.products.resources import ProductResources
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import LinearAttention


@dataclass(frozen=True, kw_only=True)
class Resources(ProductResources):
    """Sizes in bytes; see arch_configs and `accelsim describe` for what each means.

    `features`: the longest vector that accumulators, dividers and adders hold. `g_bytes`: of the buffer of what is
    computed first. `divisor_bytes`: of the divisors' registers. `diag_rows`, `diag_bytes`: of SA-Diag, its PEs and its
    accumulators. The others are options.
    """

    features: int
    g_bytes: int
    divisor_bytes: int
    diag_rows: int
    diag_bytes: int
    diag: bool
    after: bool
    pipeline: bool
    g_resident: bool
    frees: str = "array"
    g: str = "g_buffer"

    def divided(self, layer: LinearAttention) -> bool:
        """Whether rows have divisors of their own; without SA-Diag Taylor attention has one, a constant."""
        return layer.rule == "hash" or (layer.rule == "taylor" and self.diag)

    def turned(self, layer: LinearAttention) -> bool:
        """Whether G stays in the PEs while Q passes, instead of the other way."""
        return self.g_resident and not layer.scores_first

    def macs_of(self, layer: LinearAttention) -> int:
        """Multiply-accumulates of a layer as it is computed here, of one image."""
        if layer.scores_first:
            return layer.softmax_macs
        both = layer.heads * (layer.q_tokens + layer.kv_tokens) * layer.qk_dim * layer.v_dim
        return both + (layer.heads * layer.q_tokens * layer.qk_dim if self.divided(layer) else 0)

    def first_bytes(self, layer: LinearAttention) -> int:
        """Of what is computed first, of a head."""
        return layer.q_tokens * layer.kv_tokens if layer.scores_first else layer.qk_dim * layer.v_dim

    def operand_bytes(self, layer: LinearAttention) -> tuple[int, int]:
        """What a head has in the activation and in the weight buffer."""
        q, k, v = layer.q_tokens * layer.qk_dim, layer.kv_tokens * layer.qk_dim, layer.kv_tokens * layer.v_dim
        if layer.scores_first:
            return q, k + v
        return (k, q + v) if self.turned(layer) else (q + k, v)

    def lead(self, layer: LinearAttention) -> int:
        """Heads that are prepared while the arrays multiply one: 2, so that G of the next is computed before Q G of
        this one and its way out hides; 1; or 0."""
        act, weight = self.operand_bytes(layer)
        fit = min(self.act_bytes // act, self.weight_bytes // weight)
        if not self.pipeline or fit < 2:
            return 0
        return 2 if fit >= 3 and self.g_bytes >= 2 * self.first_bytes(layer) else 1

    def groups(self, over: int) -> int:
        """Folds side by side."""
        return ceil(over, self.model.columns)
