"""Which component has which module, and how the two are wired alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from accelsim.core import Component, In, Out, Param

Sizes = Mapping[str, int]  # parameters and channel depths by name


def one(_: Sizes) -> int:
    return 1


@dataclass(frozen=True)
class Twin:
    """A component, its module, the tables both read, and the ports where more than one item moves in a cycle.

    `left_out` are parameters of the component that its module has no use for. `most` gives for a port how many items
    may move there in a cycle, from the component's parameters and the channel's depth (`depth`); of the ports in `told`
    one of these parameters already tells the module. `inside` are modules that stand in its own.
    """

    component: type[Component]
    module: str
    tables: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    most: Mapping[str, Callable[[Sizes], int]] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    def ports(self) -> dict[str, In | Out]:
        """Its ports in the order of declaration."""
        return {n: f for n, f in self.component.fields.items() if isinstance(f, In | Out)}

    def items(self, port: str, values: Sizes, depth: int) -> int:
        """How many items may move through a port in a cycle."""
        return self.most.get(port, one)({**values, "depth": depth})

    def parameters(self, values: Sizes, depths: Sizes) -> dict[str, int]:
        """The module's parameters (without table sizes)."""
        found = {n.upper(): values[n] for n in self.component.declared(Param) if n not in self.left_out}
        for port, ends in self.ports().items():
            if port in self.most and port not in self.told:
                way = "POPS" if isinstance(ends, In) else "PUSHES"
                found[f"{port.upper()}_{way}"] = self.items(port, values, depths[port])
        return found
