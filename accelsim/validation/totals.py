"""Conservation: what the units counted against closed forms of the network; buffers and channels against their
sizes."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.validation.evidence import DMA, MEMORY, Evidence, handed_on, sizes
from accelsim.validation.judge import Judge
from accelsim.validation.memory import Tensor
from accelsim.validation.report import Report


def moved(evidence: Evidence) -> Iterator[tuple[str, str, int]]:
    """What buffers and memory must have counted: all that the program loads and stores."""
    names = evidence.names
    total = {part: int(sizes(evidence.tables[part]).sum()) for part in (*names.buffers, *names.stores)}
    for buffer in names.buffers:
        kept = sum(handed_on(evidence.tables[store]) for store in evidence.elements(f"{buffer}.keep"))
        yield buffer, "write_bytes", total[buffer] + kept
    for store in names.stores:
        yield store, "write_bytes", total[store]
        yield store, "read_bytes", total[store]
    others = [part for part in evidence.elements(f"{DMA}.tile") if part not in total]
    fetched = sum(int(sizes(evidence.moved(part)).sum()) for part in others)  # judged by the machine's own
    yield MEMORY, "read_bytes", fetched + sum(total[buffer] for buffer in names.buffers)
    yield MEMORY, "write_bytes", sum(int(sizes(evidence.to_memory(store)).sum()) for store in names.stores)
    unit = next(iter(names.units))
    yield evidence.sender[f"{unit}.command"].split(".")[0], "instructions", len(evidence.tables["program"])


def check_totals(judge: Judge, tensors: Sequence[Tensor] | None, report: Report) -> None:
    """Counters of the whole run."""
    evidence = judge.evidence
    what = "as the network says"
    for unit, counter, wanted in (*judge.expected(), *moved(evidence)):
        if counter in evidence.result.total.counts[unit]:
            report.equal("totals", f"{unit}.{counter}", what, evidence.count(unit, counter), int(wanted))
    if tensors is not None:
        stores = evidence.names.stores
        found = sum(evidence.count(store, "write_bytes") for store in stores)
        wanted = sum(t.touched for t in tensors if t.written)
        report.equal("totals", f"{', '.join(stores)}.write_bytes", what, found, wanted)
    length = {clock: evidence.result.cycles(clock) for clock in evidence.result.periods}
    for unit, spent in evidence.result.total.status.items():
        clock = evidence.result.parts[unit].clock
        report.equal("totals", unit, "cycles by status add up to the run", sum(spent.values()), length[clock])
    layers = len(evidence.workload.layers)
    marks = [span.label for span in evidence.result.spans if span.label >= 0]
    last = list(dict.fromkeys(reversed(marks)))[::-1]  # fused layers take turns before they end
    ended = (
        []
        if last == list(range(layers)) and marks == evidence.turns
        else [f"marks {marks[:5]} ... for {layers} layers"]
    )
    report.add("totals", "layers", "each ends once, in order", layers, ended)


def check_ports(judge: Judge, report: Report) -> None:
    """In no layer more bytes through a buffer than its ports take. What a burst brings counts in the cycle in which the
    buffer takes it, and is written from then on: a burst more than the ports took may have been taken."""
    evidence, readers, bit_readers = judge.evidence, judge.readers(), judge.bit_readers()
    names, burst = evidence.names, evidence.part(DMA, "burst_bytes")
    for buffer in (*names.buffers, *names.stores):
        if not {"banks", "port_bytes"} <= evidence.arch.parts[buffer].keys():
            continue
        width, wrong = evidence.part(buffer, "banks") * evidence.part(buffer, "port_bytes"), []
        came = [log["bytes"] for log in evidence.elements(f"{buffer}.results").values()]
        came += [log["bytes"] * log["segments"] for log in evidence.elements(f"{buffer}.keep").values()]
        late = max([burst, *(int(size.max(initial=0)) for size in came)])
        for span in evidence.result.spans:
            counts = span.counts
            cycles = evidence.result.cycles("core", span.end) - evidence.result.cycles("core", span.start)
            read = counts[buffer]["read_bytes"] + sum(counts[n][c] for n, c in readers.get(buffer, ()))
            read = 8 * read + sum(counts[n][c] for n, c in bit_readers.get(buffer, ()))
            written = 8 * counts[buffer]["write_bytes"]
            through = read + written if judge.shared_ports else max(read, written)
            if through > 8 * (width * cycles + late):
                rest = f" and {through % 8} bits" if through % 8 else ""
                wrong.append(f"{buffer}, layer {span.label}: {through // 8} bytes{rest} in {cycles} cycles of {width}")
        report.add(
            "buffers", buffer, f"at most {width} bytes a cycle, layer by layer", len(evidence.result.spans), wrong
        )


def check_buffers(evidence: Evidence, report: Report) -> None:
    """No global buffer over its capacity, none with bytes left; no channel over its depth."""
    for buffer, most in evidence.peak.items():
        capacity = evidence.part(buffer, "capacity_bytes")
        wrong = [] if 0 <= most <= capacity else [f"{buffer}: {most} bytes at most, of {capacity}"]
        report.add("buffers", buffer, f"never more than {capacity} bytes", most, wrong)
        report.equal("buffers", buffer, "nothing is left in it", evidence.held[buffer], 0)
    links, peaks = evidence.result.links, evidence.result.peaks
    names = list(links)
    report.compare(
        "buffers",
        "channels",
        "no channel holds more than its depth",
        np.array([peaks[n] <= links[n].depth for n in names], bool),
        lambda n: f"{names[n]}: {peaks[names[n]]} of {links[names[n]].depth}",
    )
