"""The netlist of a machine as data: who sends what to whom. For `accelsim describe`."""

from dataclasses import dataclass

from accelsim.accelerators import machine
from accelsim.config.arch import Arch
from accelsim.core.wire import port_of
from accelsim.workload.layers import Gemm
from accelsim.workload.workload import Workload


@dataclass(frozen=True)
class ChannelRow:
    """One channel: `producer` and `consumer` are component.port, `carries` its sentence, `fields` an item's payload."""

    producer: str
    consumer: str
    depth: int
    carries: str
    fields: tuple[str, ...]


def channels(arch: Arch) -> list[ChannelRow]:
    """Every channel of a machine, in the order in which it is wired; an analytic one has none."""
    if machine(arch.machine).analytic:
        return []
    smallest = Workload("smallest", "none", (Gemm("dot", "none", "other", 1, 1, 1),))
    sim, _ = machine(arch.machine).build(arch, smallest)
    rows = []
    for wire in sim.wires:
        port = port_of(wire.producer, wire.out)
        ends = f"{wire.producer.name}.{wire.out}", f"{wire.consumer.name}.{wire.into}"
        rows.append(ChannelRow(*ends, wire.depth, port.doc, tuple(wire.payload)))
    return rows


def diagram(rows: list[ChannelRow]) -> list[str]:
    """The machine as text: each component with an arrow to every component it sends to."""
    targets: dict[str, list[str]] = {}
    for row in rows:
        mine = targets.setdefault(row.producer.split(".")[0], [])
        other = row.consumer.split(".")[0]
        if other not in mine:
            mine.append(other)
    width = max(map(len, targets))
    return [f"{name:>{width}} --> {', '.join(others)}" for name, others in targets.items()]


def wiring(rows: list[ChannelRow]):
    """Channels as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="Channels", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for title in ("from", "to"):
        table.add_column(title, overflow="fold")
    table.add_column("depth", justify="right")
    for title in ("carries", "payload"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(row.producer, row.consumer, str(row.depth), row.carries, " ".join(row.fields))
    return table
