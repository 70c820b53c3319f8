"""Classes of operands: assumed of what a layer is, measured where the workload has its tensors."""

import numpy as np
import pytest

from accelsim.workload import Attention, Elementwise, Gemm, Workload
from accelsim.workload.activity import classes

LAYERS = (
    Gemm("fc1", "a", "mlp", 4, 8, 8, activation="gelu"),
    Gemm("fc2", "a", "mlp", 4, 8, 8),
    Attention("attention", "a", 1, 4, 4, 8, 8, activation="hardswish"),
    Gemm("proj", "a", "proj", 4, 8, 8),
    Elementwise("mean", "a", "mean", 4, 8),
    Gemm("head", "a", "head", 1, 8, 8),
)


def of(**tensors):
    work = Workload("w", "m", LAYERS, {}, {name.replace("__", "."): t for name, t in tensors.items()})
    return {name: found and tuple(found.values()) for name, found in classes(work).items()}


def test_what_is_not_known_is_assumed_of_the_layer_before():
    assert of() == {
        "fc1": ("dense", "assumed"),
        "fc2": ("rectified", "assumed"),
        "attention": ("attention", "assumed"),
        "proj": ("rectified", "assumed"),
        "mean": None,
        "head": ("dense", "assumed"),
    }


@pytest.mark.parametrize(("zeros", "kind"), [(0.0, "dense"), (0.25, "dense"), (0.5, "rectified"), (1.0, "rectified")])
def test_what_is_there_is_measured(zeros, kind):
    x = np.ones((1, 4, 8), np.int8)
    x.reshape(-1)[: round(zeros * x.size)] = 0
    found = of(fc2__x=x, fc2__weight=np.ones((1, 8, 8), np.int8))
    assert found["fc2"] == (kind, "measured")
    assert found["fc1"] == ("dense", "assumed")


def test_weights_alone_do_not_say_what_they_are_multiplied_with():
    assert of(fc2__weight=np.ones((1, 8, 8), np.int8))["fc2"] == ("rectified", "assumed")
