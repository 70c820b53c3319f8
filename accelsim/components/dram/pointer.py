"""The type of a `Dram` inside compiled code: a pointer, whose attributes are the arrays. Alone imports numba."""

from numba import from_dtype, types
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import lower_getattr_generic, models, register_model

from accelsim.components.dram.handle import ARRAYS
from accelsim.core.invoke import array_value


class Pointer(types.Type):
    """The type of the pointer; its attributes are the arrays."""

    def __init__(self) -> None:
        super().__init__("dram")


register_model(Pointer)(models.OpaqueModel)


def array_type(name: str) -> types.Array:
    dtype, dimensions = ARRAYS[name][:2]
    return types.Array(from_dtype(dtype), dimensions, "C")


@infer_getattr
class ArrayOfPointer(AttributeTemplate):
    key = Pointer

    def generic_resolve(self, kind, name):
        return array_type(name) if name in ARRAYS else None


@lower_getattr_generic(Pointer)
def find_array(context, builder, kind, value, name):
    at, (_, dimensions, *width) = 0, ARRAYS[name]
    for other, about in ARRAYS.items():
        if other == name:
            break
        at += 1 + about[1]
    word = context.get_value_type(types.int64)
    row = builder.bitcast(value, word.as_pointer())
    load = [builder.load(builder.gep(row, [word(at + n)])) for n in range(1 + dimensions - len(width))]
    for loaded in load:  # the row stays as it is, whatever is stored elsewhere: it need not be read again
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return array_value(context, builder, array_type(name), load[0], [*load[1:], *map(word, width)])


cpu_target.typing_context.refresh()  # what is being compiled knows of it only then
