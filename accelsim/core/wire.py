"""A channel before time starts: whose ports it joins."""

from dataclasses import dataclass

from accelsim.core.component import Component, Port, PortArray


@dataclass(frozen=True)
class Wire:
    """A channel before time starts; an end at a port array is `PORT.ELEMENT`."""

    producer: Component
    out: str
    consumer: Component
    into: str
    depth: int
    monitored: bool

    @property
    def name(self) -> str:
        return f"{self.producer.name}.{self.out} -> {self.consumer.name}.{self.into}"

    @property
    def ends(self) -> tuple[str, str]:
        return f"{self.producer.name}.{self.out}", f"{self.consumer.name}.{self.into}"

    @property
    def payload(self) -> dict[str, str]:
        """The fields of an item, each with a sentence: those of the end that names them."""
        ends = port_of(self.producer, self.out), port_of(self.consumer, self.into)
        return next((end.fields for end in ends if end.fields), {})


def port_of(component: Component, name: str) -> Port | None:
    """The port that an end of a wire means: `PORT`, or `PORT.ELEMENT` of a port array. None if there is none."""
    port, dot, element = name.partition(".")
    found = component.fields.get(port)
    return found if isinstance(found, Port) and bool(dot and element) == isinstance(found, PortArray) else None
