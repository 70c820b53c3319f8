"""A network whose layers find each other's results in DRAM: a layer reads its input where the layer before has written
it. The compiler gives every layer's input a place of its own, which decides nothing but rows and banks of DRAM."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from accelsim.accelerators.vitcod.dataflow.compile import compile_workload
from accelsim.accelerators.vitcod.dataflow.mapping import cuts_of, stays_of
from accelsim.accelerators.vitcod.machine import ViTCoD, resources
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program
from accelsim.workload.layers import Attention, Gemm, Layer, Norm
from accelsim.workload.wiring import wiring
from accelsim.workload.workload import Workload

OPERANDS = ("q", "k", "v", "code_q", "code_k")  # of attention, which the layers before compute
NORMS = ("layernorm", "batchnorm")


class Chained(ViTCoD):
    """The machine, with a program whose tensors lie where they are computed."""

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        found = self.mapping(arch, workload)
        of = resources(arch), cuts_of(found), stays_of(found)
        apart = self.program(arch)
        compile_workload(apart, workload, *of)
        program.places.update(chained(workload, apart.places))
        program.memory = apart.memory
        compile_workload(program, workload, *of)


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
    for layer in workload.layers:
        fits = isinstance(layer, Attention) or (isinstance(layer, Gemm) and layer.repeat == layer.kernel == 1)
        if isinstance(layer, Norm):
            lanes = arch.parts["vector"]["lanes"]
            fits = layer.norm in NORMS and lanes <= layer.features < 1 << 12
        if not fits:
            raise InputError(f"{workload.name}: {layer.name} is a layer that is not run with values")


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
    return Shape(layer.tokens, layer.in_features if isinstance(layer, Gemm) else layer.features)


def output_of(layer: Layer) -> Shape:
    """What it computes."""
    if isinstance(layer, Attention):
        return Shape(layer.q_tokens, layer.heads * layer.v_dim)
    return Shape(layer.tokens, layer.out_features if isinstance(layer, Gemm) else layer.features)


def output_name(layer: Layer) -> str:
    """Its tensor in DRAM."""
    return f"{layer.name}.output" + ".0" * isinstance(layer, Attention)


def readers(workload: Workload) -> dict[str, list[tuple[str, Shape]]]:
    """Of each layer who reads its output: the reader's tensor, and in which shape."""
    found: dict[str, list[tuple[str, Shape]]] = {layer.name: [] for layer in workload.layers}
    reads = wiring(workload)
    for layer in workload.layers:
        if isinstance(layer, Attention):
            continue
        if reads[layer.name].inputs:
            found[reads[layer.name].inputs[0]].append((f"{layer.name}.input", input_of(layer)))
        if reads[layer.name].residual:
            found[reads[layer.name].residual].append((f"{layer.name}.residual", output_of(layer)))
    return found


def chained(workload: Workload, places: Mapping[str, int]) -> dict[str, int]:
    """Tensor -> address: of a layer's input that of what is read, before which a class token may lie.

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
    return found
