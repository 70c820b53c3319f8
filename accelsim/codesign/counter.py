"""A second count of a model's multiply-accumulates, by torch's own formulas, that shares nothing with the trace.

The trace sees the functions a model calls; this sees the operators that they come down to (`torch.utils.flop_counter`,
which knows their cost), and which of them read something that was made of the image.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache

from accelsim.codesign.operations import CONSTANT
from accelsim.codesign.pytorch import need
from accelsim.codesign.step import Step
from accelsim.core.errors import InputError

NAMED = 3


@dataclass(frozen=True)
class Count:
    """Multiply-accumulates by the path of the innermost module that ran them. constant: of those that do not depend on
    the image, as position tables."""

    macs: Counter = field(default_factory=Counter)
    constant: Counter = field(default_factory=Counter)


def count_macs(model, image) -> Count:
    """What torch counts of `model(image)`, image [1, ...]."""
    torch = need("torch", "counting a model's work")
    from torch.nn.attention import SDPBackend, sdpa_kernel

    mode, fast = _mode_class()(), torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(lambda m, a, n=name: mode.stack.append(n)).remove)
            stack.callback(module.register_forward_hook(mode.leave, always_call=True).remove)
        # fused operators have no formula on every device: have them done by their parts
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        stack.enter_context(torch.no_grad())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        image = image.clone()
        mode.made_of_image(image)
        with mode:
            model(image)
    return mode.count


def check_macs(steps: list[Step], count: Count) -> None:
    """Errors: InputError that names the modules where the layers' multiply-accumulates are not torch's."""
    ours: Counter = Counter()
    for step in steps:
        for path, macs in _places(step):
            ours[path] += macs
    differing = [p for p in dict.fromkeys([*ours, *count.macs]) if ours[p] != count.macs[p]]
    if not differing:
        return
    told = "; ".join(f"{p or 'the model itself'}: {ours[p]:,}, not {count.macs[p]:,}" for p in differing[:NAMED])
    more = f"; and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
    raise InputError(
        f"the traced layers have {ours.total():,} multiply-accumulates but torch counts {count.macs.total():,} ({told}"
        f"{more}): part of the model cannot be seen, e.g. because it is scripted or compiled, and nothing is exported."
    )


def _places(step: Step) -> list[tuple[str, int]]:
    """(module, multiply-accumulates) of a layer: of every product that was merged, and of both halves of attention."""
    sizes, macs = step.node.sizes, step.layer.macs
    if step.kind == "attention":
        scores = macs * sizes["qk_dim"] // (sizes["qk_dim"] + sizes["v_dim"])
        return [(sizes["scores_path"], scores), (step.node.path, macs - scores)]
    if step.parts:
        return [(p.node.path, macs * p.node.sizes["out_features"] // step.columns) for p in step.parts]
    return [(step.node.path, macs)]


@cache
def _mode_class():
    torch = need("torch", "counting a model's work")
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves
    from torch.utils.flop_counter import flop_registry

    class CountingMode(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            # weak, so that no activation is kept alive; a storage, so that every view of it counts
            self.stack, self.count, self.storages = [""], Count(), set()

        def leave(self, module, arguments, output):
            self.stack.pop()

        def made_of_image(self, tensor):
            self.storages.add(StorageWeakRef(tensor.untyped_storage()))

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            kwargs, packet = kwargs or {}, func._overloadpacket
            result = func(*args, **kwargs)
            given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
            from_image = any(StorageWeakRef(t.untyped_storage()) in self.storages for t in given)
            if packet in flop_registry:
                flops = flop_registry[packet](*args, **kwargs, out_val=result)
                (self.count.macs if from_image else self.count.constant)[self.stack[-1]] += flops // 2
            if from_image and packet.__name__ not in CONSTANT:
                for tensor in tree_leaves(result):
                    if isinstance(tensor, torch.Tensor):
                        self.made_of_image(tensor)
            return result

    return CountingMode
