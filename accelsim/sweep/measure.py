"""One point simulated: from a configuration and a workload to a flat row of figures."""

import time
from dataclasses import dataclass

from accelsim.accelerators.plugins import fault, name_plugin
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.report.figures import Summary
from accelsim.sweep.points import WorkloadFile
from accelsim.sweep.source import source_hash
from accelsim.workload.workload import Workload

OTHER_VERSION = "this worker runs another version of accelsim than the sweep; install the same everywhere"
RULE = "rule"  # the objective that has layers cut by rule, without a search
Figures = dict[str, int | float | None]
TERMS = "energy_terms"  # beside the figures: the energy's sums by the prices they are multiples of, for drawing prices


@dataclass(frozen=True)
class Task:
    """What a worker needs: a point that is possible, and the source it is to be simulated with."""

    key: str
    arch: Arch
    workload: WorkloadFile
    source: str
    plugin: str = ""  # where the machine lies, if it is neither shipped nor installed
    estimated: bool = False  # in closed form, not simulated

    @property
    def netlist(self) -> str:
        """Two tasks with the same one run the same compiled kernel."""
        return f"{self.arch.machine} {sorted(self.arch.models.items())}"


@dataclass(frozen=True)
class Outcome:
    """A simulated point: its figures, or the sentence that says why there are none."""

    key: str
    figures: Figures | None
    error: str | None
    seconds: float  # of simulation, on the worker's clock


def perform(task: Task, workload: Workload | None = None) -> Outcome:
    """Simulate a task; whatever goes wrong becomes its error, so that no point can stop the others."""
    begun = time.perf_counter()
    try:
        if task.plugin:
            name_plugin(task.plugin)
        if task.source != source_hash(task.arch.machine):
            raise InputError(OTHER_VERSION)
        find = estimate if task.estimated else measure
        made, error = find(task.arch, workload or task.workload.load()), None
    except InputError as reason:
        made, error = None, str(reason)
    except MemoryError:
        made, error = None, "there is not enough memory for this point beside the others; fewer workers (-j) need less"
    except OSError as reason:  # a full disk, mostly
        made, error = None, f"{reason.filename or 'the system'}: {reason.strerror or reason}"
    except Exception as reason:  # a fault of a plug-in or of the simulator is the point's, too
        made, error = None, str(fault(reason) or f"internal error: {type(reason).__name__}: {reason}")
    return Outcome(task.key, made, error, time.perf_counter() - begun)


def measure(arch: Arch, workload: Workload) -> Figures:
    """The figures of a run. Raises InputError when the workload does not fit the machine."""
    from accelsim.accelerators.run import run
    from accelsim.energy import bounds, terms
    from accelsim.report.metrics import summarize

    record = run(arch, workload)
    summary = summarize(record, layers=False)
    found, more = terms(summary.charges), {"multipliers": record.multipliers, "operand_bits": record.operand_bits}
    return figures(summary) | more | {TERMS: {**found, "bounds": bounds(summary.prices, found)}}


def estimate(arch: Arch, workload: Workload) -> Figures:
    """The figures that a closed-form estimate has, of cuts by rule; `estimated` is 1 in them.

    Raises InputError when the workload does not fit the machine, or the machine has no estimate.
    """
    from accelsim.accelerators import machine

    model = machine(arch.machine)
    found = model.mapping(arch, workload, objective=RULE)
    cycles = [one.estimate.cycles for one in found]
    whole = round(sum(cycles))
    macs = sum(model.useful_macs(arch, workload, layer) for layer in workload.layers) * workload.batch
    row: Figures = {
        "cycles": whole,
        "seconds": whole / float(arch.clocks["core"]),
        "estimated": 1,
        "mac_utilization": macs / max(1, whole * model.peak_macs(arch)),
        "macs": macs,
        "dense_macs": workload.macs * workload.batch,
        "dram_bytes": sum(one.estimate.dram_bytes for one in found),
    }
    phases: dict[str, float] = {}
    for one, each in zip(found, cycles):
        phases[one.phase] = phases.get(one.phase, 0.0) + each
    return row | {f"phase.{name}.cycles": round(each) for name, each in phases.items()}


def figures(summary: Summary) -> Figures:
    """The figures of a run by name: of the whole, of each phase, and how busy each part was (shares of its cycles)."""
    total = summary.total
    row: Figures = {
        "cycles": total.cycles,
        "seconds": total.seconds,
        "energy_pj": total.energy.pj,
        "energy_low_pj": total.energy.low_pj,
        "energy_high_pj": total.energy.high_pj,
        "chip_energy_pj": total.energy.chip_pj,
        "dram_energy_pj": total.energy.dram_pj,
        "dram_background_pj": total.energy.background_pj,
        "power_w": total.power_w,
        "chip_power_w": total.chip_power_w,
        "area_mm2": summary.area_mm2[0],
        "mac_utilization": total.mac_utilization,
        "bandwidth_utilization": total.bandwidth_utilization,
        "q_forward_hit_rate": summary.q_forward_hit_rate,
        "macs": total.macs,
        "dense_macs": total.dense_macs,
        "mac_ops": total.mac_ops,
        "dram_read_bytes": total.dram_read_bytes,
        "dram_write_bytes": total.dram_write_bytes,
        "ops_per_byte": total.roofline.ops_per_byte,
        "ops_per_s": total.roofline.ops_per_s,
        "peak_ops_per_s": summary.peak_ops_per_s,
        "dram_peak_bytes_per_s": summary.dram_peak_bytes_per_s,
        "on_chip_bytes": summary.on_chip_bytes,
    }
    for phase in summary.phases:
        row[f"phase.{phase.name}.cycles"] = phase.cycles
        row[f"phase.{phase.name}.energy_pj"] = phase.energy.pj
        row[f"phase.{phase.name}.mac_utilization"] = phase.mac_utilization
        row[f"phase.{phase.name}.bandwidth_utilization"] = phase.bandwidth_utilization
    for memory in summary.memories:
        if not memory.off_chip:
            row[f"part.{memory.name}.write_bytes"] = memory.write_bytes
    for name, activity in total.activity.items():
        for status in ("busy", "starved", "blocked"):
            row[f"part.{name}.{status}"] = activity.share(status)
    return row
