"""The PEs of an attention array in dense layers: an output-stationary systolic array of full rate.

[ours] Activations enter at the left, weights at the top, and outputs leave down the columns; there is no softmax unit
that it would hand scores to.
"""

from accelsim.components.systolic_array import BLOCK, SystolicArray
from accelsim.core import Out


class DenseArray(SystolicArray):
    """Its tick is that of the class it is derived from."""

    scores = Out("none: scores are made by the array of attention", **BLOCK)
    scores.optional = True
