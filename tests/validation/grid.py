"""A second machine to judge: a small systolic array that runs dense and vector layers, a fold an instruction."""

from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.components.dma import Dma
from accelsim.components.dram_pipe import DramPipe
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.systolic_array import BLOCK, SystolicArray
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import IDLE, Component, In, tick
from accelsim.dataflows.gemm import Columns as AllColumns
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.tiling import DenseResources, VectorRates
from accelsim.dataflows.vector import emit_vector
from accelsim.isa.instructions import record
from accelsim.validation import Judge
from accelsim.validation import dense as judged
from accelsim.validation.memory import layer_tensors
from accelsim.workload.layers import Gemm

SIDE = 4  # rows and columns of the array


class Nowhere(Component):
    """Where scores would go."""

    scores = In("finished scores", **BLOCK)

    @tick
    def tick(now, r, scores):
        return IDLE


class GridJudge(Judge):
    """Folds of the array, one after the other down the rows of a tile."""

    array, vector, weight, act, store = "array", "vector", "weights", "inputs", "results"

    def expected(self):
        batch, layers = self.evidence.workload.batch, self.evidence.workload.layers
        yield "array", "mac_ops", batch * sum(layer.macs for layer in layers if isinstance(layer, Gemm))

    def tensors(self):
        return list(layer_tensors(self))

    def part(self, step):
        said, row = step.operands, int(self.evidence.tables["frees"]["row"][step.nth])
        shape = said["rows"], said["columns"]
        return judged.Part(*shape, said["stream"], bool(said["last"]), *shape, row)

    @property
    def partial_sum_bytes(self):
        return 4 * SIDE * SIDE

    def frees(self, step):
        if step.unit != "array":
            return {}
        row = self.evidence.tables["frees"][step.nth]
        return {"weights": int(row["weight"]), "inputs": int(row["act"])}


class Grid(Machine):
    """An output-stationary array between two buffers and a vector unit."""

    schema = MachineSchema(
        name="grid",
        title="A small systolic array",
        clocks={"core": "500 MHz", "dram": "1000 MHz"},
        options={},
        parts={
            "array": Part("the array", "core", SystolicArray, {"rows": SIDE, "columns": SIDE}),
            "nowhere": Part("where no scores go", "core", Nowhere),
            "vector": Part("element-wise work", "core", VectorUnit, {"lanes": 4}),
            "weights": Part("weights", "core", LoadBuffer, {"capacity_bytes": 250}),
            "inputs": Part("activations", "core", LoadBuffer, {"capacity_bytes": 600}),
            "results": Part("outputs", "core", StoreBuffer, {"capacity_bytes": 100}),
            "dma": Part("moves tiles", "core", Dma),
            "dram": Part("the memory", "dram", {"pipe": DramPipe}),
            "sequencer": Part("walks the program", "core", Sequencer),
        },
    )
    wiring = Wiring(
        (
            Link("dma.request", "dram.request", 8),
            Link("dram.reply", "dma.reply", 8),
            Link("array.out", "vector.outputs", 4),
            Link("array.scores", "nowhere.scores"),
            Link("vector.tile", "results.results.vector", 4),
            Link("array.release_weight", "weights.release", 4),
            Link("array.release_act", "inputs.release", 4),
        ),
        streams=("results", "inputs", "weights"),
    )
    tables = {"frees": record("weight", "weight_read", "act", "act_read", "row")}

    def judge(self):
        return GridJudge

    def compile(self, program, arch: Arch, workload) -> None:
        have = DenseResources(
            lines=SIDE,
            macs=SIDE,
            weight_bytes=arch.parts["weights"]["capacity_bytes"],
            act_bytes=arch.parts["inputs"]["capacity_bytes"],
            store_bytes=arch.parts["results"]["capacity_bytes"],
            psum_bytes=4 * SIDE * SIDE,
            vector_rates=VectorRates.of(arch.parts["vector"], arch.parts["vector"]),
            array="array",
            weight="weights",
            act="inputs",
            store="results",
        )
        folds = Folds()
        for number, layer in enumerate(workload.layers):
            if number:
                program.fence("inputs", program.all_of("results"))
            if isinstance(layer, Gemm):
                emit_gemm(program, layer, [AllColumns(layer.out_features)], workload.batch, have, folds)
            else:
                emit_vector(program, layer, workload.batch, have)
            program.mark(number, wait=program.all_of("results"))


class Folds:
    """Issues the folds of a tile; the last one frees what the tile read."""

    def __init__(self) -> None:
        self.ended = True  # whether the next fold is a new one, and not a part of the one before

    def __call__(self, program, plan, some, tile, wait, wait2) -> None:
        for at in range(0, tile.rows, SIDE):
            rows, last = min(SIDE, tile.rows - at), at + SIDE >= tile.rows
            program.enter(
                "frees",
                weight=tile.weight * last,
                weight_read=tile.columns * tile.depth,
                act=tile.act * last,
                act_read=rows * tile.depth,
                row=tile.row + at,
            )
            shape = {"rows": rows, "columns": tile.columns, "stream": tile.depth}
            ends = {"first": self.ended, "last": tile.last, "adds": 0}
            out = {"to": 1, "passes": tile.passes, "row": 0, "constants": tile.constants, "added": tile.added}
            program.issue("array", **shape, **ends, **out, wait=wait, wait2=wait2)
            self.ended = tile.last
            if not last:
                program.will("array")


MACHINE = Grid()
