"""Addresses inside compiled code: the record or array that lies there, and a call of the function that starts there."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


@intrinsic
def record_at(typingctx, address, dtype):
    """The record of a type at an address (int64)."""
    record = dtype.dtype

    def build(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(record))

    return record(address, dtype), build


def array_value(context, builder, kind, address, shape):
    """The C-ordered array of a type at an address; whoever owns it outlives it."""
    array = make_array(kind)(context, builder)
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [itemsize]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    data = builder.inttoptr(address, array.data.type)
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


@intrinsic
def array_at(typingctx, address, shape, dtype):
    """The array of a shape (a tuple of int64) and type at an address (int64)."""
    kind = types.Array(dtype.dtype, len(shape), "C")

    def build(context, builder, signature, arguments):
        return array_value(context, builder, kind, arguments[0], cgutils.unpack_tuple(builder, arguments[1]))

    return kind(address, shape, dtype), build


@intrinsic
def invoke(typingctx, address, now, words):
    """Call the entry of a component (see elaborate.py) at an address."""

    def build(context, builder, signature, arguments):
        word = ir.IntType(64)
        entry = builder.inttoptr(arguments[0], ir.FunctionType(word, [word, word]).as_pointer())
        return builder.call(entry, arguments[1:])

    return types.int64(types.int64, types.int64, types.int64), build
