"""Texts and paths that a command is given, converted as typer does it but without the library that it imports for
that, which takes longer than much of what is asked."""

from pathlib import Path
from typing import Any

try:
    from typer._coercion import build_runtime_param
    from typer._param_types import coerce_cli_path
except ImportError:  # a release of typer that has no such library, or has it elsewhere
    build_runtime_param = coerce_cli_path = None

PLAIN: dict[object, tuple[bool, type]] = {
    str: (False, str),
    Path: (False, Path),
    list[str]: (True, str),
    list[Path]: (True, Path),
}


class Plain:
    """In the place of typer's converter of a parameter, which is made when a value is no text or path."""

    def __init__(self, descriptor: Any) -> None:
        self.descriptor = descriptor
        self.several, self.kind = PLAIN.get(descriptor.annotation, (False, None))
        info = descriptor.parameter_info
        if info.parser is not None or info.path_type is not None:
            self.kind = None

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """What the command is given for it."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        values = value if self.several and isinstance(value, list | tuple) else [value]
        if self.kind is None or self.several != (value is values) or not all(type(one) is str for one in values):
            return build_runtime_param(self.descriptor).coerce(value, param=param, ctx=ctx)
        if self.kind is Path:
            info = self.descriptor.parameter_info
            values = [coerce_cli_path(Path(one), info, path_type=Path, param=param, ctx=ctx) for one in values]
        return list(values) if self.several else values[0]


def lightened(params: list[Any]) -> list[Any]:
    """Parameters, from now on converted so, if this release of typer has them converted in this way."""
    for param in params:
        if build_runtime_param and getattr(param, "_runtime_param", 0) is None:
            param._runtime_param = Plain(param.type_descriptor)
    return params
