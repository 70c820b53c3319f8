"""Which component has which module, and how the two are wired alike."""

from collections.abc import Callable
from dataclasses import dataclass, field

from accelsim.accelerators.vitcod.components.decoder import Decoder
from accelsim.accelerators.vitcod.components.denser_engine import DenserEngine
from accelsim.accelerators.vitcod.components.encoder import Encoder
from accelsim.accelerators.vitcod.components.index_walker import IndexWalker
from accelsim.accelerators.vitcod.components.output_merge import OutputMerge
from accelsim.accelerators.vitcod.components.softmax_unit import SoftmaxUnit
from accelsim.accelerators.vitcod.components.sparser_engine import SparserEngine
from accelsim.core import Component, In, Out, Param
from accelsim.rtl.package import PAYLOADS

Sizes = dict[str, int]  # parameters and channel depths by name


def one(_: Sizes) -> int:
    return 1


@dataclass(frozen=True)
class Twin:
    """A component, its module, the tables both read, and the ports where more than one item moves in a cycle.

    `left_out` are parameters of the component that its module has no use for. `most` gives for a port how many items
    may move there in a cycle, from the component's parameters and the channel's depth (`depth`). `inside` are modules
    that stand in its own.
    """

    component: type[Component]
    module: str
    tables: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    most: dict[str, Callable[[Sizes], int]] = field(default_factory=dict)
    inside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is called on the command line."""
        return self.module

    def ports(self) -> dict[str, In | Out]:
        """Its ports in the order of declaration."""
        return {n: f for n, f in self.component.fields.items() if isinstance(f, In | Out)}

    def payload(self, port: str) -> str:
        """The name of a port's payload in the package `isa`."""
        names = self.component.fields[port].payload
        return next(n for n, fields in PAYLOADS.items() if fields == names)

    def items(self, port: str, values: Sizes, depth: int) -> int:
        """How many items may move through a port in a cycle."""
        return self.most.get(port, one)({**values, "depth": depth})

    def parameters(self, values: Sizes, depths: Sizes) -> Sizes:
        """The module's parameters (without table sizes)."""
        found = {n.upper(): values[n] for n in self.component.declared(Param) if n not in self.left_out}
        for port, ends in self.ports().items():
            if port in self.most:
                way = "POPS" if isinstance(ends, In) else "PUSHES"
                found[f"{port.upper()}_{way}"] = self.items(port, values, depths[port])
        if self.module == "sparser_engine":
            del found["SCORE_PUSHES"]  # SCORE_PORTS says it
        return found


TWINS = {
    twin.module: twin
    for twin in (
        Twin(IndexWalker, "index_walker", ("passes", "columns")),
        Twin(OutputMerge, "output_merge", ("passes", "rows")),
        Twin(
            SoftmaxUnit,
            "softmax_unit",
            ("passes", "rows", "dense"),
            ("score_bytes",),
            {"scores": lambda v: min(v["lanes"], v["depth"]), "score": lambda v: min(v["lanes"], v["depth"])},
        ),
        Twin(DenserEngine, "denser_engine", ("passes", "dense", "rows"), ("q_bytes", "k_bytes", "q_port_bytes")),
        Twin(
            SparserEngine,
            "sparser_engine",
            ("passes", "rows", "index"),
            (),
            {"score": lambda v: v["score_ports"], "miss": lambda v: min(v["depth"], v["lines"])},
            ("arbiter",),
        ),
        Twin(Decoder, "decoder", ("passes",)),
        Twin(Encoder, "encoder"),
    )
}
