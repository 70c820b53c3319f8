"""The array in dense layers: its PEs as an output-stationary array of full rate, `pes` tokens x `rows` features.

[ours] Weights enter at the rows' side, activations at the PEs'; a row's outputs leave along its PEs. The published
array cannot do that with its ports alone; the public performance model counts dense layers at the full rate.
"""

from accelsim.components.systolic_array import BLOCK, SystolicArray
from accelsim.core import Out


class DenseArray(SystolicArray):
    """Its tick is that of the class it is derived from; there is no softmax unit that it would hand scores to."""

    scores = Out("none: scores are made by the sparse array", **BLOCK)
    scores.optional = True
