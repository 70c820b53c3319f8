"""What the compiler may count on: the sizes of a machine that decide how work is cut up, and its options."""

from dataclasses import dataclass

from accelsim.dataflows.tiling import DenseResources


@dataclass(frozen=True, kw_only=True)
class Resources(DenseResources):
    """Sizes in bytes, counts as such; see arch_configs and `accelsim describe sanger` for what each means.

    `rows`, `pes`, `ports`: of the sparse array. `threshold`: probability above which a predicted score is kept.
    `operand_bytes`: of Q, K, V and the outputs of attention. `features`: of a row of outputs, at most.
    `predict_bytes`: of the buffer of 4-bit operands.
    """

    rows: int
    pes: int
    ports: int
    reading: str
    predict: bool
    mask_source: str
    threshold: float
    lengths: bool
    operand_bytes: int
    predict_bytes: int
    strip_bytes: int
    exp_bits: int
    sum_bits: int
    sums_bytes: int
    features: int
    predictor: str = "predict_buffer"
