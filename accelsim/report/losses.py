"""Why a run is as long as it is: where the MACs stand still, and who works meanwhile.

A run lasts as long as its multiply-accumulates at the array's peak, and what is lost. Every instant is looked at: the
array works, with some of its MACs idle; or it stands still while another unit computes, while only memories and their
engines move data, or while nothing is busy and answers are on their way. These add up to the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from accelsim.core.result import Span
from accelsim.report.quantities import percent
from accelsim.report.record import RunRecord

MOVERS = frozenset(("Sequencer", "Dma", "LoadBuffer", "StoreBuffer"))  # classes that compute nothing
CAUSES = ("unused", "unit", "memory", "latency")
MOST = 10  # losses that are said


@dataclass
class Loss:
    """Core cycles lost in a phase for one cause; `component`: which unit works meanwhile. `layers`: layer -> cycles.
    `together`: of an array of several engines, which of them work at a time -> share of the time that they do."""

    phase: str
    cause: str
    component: str = ""
    cycles: float = 0.0
    layers: dict[str, float] = field(default_factory=dict)
    together: dict[str, float] = field(default_factory=dict)
    worked: float = 0.0  # core cycles in which the array did anything
    done: float = 0.0  # core cycles that its multiply-accumulates take at its peak

    def add(self, layer: str, cycles: float) -> None:
        self.cycles += cycles
        self.layers[layer] = self.layers.get(layer, 0.0) + cycles

    def sentence(self, total: int) -> str:
        """What is lost, of how many core cycles of the run, and where most."""
        head = f"{round(self.cycles):,} core cycles ({percent(self.cycles / total)} of the run) in {self.phase}: "
        worst = max(self.layers, key=lambda n: self.layers[n], default="")
        tail = f"; most in {worst} ({round(self.layers[worst]):,})" if len(self.layers) > 1 else ""
        if self.cause == "unused":
            used = percent(self.done / self.worked if self.worked else None)
            said = f"the array works with {used} of its MACs"
            if len(self.together) > 1:
                parts = sorted(self.together.items(), key=lambda item: -item[1])[:3]
                said += ", " + ", ".join(f"{names} {percent(share)} of that time" for names, share in parts)
            return head + said + tail
        if self.cause == "unit":
            return f"{head}the MACs stand still while {self.component} works{tail}"
        if self.cause == "memory":
            return f"{head}the MACs stand still while DRAM, DMA and buffers move data{tail}"
        return f"{head}the MACs stand still and nothing works, answers and commands are on their way{tail}"


def losses(record: RunRecord) -> list[Loss]:
    """Everything that is lost, most first; nothing of a run without its changes of status.

    With the multiply-accumulates at the array's peak it adds up to the core cycles of the run.
    """
    result, names = record.result, list(record.result.parts)
    if not result.traced or len(names) > 62:
        return []
    array = sum(1 << names.index(n) for n in record.engines)
    movers = {n for n, part in result.parts.items() if MOVERS & set(part.kinds) or n in record.dram}
    units = [(n, 1 << names.index(n)) for n in names if n not in movers and n not in record.engines]
    moving = ~sequencers(record)
    period = result.periods["core"]
    found: dict[tuple[str, str, str], Loss] = {}

    def of(span: Span, cause: str, component: str = "") -> Loss:
        phase = record.phase(span.label)
        return found.setdefault((phase, cause, component), Loss(phase, cause, component))

    for span, share in zip(result.spans, result.busy_together()):
        layer = record.layers[span.label]["name"] if span.label >= 0 else "outside every layer"
        done = sum(span.counts[n]["mac_ops"] for n in record.engines) / record.peak_macs
        worked = 0.0
        for mask, time in sorted(share.items()):
            if mask & array:
                worked += time / period
                engines = " and ".join(n for n in record.engines if mask >> names.index(n) & 1)
                together = of(span, "unused").together
                together[engines] = together.get(engines, 0.0) + time / period
                continue
            working = [n for n, bit in units if mask & bit]
            if working:
                longest = max(working, key=lambda n: span.status[n]["busy"])
                of(span, "unit", longest).add(layer, time / period)
            else:
                of(span, "memory" if mask & moving else "latency").add(layer, time / period)
        if worked or done:
            loss = of(span, "unused")
            loss.add(layer, worked - done)
            loss.worked, loss.done = loss.worked + worked, loss.done + done
    for loss in found.values():
        whole = sum(loss.together.values())
        loss.together = {n: time / whole for n, time in loss.together.items()} if whole else {}
    return sorted((loss for loss in found.values() if loss.cycles > 0.5), key=lambda loss: -loss.cycles)


def sequencers(record: RunRecord) -> int:
    """The bits of what only hands out commands."""
    return sum(1 << i for i, part in enumerate(record.result.parts.values()) if "Sequencer" in part.kinds)


def suspects(record: RunRecord, loss: Loss) -> Sequence[str]:
    """The components whose parameters may relieve a loss, the likeliest first."""
    result = record.result
    buffers = [n for n, p in result.parts.items() if "LoadBuffer" in p.kinds]
    if loss.cause == "unit":
        return [loss.component]
    if loss.cause in ("memory", "latency"):
        moving = [n for n, p in result.parts.items() if "Dma" in p.kinds]
        return [*record.dram, *moving, *sorted(buffers, key=lambda n: -result.total.status[n]["busy"])[:2]]
    mine = [s for s in result.spans if record.phase(s.label) == loss.phase]

    def busy(name: str) -> int:
        return sum(s.status[name]["busy"] for s in mine)

    others = [n for n in result.parts if n not in (*record.engines, *record.dram)]
    return [*sorted(record.engines, key=busy, reverse=True), *sorted(others, key=busy, reverse=True)[:3]]
