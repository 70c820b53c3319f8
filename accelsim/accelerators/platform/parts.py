"""What a platform consists of for the model: parameters and counters, no behaviour."""

from accelsim.core import Component, Count, Param

LARGEST = 1 << 24


class Host(Component):
    """The processor that runs Python and launches kernels."""

    launch = Param(10_000, "cycles", "from one launch of a kernel to the next", low=0)
    graph_launch = Param(10_000, "cycles", "to launch a whole graph of kernels", low=0)

    launches = Count("launches: of each kernel, or of the graph")


class Device(Component):
    """What runs kernels, one after another."""

    start = Param(2_000, "cycles", "of every kernel: its start, its first operands, its end", low=0)

    kernels = Count("kernels run")
    mac_ops = Count("multiply-accumulates done")


class Arithmetic(Component):
    """Products in one number format."""

    flops = Param(
        1_024, "count", "operations a cycle at the peak, of all its units (0: it has none)", low=0, high=LARGEST
    )
    efficiency = Param(700, "permille", "of the peak that a large product reaches")
    step = Param(10, "cycles", "for each element of a product's depth, however few results it has", low=0)
    fused_efficiency = Param(400, "permille", "of the peak that fused attention reaches on many heads")
    fused_step = Param(50, "cycles", "of fused attention for each key, however few heads there are", low=0)
    operation = Param(10_000, "fJ", "an operation at the plug, beyond what the board draws by time", low=0)


class SparseKernels(Component):
    """Attention under a mask in compressed rows: a chain of kernels for every head."""

    kernels = Param(34, "count", "kernels a head")
    score = Param(0, "cycles", "for each score that is kept", low=0)


class Caches(Component):
    """What keeps the operands of a kernel on the chip when all of them fit."""

    capacity_bytes = Param(0, "bytes", "operands and results of a kernel that are kept; weights never are", low=0)
    bytes_per_cycle = Param(1_024, "bytes/cycle", "bytes moved in a core cycle")

    moved_bytes = Count("bytes that kernels read and write here", "bytes")


class Memory(Component):
    """The memory of the device."""

    bytes_per_cycle = Param(1_024, "bytes/cycle", "bytes moved in a cycle of its clock at the peak")
    efficiency = Param(700, "permille", "of the peak that a kernel reaches")
    byte = Param(50_000, "fJ", "a byte moved at the plug, beyond what the board draws by time", low=0)

    read_bytes = Count("bytes that kernels read", "bytes")
    write_bytes = Count("bytes that kernels write", "bytes")


class Board(Component):
    """What the meter sees: everything that the platform draws."""

    idle = Param(50_000, "mW", "drawn whatever happens", low=0)
    busy = Param(100_000, "mW", "drawn in addition while a kernel runs", low=0)

    idle_nj = Count("drawn whatever happens", "nJ")
    busy_nj = Count("drawn while kernels run", "nJ")
    work_nj = Count("drawn for operations and bytes moved", "nJ")
