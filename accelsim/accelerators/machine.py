"""What a machine is: parts, wiring, a compiler, and what others must know of it. Each machine is a folder or a plug-in
whose module `machine` holds one, called MACHINE (see docs/your-own-machine.md).
"""

import gc
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from accelsim.accelerators import main_memory, netlist
from accelsim.accelerators.jobs import note_jobs, watch_jobs
from accelsim.accelerators.netlist import Wiring
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema
from accelsim.core import Component, InputError, Mem
from accelsim.core.result import Part, Result
from accelsim.dataflows.mapping import LayerMapping
from accelsim.dataflows.program import Names, Program
from accelsim.energy import EnergyTable, check_machine, read_prices
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.core import Simulator
    from accelsim.validation import Judge
    from accelsim.validation.calibration import Calibration

CONTRACT = 1  # what a machine and the rest of accelsim expect of each other; raised when that changes


def prices_in(path: Path) -> dict[str, Any]:
    """The price document of a file, which is read again when the file has changed."""
    about = path.stat() if path.is_file() else None
    return prices_of(path, about and (about.st_mtime_ns, about.st_size, about.st_ino))


@lru_cache(64)
def prices_of(path: Path, about: object) -> dict[str, Any]:
    return read_prices(path)


class Machine:
    """Base of all machines. A subclass says what it consists of and compiles networks for itself.

    schema: what its user decides. wiring: the channels. array: the parts that are its PE array (empty: all that count
    `mac_ops`). prices: its price document, beside those of the classes it is derived from; what it does not price, the
    shared energy table does. tables: table of its programs -> type of a row. program_memory: the load buffer that its
    program comes through (empty: it takes no time and no room). row_bytes: table -> bytes of a row, of tables that come
    with the instructions. listing: the order of its parts in results (empty: the schema's). layer_counters:
    `PART.COUNTER` of what `layers.csv` shows of each layer too. kinds: of the layers that it runs. calibration:
    how far its estimates were from the simulation, a table that benchmarks/estimate.py writes.
    """

    contract: ClassVar[int] = CONTRACT
    bits: ClassVar[int] = 8  # of its operands
    schema: MachineSchema
    wiring: Wiring
    array: ClassVar[tuple[str, ...]] = ()
    prices: ClassVar[Path | None] = None
    tables: ClassVar[Mapping[str, np.dtype]] = {}
    program_memory: ClassVar[str] = ""
    row_bytes: ClassVar[Mapping[str, int]] = {}
    listing: ClassVar[tuple[str, ...]] = ()
    layer_counters: ClassVar[tuple[str, ...]] = ()
    analytic: ClassVar[bool] = False  # its figures are a model's, not a simulation's (see analytic.py)
    kinds: ClassVar[tuple[str, ...]] = (Gemm.kind, Attention.kind, Norm.kind, Elementwise.kind)
    calibration: ClassVar[Path | None] = None

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        """Fill a program with a network; mark n closes layer n. Raises InputError when a layer does not fit."""
        raise self.incomplete("has no compiler: its class defines no `compile`")

    def mapping(
        self, arch: Arch, workload: Workload, *, pinned: Mapping[str, Any] = MappingProxyType({}), objective: str = ""
    ) -> tuple[LayerMapping, ...]:
        """How every layer is cut, and what that is estimated to take.

        `pinned`: layer -> part -> cut, in the place of what would be chosen. `objective`: what is made small (empty:
        what the configuration says; rule: nothing is looked for, layers are cut by rule, which is quicker). Raises
        InputError when a layer does not fit, or a pinned cut does not.
        """
        raise InputError(
            f"the machine {self.schema.name} hands out no mapping: its class defines no `mapping`, so that its layers "
            "can be simulated but neither estimated nor pinned"
        )

    def refuse_pins(self, arch: Arch, pinned: Mapping[str, Any], objective: str) -> None:
        """Of a machine whose plans are chosen by estimated time alone. Raises InputError for anything else."""
        if pinned or objective not in ("", "cycles", "rule"):
            raise InputError(
                f"the machine {arch.machine} takes no mapping and no objective but cycles: its plans are chosen by "
                "estimated time"
            )

    @property
    def maps(self) -> bool:
        """Whether it hands out a mapping."""
        return type(self).mapping is not Machine.mapping

    def peak_macs(self, arch: Arch) -> int:
        """Multiply-accumulates a core cycle."""
        raise self.incomplete("does not say its peak: its class defines no `peak_macs`")

    def multipliers(self, arch: Arch) -> int:
        """All that multiply operands, those beside the PE array too."""
        return self.peak_macs(arch)

    def operand_bits(self, arch: Arch) -> int:
        """Of the operands that are multiplied."""
        return self.bits

    def incomplete(self, what: str) -> InputError:
        """Something that a machine must have is not there."""
        return InputError(f"{inspect.getfile(type(self))}: the machine {self.schema.name} {what}")

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        """Multiply-accumulates of a layer, of one picture, that are useful work; all, where masks are not applied."""
        return layer.macs

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        """What a reader of its results must know."""
        return {}

    def price_documents(self) -> tuple[dict[str, Any], ...]:
        """Its price documents, those of the classes it is derived from first. Raises InputError if one is wrong."""
        paths = [vars(kind).get("prices") for kind in reversed(type(self).__mro__)]
        return tuple(prices_in(path) for path in dict.fromkeys(paths) if path)

    def judge(self) -> "type[Judge]":
        """The class whose objects judge its runs (see validation/judge.py), imported when called.

        The one given here asks only what is asked of any machine.
        """
        from accelsim.validation import Judge

        return Judge

    def finish(self, arch: Arch, sim: "Simulator", skip: bool = True) -> None:
        """When the program has ended, let the memory write what it holds back, and account for all of the run."""
        main_memory.finish(arch, sim, skip=skip)

    def calibrations(self) -> "Sequence[Calibration]":
        """What it predicts of hardware of others that somebody measured (see validation/calibration.py), imported when
        called. None: nothing was measured."""
        return ()

    def twins(self):
        """Its hardware twins (rtl.twins.Twins), imported when called. None: it has none."""
        return None

    def simulate(
        self,
        arch: Arch,
        workload: Workload,
        table: EnergyTable,
        *,
        trace: int = 0,
        skip: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Result, dict[str, object]]:
        """Run a workload: what is left behind, and what a reader of it must know of the memory and the program.

        `trace`: room for status events between two drains; `skip=False` ticks every component in every cycle;
        `progress` is called with the number of layers that are finished. Raises InputError when the workload does not
        fit, or when `table` does not price the machine.
        """
        sim, program = self.build(arch, workload, trace=trace)
        check_machine({c.name: c.counts() for c in sim.components}, sim.parts(), table, arch.clocks)
        if trace:
            watch_jobs(sim)
        sim.run(skip=skip, on_mark=progress)
        self.finish(arch, sim, skip)
        result = sim.result()
        if trace:
            note_jobs(program, result)
        return result, {**main_memory.notes(arch, sim), "instructions": len(program.instructions)}

    def peak_bytes_per_s(self, arch: Arch) -> float:
        """What its memory moves at best."""
        return main_memory.peak_bytes_per_s(arch)

    def check_kinds(self, arch: Arch, workload: Workload, source: str) -> None:
        """Raise InputError for a layer of a kind that it does not run."""
        for layer in workload.layers:
            if layer.kind not in self.kinds:
                raise InputError(
                    f"{source}: layer {layer.name} is of kind {layer.kind}, but the machine {arch.machine} runs "
                    f"{', '.join(self.kinds)}; take the network it was made from, or a machine that runs it"
                )

    def parts(self, arch: Arch) -> dict[str, type[Component]]:
        """The component of every part, as configured."""
        return netlist.kinds(self.schema, arch)

    def listed(self, arch: Arch) -> tuple[str, ...]:
        """Its parts in the order of results; those that a derived machine adds are behind the others."""
        parts = self.parts(arch)
        first = [part for part in self.listing if part in parts]
        return (*first, *(part for part in parts if part not in first))

    def wired(self, arch: Arch) -> Wiring:
        """The channels, as configured."""
        return self.wiring

    def parts_of(self, arch: Arch) -> dict[str, Part]:
        """Every component as it stands in a result, before it is given a program."""
        tables = self.program(arch).finish()
        return netlist.build(self.schema, self.wired(arch), arch, tables, order=self.listed(arch)).parts()

    def program(self, arch: Arch) -> Program:
        """An empty program that knows the names of this machine."""
        parts = self.parts(arch)
        holding = {n: kind.declared(Mem) for n, kind in parts.items()}
        names = Names(
            netlist.units(parts),
            netlist.counters(parts),
            [n for n, mems in holding.items() if "loads" in mems],
            [n for n, mems in holding.items() if "stores" in mems],
            self.tables,
            self.program_memory,
            arch.parts[self.program_memory]["capacity_bytes"] if self.program_memory else 0,
            self.row_bytes,
            {n: short for n, kind in parts.items() if (short := getattr(kind, "short", {}))},
        )
        return Program(names)

    def build(
        self,
        arch: Arch,
        workload: Workload,
        *,
        trace: int = 0,
        monitored: bool = False,
        order: Sequence[int] = (),
        depth: int = 0,
    ) -> tuple["Simulator", Program]:
        """The netlist with a workload's program loaded, and that program.

        `trace`: room for status events between two drains; `monitored`: log what crosses the channels; `order`: in
        which order the components are added, by their numbers in the listing (no result depends on it); `depth`: of
        all channels, instead of their own. Raises InputError when a layer does not fit the machine.
        """
        source = workload.source or f"workload {workload.name}"
        for operand, width in workload.bits.items():
            if width != self.bits:
                raise InputError(
                    f"{source}: bits of {operand} is {width}, but the machine {arch.machine} has operands of "
                    f"{self.bits} bits and models no others; give {self.bits}"
                )
        self.check_kinds(arch, workload, source)
        program = self.program(arch)
        collects = gc.isenabled()
        gc.disable()  # what is made is needed to the end: nothing would be found
        try:
            self.compile(program, arch, workload)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        finally:
            if collects:
                gc.enable()
        listing = self.listed(arch)
        sim = netlist.build(
            self.schema,
            self.wired(arch),
            arch,
            program.finish(),
            order=[listing[n] for n in order or range(len(listing))],
            trace=trace,
            monitored=monitored,
            depth=depth,
        )
        return sim, program
