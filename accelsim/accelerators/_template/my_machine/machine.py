"""my_machine: an array of dot products between two buffers, with a vector unit behind it."""

from pathlib import Path

from my_machine.compiler import compile_workload
from my_machine.dot_array import DotArray

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import DenseResources, VectorRates
from accelsim.workload.workload import Workload


def ports_rule(arch: Arch) -> str | None:
    """The operand buffer can read what the array multiplies: a row's byte and a column's for every product."""
    array, buffer = arch.parts["dot"], arch.parts["operand_gb"]
    needed, there = 2 * array["multipliers"], buffer["banks"] * buffer["port_bytes"]
    if needed <= there:
        return None
    return f"dot.multipliers = {array['multipliers']} read {needed} bytes a cycle, but the ports of operand_gb {there}"


FIXED = {"overlap": "options"}  # not for a user to set: rows and columns of a tile are in the buffer together
PORTS = {"banks": "operand_gb", "port_bytes": "operand_gb"}  # the vector unit reads operands through these

SCHEMA = MachineSchema(
    name="my_machine",
    title="An array of dot products, everything dense",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={},
    parts={
        "dot": Part("multiplies and adds", "core", DotArray),
        "vector": Part("element-wise work, softmax and normalisation", "core", VectorUnit, derived=PORTS),
        "operand_gb": Part("what is multiplied", "core", LoadBuffer, {"capacity_bytes": "64 KiB"}, FIXED),
        "result_gb": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "16 KiB"}),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, ports_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("dot.outputs", "vector.outputs"),
        Link("dot.release", "operand_gb.release"),
        Link("vector.tile", "result_gb.results.vector"),
    ),
    streams=("result_gb", "operand_gb"),  # the first is served first: results leave before more is fetched
)


class MyMachine(Machine):
    """What the rest of accelsim must know of it."""

    schema = SCHEMA
    wiring = WIRING
    array = ("dot",)
    prices = Path(__file__).with_name("prices.yaml")

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        compile_workload(program, workload, sizes(arch))

    def peak_macs(self, arch: Arch) -> int:
        return arch.parts["dot"]["multipliers"]


MACHINE = MyMachine()


def sizes(arch: Arch) -> DenseResources:
    """What the compiler counts on; one buffer holds all operands."""
    operands, results = arch.parts["operand_gb"]["capacity_bytes"], arch.parts["result_gb"]["capacity_bytes"]
    names = {"array": "dot", "weight": "operand_gb", "act": "operand_gb", "store": "result_gb"}
    kept = {"weight_bytes": operands, "act_bytes": operands, "store_bytes": results, "psum_bytes": 0}
    rates = VectorRates.of(arch.parts["vector"], arch.parts["operand_gb"])
    return DenseResources(lines=1, macs=arch.parts["dot"]["multipliers"], vector_rates=rates, **kept, **names)
