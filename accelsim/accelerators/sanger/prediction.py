"""The predicted mask (Lu et al., MICRO 2021): 4-bit scores, their softmax in float64, and a threshold.

The functional twin of the prediction array and its comparators: what they would compute without rounding of their own.
"""

import math
from dataclasses import dataclass

import numpy as np

LEVELS = 7  # of a 4-bit value with a sign: -7 to 7
QUANTISED_BITS = 4


@dataclass(frozen=True)
class Prediction:
    """Of some heads: q4 int8[heads, q_tokens, dim], k4 int8[heads, kv_tokens, dim], the integer products score
    int64[heads, q_tokens, kv_tokens], the scales (levels a unit) of q and k, probability float64 as score."""

    q4: np.ndarray
    k4: np.ndarray
    score: np.ndarray
    scales: tuple[float, float]
    probability: np.ndarray

    def mask(self, threshold: float) -> np.ndarray:
        """bool as score: probabilities above the threshold; one that equals it is not kept."""
        return self.probability > threshold


def quantise(x: np.ndarray, largest: float | None = None) -> tuple[np.ndarray, float]:
    """int8 from -7 to 7 of a tensor, and the scale it was multiplied by: 7 / threshold (quant_utils.py:24-38).

    largest: the threshold; the published code has a moving average of training here. None: the tensor's own.
    """
    most = float(np.abs(x).max()) if largest is None else largest
    scale = LEVELS / most if most > 0 else 1.0
    return np.clip(np.rint(x * scale), -LEVELS, LEVELS).astype(np.int8), scale


def predict(q: np.ndarray, k: np.ndarray, lengths: bool) -> Prediction:
    """The prediction of float64 q[heads, q_tokens, dim] and k[heads, kv_tokens, dim], the real values.

    lengths: q / |q| and k / |k| are quantised, and scores multiplied by |q| |k| (the published `inner_product`
    normalisation). One threshold of quantisation for all heads.
    """
    q, k = np.asarray(q, np.float64), np.asarray(k, np.float64)
    factor = np.ones((1, 1, 1))
    if lengths:
        of_q, of_k = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
        q, k = (np.divide(x, n, out=np.zeros_like(x), where=n > 0) for x, n in ((q, of_q), (k, of_k)))
        factor = of_q * of_k.transpose(0, 2, 1)
    (q4, scale_q), (k4, scale_k) = quantise(q), quantise(k)
    score = np.matmul(q4.astype(np.int64), k4.astype(np.int64).transpose(0, 2, 1))
    real = score / (scale_q * scale_k) * factor / math.sqrt(q.shape[-1])
    e = np.exp(real - real.max(axis=-1, keepdims=True))
    return Prediction(q4, k4, score, (scale_q, scale_k), e / e.sum(axis=-1, keepdims=True))
