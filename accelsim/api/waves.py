"""A run's waveform with its channels: the run is simulated once more and watched, so that nothing of it is held in
memory, and its size is known before it is written."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from accelsim.accelerators import machine
from accelsim.config.arch import Arch
from accelsim.core.channel import WATCHED
from accelsim.core.errors import InputError
from accelsim.core.files import scratch
from accelsim.core.simulator import Simulator
from accelsim.report.plots.frame import is_of
from accelsim.report.record import RunRecord
from accelsim.report.slices import check_names, chosen
from accelsim.report.waveform import Waveform, size_bytes
from accelsim.workload.workload import Workload

ROOM = 1 << 14  # transfers and changes of status between two drains


def check_waves(arch: Arch, path: Path) -> None:
    """Raise InputError for a file or a machine of which no waveform is written."""
    if path.suffix != ".vcd":
        raise InputError(f"{path}: a waveform is written as a .vcd; name it so")
    if machine(arch.machine).analytic:
        raise InputError(f"{path}: {arch.machine} is an analytic model: it has no channels, and so no waveform")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}; make it first")


def write_waves(
    arch: Arch,
    workload: Workload,
    record: RunRecord,
    path: Path,
    layers: Sequence[str] = (),
    said: Callable[[str], None] = lambda _: None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write the waveform of a run, of which `record` was made; the file.

    layers: only in these layers or blocks (see slices.chosen). said: is told how large the file will be, before
    anything is written. progress: is told how many layers are finished. Raises InputError as `check_waves`, for a layer
    that there is not, when the disk has no room for the file, and when the file cannot be written.
    """
    check_waves(arch, path)
    spans, model = chosen(record, layers), machine(arch.machine)
    sim, _ = model.build(arch, workload, trace=ROOM, monitored=True)
    sim.log_room = ROOM
    payloads = {wire.name: tuple(wire.payload) for wire in sim.wires}
    size = size_bytes(record, spans, payloads)
    moved = sum(n for span in spans for n in span.transfers.values())
    said(f"{path}: about {size / 1e6:,.0f} MB, {moved:,} transfers of {len(payloads)} channels")
    target = path.resolve() if path.is_symlink() else path
    if size > (free := shutil.disk_usage(target.absolute().parent).free):
        raise InputError(
            f"{path}: about {size / 1e6:,.0f} MB are to be written, and the disk has {free / 1e6:,.0f} MB left; name "
            "fewer layers with --trace-layers"
        )
    try:
        with scratch(target.parent, target.name) as room:
            with (room / "new").open("w", encoding="ascii") as file:
                waves = Waveform(file.write, record.machine, record.result, spans, payloads)
                starts = [span.start for span in record.result.spans]

                def begin(number: int) -> None:
                    """Watch the channels in the spans that are written, and only there."""
                    if number < len(starts):
                        waves.begin(starts[number], sim.control["count"].tolist())
                        sim.control["monitored"] = WATCHED if waves.on else 0
                    if progress:
                        progress(number)

                sim.elaborate()
                sim.watcher = waves.take
                begin(0)
                sim.run(on_mark=begin)
                model.finish(arch, sim)
                waves.close(sim.at)
            if sim.at != record.result.end:
                raise AssertionError(f"the watched run ends at {sim.at}, and the other at {record.result.end}")
            os.replace(room / "new", target)
    except OSError as reason:
        raise InputError(f"{path}: cannot be written ({reason.strerror or reason}); name another file") from None
    return path


def cycles_of(
    sim: Simulator, period: int, names: Sequence[str], layers: Sequence[str] = ()
) -> tuple[tuple[int, int], dict[int, str]]:
    """From which cycle to which a run works on layers (or blocks; all without any), and by the cycle which layers end
    between these. `sim` is run for it; a cycle lasts `period` units of its time base; `names` are those of all layers.

    Raises InputError for a layer that there is not.
    """
    check_names(names, layers)
    sim.watcher = lambda *_: None
    sim.run()
    spans = [s for s in sim.result().spans if s.label >= 0]
    spans = [s for s in spans if not layers or any(is_of(names[s.label], layer) for layer in layers)]
    ends = {span.end // period: names[span.label] for span in spans[:-1]}
    return (spans[0].start // period, -(-spans[-1].end // period)), ends
