"""Replay a request trace against a DRAM: when every request is accepted and done, and what the memory did meanwhile."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accelsim.components.dram.mapping import LINE_BITS, AddressMap, address_map
from accelsim.components.dram.standard import Standard, load_standard
from accelsim.components.dram.statistics import statistics
from accelsim.components.dram.traces import Trace, read_requests
from accelsim.core.errors import InputError, suggest
from accelsim.core.files import write

CONTROLLERS = ("dramsim3", "frfcfs", "frfcfs_rowhit")


class Replay(NamedTuple):
    """Cycles of acceptance and completion of every request (int64, -1 for never; data all returned, or all
    written), the statistics, and the commands issued (cycle, command, channel, bank, row) if they were asked for."""

    accept: np.ndarray
    done: np.ndarray
    statistics: dict
    commands: np.ndarray


class OutsideDeviceError(InputError):
    """A request to an address that the device does not have."""

    def __init__(self, request: int, sentence: str) -> None:
        super().__init__(f"request {request}: {sentence}")
        self.request, self.sentence = request, sentence


def check_addresses(trace: Trace, where: AddressMap, standard: Standard) -> None:
    outside = np.flatnonzero((trace.address < 0) | (trace.address >= where.capacity_bytes))
    if outside.size:
        i = int(outside[0])
        raise OutsideDeviceError(
            i,
            f"address {int(trace.address[i]):#x} lies outside the device: {where.channels} channels of"
            f" {standard.name} end at {where.capacity_bytes:#x}.",
        )


def replay(
    trace: Trace,
    standard: Standard | str = "ddr4_2400_reference",
    controller: str = "dramsim3",
    channels: int = 1,
    mapping: str = "m1",
    *,
    ranks: int | None = None,
    closed_page: bool = False,
    flush: bool = True,
    every_clock: bool = False,
    commands: bool = False,
    io: bool = False,
) -> Replay:
    """Offer a trace's requests to a memory of `channels` channels and run it until all are done.

    Before the tick of clock t, requests are offered in order while their arrival is at or before t, at most one per
    channel in a clock, up to the first that is refused. `flush` drains the writes that DRAMsim3 would keep for ever;
    `every_clock` steps every clock instead of jumping (the answer is the same); `commands` records all commands; `io`
    counts the energy of wires and termination too. Raises InputError for unknown names and for addresses outside the
    device.
    """
    from accelsim.components.dram.handle import handle
    from accelsim.components.dram.loop import compiled
    from accelsim.components.dram.state import build

    if isinstance(standard, str | Path):
        standard = load_standard(standard)
    if ranks is not None:
        standard = standard.with_ranks(ranks)
    if controller not in CONTROLLERS:
        known = ", ".join(CONTROLLERS)
        raise InputError(f"controller is {controller!r}: expected one of {known}{suggest(controller, CONTROLLERS)}.")
    where = address_map(mapping, standard, channels)
    check_addresses(trace, where, standard)
    n = len(trace.arrival)
    slots, log = 4096, 16 * n + 4096 if commands else 0
    run = compiled(controller)
    while True:
        s = build(standard, where, controller, closed_page=closed_page, slots=slots, log=log)
        chip = s.chip[0]
        chip.eager = every_clock
        accept, done = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        end = run(
            handle(s),
            0,
            np.ascontiguousarray(trace.arrival, np.int64),
            np.ascontiguousarray(trace.address, np.int64) >> LINE_BITS,
            np.ascontiguousarray(trace.is_write, np.int64),
            accept,
            done,
            flush,
        )
        if chip.out_of_slots:  # more reads merged into one another than slots; the buffers themselves are never short
            slots *= 8
        elif commands and chip.logged == log:
            log *= 4
        else:
            break
    found = statistics(s, standard, where, trace, accept, done, int(end), io=io)
    issued = np.array(s.log[: chip.logged])  # an idle channel catches up with the others later
    return Replay(accept, done, found, issued[np.lexsort((issued["channel"], issued["cycle"]))])


def replay_file(
    trace: str | Path,
    *,
    controller: str = "dramsim3",
    standard: str = "ddr4_2400_reference",
    channels: int = 1,
    mapping: str = "m1",
    ranks: int | None = None,
    closed_page: bool = False,
    io: bool = False,
    completions: str | Path | None = None,
) -> dict:
    """Replay a trace file and return its statistics; `completions` names an .npz for the arrays `accept` and `done`.

    Raises InputError, with file and line, for what is wrong in the trace, and for whatever else `replay` refuses.
    """
    if completions is not None:
        check_completions(completions)
    loaded = load_standard(standard)
    requests, lines = read_requests(Path(trace))
    try:
        found = replay(requests, loaded, controller, channels, mapping, ranks=ranks, closed_page=closed_page, io=io)
    except OutsideDeviceError as e:
        raise InputError(f"{trace}:{lines[e.request]}: {e.sentence}") from e
    if completions is not None:
        write_completions(completions, found)
    return found.statistics


def check_completions(path: str | Path) -> Path:
    """The path, if completions can be written there; asked before a long replay. Raises InputError otherwise."""
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"{path}: the completions are written as .npz; name a file that ends so.")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the completions cannot be written: there is no folder {path.parent}.")
    return path


def write_completions(path: str | Path, found: Replay) -> None:
    """Write `accept` and `done` to an .npz file: the same bytes for the same replay, and never half a file."""
    path, body = check_completions(path), io.BytesIO()
    np.savez_compressed(body, accept=found.accept, done=found.done)
    try:
        write(path, body.getvalue())
    except OSError as e:
        raise InputError(f"{path}: the completions cannot be written: {e.strerror}.") from e
