"""A network whose overlapping windows are stored one by one."""

from dataclasses import replace

from accelsim.workload.layers import Gemm
from accelsim.workload.workload import Workload


def gathered(workload: Workload) -> Workload:
    """What a machine runs that has no addresses of a convolution's windows: every one of them is fetched by itself, a
    row of a matrix, so that an input element is moved once for each window that has it."""
    layers = [
        replace(layer, input_elements=None) if isinstance(layer, Gemm) and layer.kernel > 1 else layer
        for layer in workload.layers
    ]
    return replace(workload, layers=tuple(layers)) if layers != list(workload.layers) else workload
