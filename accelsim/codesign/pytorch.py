"""The optional packages (torch, timm, transformers, safetensors, scikit-learn), imported when first needed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from accelsim.core.errors import InputError

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared = []


def need(package: str, purpose: str) -> ModuleType:
    """Import a package of the extra `accelsim[torch]`. Errors: InputError that names the extra when it is absent."""
    if package in ("timm", "transformers"):
        _declare_vision_operators()
    try:
        return importlib.import_module(package)
    except ImportError as error:
        missing = getattr(error, "name", None) or package
        raise InputError(
            f"{purpose} needs the package {package!r}, and {missing!r} cannot be imported; "
            "install the extra with: pip install 'accelsim[torch]'"
        ) from None


def _declare_vision_operators() -> None:
    """timm imports torchvision, whose CUDA build does not import beside a CPU build of torch unless the two operators
    that its own registration then lacks are declared. Where it does register them, declaring them first would abort
    the process, so torchvision is tried as it is before."""
    torch = need("torch", "reading a vision transformer")
    if _declared or importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
        return
    except (ImportError, RuntimeError):
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _OPERATORS:
        if not hasattr(torch.ops.torchvision, schema.split("(")[0]):
            library.define(schema)
    _declared.append(library)  # a library that is collected takes its operators along
