"""SA-General and SA-Diag (ViTALiTy, HPCA 2023): input-stationary, partial sums go down from PE to PE; and the arrays of
accumulators, dividers and adders beside them."""

from accelsim.components.lane_unit import LaneUnit
from accelsim.components.systolic_array import SystolicArray
from accelsim.core import Param

STATIONARY = {"choices": ("os", "ws", "is")}


class General(SystolicArray):
    """SA-General: K^T V, Q G, and every dense layer."""

    dataflow = Param("is", "choice", "what stays in the PEs", **STATIONARY)


class Diagonal(SystolicArray):
    """SA-Diag: one column, in which the sums of K stay and the rows of Q pass; n sqrt(d) enters at its top."""

    columns = Param(1, "count", "columns of PEs", high=1)
    dataflow = Param("is", "choice", "what stays in the PEs", **STATIONARY)
    accumulator_bytes = Param(1024, "bytes", "accumulators at the bottom: 4 bytes a row of Q")
    left_bytes = Param(32, "bytes/cycle", "what the left edge delivers")


class Accumulators(LaneUnit):
    """Sums over tokens, a feature a lane."""


class Dividers(LaneUnit):
    """Mode 1: one divisor for a vector, or one a feature; mode 2: one a row."""

    latency = Param(16, "cycles", "from an element to its result", low=0)


class Adders(LaneUnit):
    """Element-wise: keys less their mean, rows plus the sum of V."""

    latency = Param(1, "cycles", "from an element to its result", low=0)
