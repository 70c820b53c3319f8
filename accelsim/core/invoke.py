"""Addresses inside compiled code: the record or array that lies there, and a call of the function that starts there."""

from accelsim.core.compiled import intrinsic

RAISED = -1  # what a call gives whose function raised an exception


@intrinsic
def record_at(typingctx, address, dtype):
    """The record of a type at an address (int64)."""
    record = dtype.dtype

    def build(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(record))

    return record(address, dtype), build


def array_value(context, builder, kind, address, shape):
    """The C-ordered array of a type at an address; whoever owns it outlives it."""
    from numba import types
    from numba.np.arrayobj import make_array, populate_array

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
    from numba import types
    from numba.core import cgutils

    kind = types.Array(dtype.dtype, len(shape), "C")

    def build(context, builder, signature, arguments):
        return array_value(context, builder, kind, arguments[0], cgutils.unpack_tuple(builder, arguments[1]))

    return kind(address, shape, dtype), build


@intrinsic
def invoke(typingctx, address, now, words):
    """Call the entry of a component (see elaborate.py) at an address, as numba calls: what it returns it writes where
    it is told, what it gives back says whether it raised. RAISED if it did."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils

    def build(context, builder, signature, arguments):
        word, status, pointer = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(status, [word.as_pointer(), pointer.as_pointer(), word, word])
        given, raised = cgutils.alloca_once(builder, word), cgutils.alloca_once(builder, pointer)
        failed = builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [given, raised, *arguments[1:]])
        well = builder.icmp_signed("==", failed, status(0))
        return builder.select(well, builder.load(given), word(RAISED))

    return types.int64(types.int64, types.int64, types.int64), build
