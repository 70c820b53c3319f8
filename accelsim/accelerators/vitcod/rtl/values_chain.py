"""A network whose layers find each other's results in DRAM: a layer reads its input where the layer before has written
it. The compiler gives every layer's input a place of its own, which decides nothing but rows and banks of DRAM."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from accelsim.accelerators.vitcod.dataflow.compile import compile_workload
from accelsim.accelerators.vitcod.dataflow.dense import kept
from accelsim.accelerators.vitcod.dataflow.mapping import cuts_of, stays_of
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import coded_heads
from accelsim.accelerators.vitcod.machine import ViTCoD, resources
from accelsim.accelerators.vitcod.rtl.values_reads import ReadingProgram, plain, sources
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.dataflows.stores import Kept
from accelsim.dataflows.windows import Window
from accelsim.workload.layers import ACTIVATIONS, Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.wiring import PROJECTIONS, size, wiring
from accelsim.workload.workload import Workload

OPERANDS = ("q", "k", "v", "code_q", "code_k")  # of attention, which the layers before compute
NORMS = ("layernorm", "batchnorm")


class Chained(ViTCoD):
    """The machine, with a program whose tensors lie where they are computed."""

    def program(self, arch: Arch) -> ReadingProgram:
        return ReadingProgram(super().program(arch).names)

    def compile(self, program: ReadingProgram, arch: Arch, workload: Workload) -> None:
        found = self.mapping(arch, workload)
        of = resources(arch), cuts_of(found), stays_of(found)
        apart = self.program(arch)
        compile_workload(apart, workload, *of)
        program.places.update(chained(workload, apart.places, of[0]))
        program.memory = apart.memory
        outputs = {layer.name: program.places[output_name(layer)] for layer in workload.layers}
        program.read.sources.update(sources(workload, apart.places, outputs, of[1]))
        compile_workload(program, workload, *of, alike=False)


CHAINED = Chained()


def whole_chain(workload: Workload) -> Workload:
    """A workload without the operands of its own that layers before compute: weights and constants stay."""
    reads, kept = wiring(workload), {}
    for name, one in workload.tensors.items():
        layer, _, operand = name.rpartition(".")
        computed = operand in OPERANDS or (operand == "x" and reads[layer].inputs)
        if not (computed or (operand == "residual" and reads[layer].residual)):
            kept[name] = one
    return replace(workload, tensors=kept)


def check(arch: Arch, workload: Workload) -> None:
    """Raise InputError for what has no data path here."""
    for wrong, why in (
        (workload.batch > 1, "a batch of several pictures"),
        (arch.options["residency"] != "dram", "another residency than dram: activations that stay on chip"),
        (arch.options["miss"] == "dram", "miss=dram: queries that are fetched of DRAM"),
        (arch.options["layout"] != "packed", "another layout than packed"),
    ):
        if wrong:
            raise InputError(f"{workload.name}: {why} is not run with values")
    reads = wiring(workload)
    for layer in workload.layers:
        if isinstance(layer, Elementwise):
            fits = layer.op in ACTIVATIONS or layer.op == "mean" or layer.operands == 2
            fits &= len(reads[layer.name].inputs) == layer.operands
        elif isinstance(layer, Norm):
            lanes = arch.parts["vector"]["lanes"]
            fits = layer.norm in NORMS and lanes <= layer.features < 1 << 12
        elif isinstance(layer, Attention):
            fits = layer.windows == 1
        else:
            fits = isinstance(layer, Gemm) and lies_known(layer)
        if not fits:
            raise InputError(f"{workload.name}: {layer.name} is a layer that is not run with values")


def lies_known(layer: Gemm) -> bool:
    """Whether each element of a dense layer's input is known: of a square picture's windows, or one for each row."""
    if layer.repeat > 1 and layer.role in PROJECTIONS:
        return False
    window = Window.of(layer)
    return window.out > 0 if window else layer.inputs == layer.repeat * layer.tokens * layer.in_features


@dataclass(frozen=True)
class Shape:
    """Tokens, and features of each."""

    tokens: int
    features: int

    @property
    def bytes(self) -> int:
        return self.tokens * self.features


def input_of(layer: Layer) -> Shape:
    """What a layer reads."""
    return Shape(layer.tokens, layer.repeat * layer.in_features if isinstance(layer, Gemm) else layer.features)


def output_of(layer: Layer) -> Shape:
    """What it computes."""
    return Shape(*size(layer))


def output_name(layer: Layer) -> str:
    """Its tensor in DRAM."""
    return f"{layer.name}.output" + ".0" * isinstance(layer, Attention)


def readers(workload: Workload) -> dict[str, list[tuple[str, Shape]]]:
    """Of each layer who reads its output, or some of it, byte after byte: the reader's tensor, and in which shape."""
    found: dict[str, list[tuple[str, Shape]]] = {layer.name: [] for layer in workload.layers}
    reads = wiring(workload)
    for layer in workload.layers:
        for tensor, name in plain(workload, layer, reads[layer.name]):
            found[name].append((tensor, input_of(layer) if tensor.endswith(".input") else output_of(layer)))
    return found


def chained(workload: Workload, places: Mapping[str, int], have: Resources) -> dict[str, int]:
    """Tensor -> address: of a layer's input that of what is read, before which a class token may lie; of Q, K and V
    that at which their projections leave them.

    Raises InputError where a reader finds other bytes than the layer has written.
    """
    found = dict(places)
    for name, some in readers(workload).items():
        layer = workload.layer(name)
        made, own = output_of(layer), output_name(layer)
        classed = [(tensor, shape) for tensor, shape in some if shape == Shape(made.tokens + 1, made.features)]
        before = made.features * bool(classed)
        start = places[classed[0][0]] if classed else places[own]
        found[own] = start + before
        for tensor, shape in some:
            with_class = bool(classed) and shape.tokens != made.tokens
            if shape.bytes > made.bytes + before * with_class:
                raise InputError(f"{workload.name}: {tensor} is more than {own}, which it is to be")
            found[tensor] = start + before * (not with_class)
    for layer in workload.layers:
        if isinstance(layer, Gemm) and layer.encodes is not None:
            for name, one in firsts(layer, workload.layer(layer.encodes), have):
                found[f"{layer.encodes}.{name}.0"] = found[f"{layer.name}.output"] + one.at
    return found


def firsts(layer: Gemm, attention: Attention, have: Resources) -> Iterator[tuple[str, Kept]]:
    """Of Q, K and V as a projection leaves them, each one's first head."""
    coded, every = coded_heads(attention, have), kept(layer, attention, have)
    for name in layer.role:
        yield name, next(every)
        if name == "v" or not coded:
            for _ in range(attention.heads - 1):
                next(every)
