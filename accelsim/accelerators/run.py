"""A machine runs a workload: from a configuration and layers to the record that reports are made from."""

import json
from collections.abc import Callable

from accelsim import __version__
from accelsim.accelerators import machine, shipped
from accelsim.accelerators.plugins import plugins
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError, shown
from accelsim.energy import load_table
from accelsim.report.record import RunRecord
from accelsim.workload.activity import classes
from accelsim.workload.layers import Gemm
from accelsim.workload.workload import Workload

EVENTS = 1 << 18  # status events between two drains of the trace


def phase(layer) -> str:
    """What kind of layer it is, in a report: the role of a dense layer, else its kind."""
    return layer.role if isinstance(layer, Gemm) else layer.kind


def origin(name: str) -> dict[str, str]:
    """For a result: which plug-in the machine is, and what it was made of."""
    if name in shipped():
        return {}
    found = plugins()[name]
    return {"plugin": f"{found.name}, sources sha256 {found.source_hash()}"}


def operands_note(operands: dict[str, dict[str, str] | None]) -> str:
    """For a result: of what classes the layers' operands are, which the energy of multiply-accumulates follows."""
    said = [f"{of['kind']} ({of['known']})" for of in operands.values() if of]
    return ", ".join(f"{said.count(kind)} layers {kind}" for kind in sorted(set(said))) or "no layer multiplies"


def check_storable(machine: str, *parts: object) -> None:
    """Raise InputError if a result that holds all this could not be stored, before the time for it is spent."""
    for part in parts:
        try:
            json.dumps(part, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"a result of {machine} could not be stored: {error} in {shown(part)}") from None


def run(
    arch: Arch,
    workload: Workload,
    *,
    trace: bool = False,
    skip: bool = True,
    progress: Callable[[int], None] | None = None,
) -> RunRecord:
    """Simulate and return the record.

    `trace` keeps the status changes of every component, for a timeline; `skip=False` ticks every component in every
    cycle; `progress` is called with the number of layers that are finished. Raises InputError when the workload does
    not fit the machine, and when its energy table does not price the machine.
    """
    model = machine(arch.machine)
    prices = model.price_documents()
    table = load_table(arch.energy, prices, arch.places)
    said = {
        "name": workload.name,
        "model": workload.model,
        "hash": workload.hash,
        "synthetic": workload.synthetic,
        "provenance": dict(workload.provenance),
        "batch": workload.batch,
        "sparsity": workload.sparsity,
    }
    check_storable(arch.machine, said, arch.as_dict(), model.notes(arch, workload), prices)
    result, said_of_run = model.simulate(
        arch, workload, table, trace=EVENTS if trace else 0, skip=skip, progress=progress
    )
    operands = classes(workload)
    layers = [
        {
            "name": layer.name,
            "block": layer.block,
            "phase": phase(layer),
            "macs": model.useful_macs(arch, workload, layer) * workload.batch,
            "dense_macs": layer.macs * workload.batch,
            "operands": operands[layer.name],
        }
        for layer in workload.layers
    ]
    return RunRecord(
        result=result,
        machine=arch.machine,
        arch=arch.as_dict(),
        workload=said,
        layers=layers,
        peak_macs=model.peak_macs(arch),
        dram_peak_bytes_per_s=model.peak_bytes_per_s(arch),
        notes={
            "version": __version__,
            **said_of_run,
            **model.notes(arch, workload),
            **origin(arch.machine),
            "operands": operands_note(operands),
        },
        array=model.array,
        prices=prices,
        layer_counters=model.layer_counters,
        analytic=model.analytic,
        multipliers=model.multipliers(arch),
        operand_bits=model.operand_bits(arch),
    )
