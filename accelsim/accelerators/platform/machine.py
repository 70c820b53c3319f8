"""A CPU or GPU that runs a network in PyTorch, as a model: launches, a roof of arithmetic and one of memory, sparse
kernels, and what the board draws. Its form is checked on measured rows (docs/machines/platforms.md).
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from accelsim.accelerators.analytic import Analytic, Fit, Stretch
from accelsim.accelerators.platform.kernels import BYTES, Kernel, Style, kernels
from accelsim.accelerators.platform.parts import Arithmetic, Board, Caches, Device, Host, Memory, SparseKernels
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Param
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.workload import Workload

SWITCH = ("true", "false")


def precision_rule(arch: Arch) -> str | None:
    """A platform multiplies only what it has units for."""
    precision = arch.options["precision"]
    if arch.parts[precision]["flops"] >= 2:
        return None
    return f"precision is {precision}, but {precision}.flops is {arch.parts[precision]['flops']}; choose the other one"


SCHEMA = MachineSchema(
    name="platform",
    title="a CPU or GPU that runs the network in PyTorch; an analytic model",
    clocks={"core": "1 GHz", "dram": "1 GHz"},
    options={
        "precision": Param("float32", "choice", "the number format", choices=("float32", "float16")),
        "launch": Param(
            "eager",
            "choice",
            "kernels launched one by one, ahead of the device; as one graph; or in turn with their work, as on a CPU",
            choices=("eager", "graph", "in_turn"),
        ),
        "attention": Param(
            "separate",
            "choice",
            "a kernel for each step; the same with pruned scores filled (nothing is saved); one kernel for all; or"
            " sparse kernels under the mask",
            choices=("separate", "masked", "fused", "sparse"),
        ),
        "copies": Param("true", "choice", "heads are copied into the order that products want", choices=SWITCH),
        "batchnorm": Param(
            "folded",
            "choice",
            "batch normalisations are folded into the products before them, as in the workload, or kernels themselves",
            choices=("folded", "apart"),
        ),
    },
    parts={
        "host": Part("launches kernels", "core", Host),
        "device": Part("runs kernels", "core", Device),
        "float32": Part("products of 32-bit numbers", "core", Arithmetic),
        "float16": Part("products of 16-bit numbers", "core", Arithmetic),
        "sparse": Part("attention under a mask", "core", SparseKernels),
        "cache": Part("on-chip memory between kernels", "core", Caches),
        "dram": Part("the memory", "dram", Memory),
        "board": Part("the power drawn", "core", Board),
    },
    rules=(precision_rule,),
)


class Platform(Analytic):
    """Kernel by kernel: launched, then as long as the slowest of its roofs."""

    schema = SCHEMA
    array = ("device",)
    prices = Path(__file__).with_name("prices.yaml")
    layer_counters = ("device.kernels",)

    def peak_macs(self, arch: Arch) -> int:
        return arch.parts[arch.options["precision"]]["flops"] // 2

    def operand_bits(self, arch: Arch) -> int:
        return 8 * BYTES[arch.options["precision"]]

    def peak_bytes_per_s(self, arch: Arch) -> float:
        return float(arch.clocks["dram"]) * arch.parts["dram"]["bytes_per_cycle"]

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        """All, where masks are not applied."""
        if isinstance(layer, Attention) and arch.options["attention"] == "sparse" and layer.name in workload.masks:
            return int(workload.masks[layer.name].nnz.sum()) * (layer.qk_dim + layer.v_dim)
        return layer.macs

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        option = arch.options
        said = {"modes": f"{option['precision']}, {option['launch']} launches, {option['attention']} attention"}
        attention = [layer for layer in workload.layers if isinstance(layer, Attention)]
        if option["attention"] != "sparse" and any(layer.name in workload.masks for layer in attention):
            said["masks"] = "nothing is saved: every score is computed"
        if any(layer.encoded_heads for layer in attention):
            said["auto_encoder"] = "not applied: Q and K are moved as they are"
        return said

    def fitted(self, rows: Path, device: str, peaks: Mapping[str, float]) -> Fit:
        from accelsim.accelerators.platform.rows import read_rows
        from accelsim.accelerators.platform.write import measured, verdict

        found, known = read_rows(rows, device)
        made = measured(found, {**known, **peaks}, rows.name)
        checked = [(row.title, row.seconds, time, energy) for row, time, energy in made.checked]
        return Fit(made.text, verdict(made), checked)

    def estimate(self, arch: Arch, workload: Workload) -> list[Stretch]:
        style = Style(
            arch.options["precision"],
            arch.options["attention"],
            arch.options["copies"] == "true",
            arch.options["batchnorm"] == "apart",
            arch.parts["sparse"]["kernels"],
        )
        run, begun = Run(arch), 0
        found = [run.layer(kernels(layer, workload, style)) for layer in workload.layers]
        for stretch in found:
            took = stretch.end - begun
            if run.mode != "in_turn":  # the host launches without a pause, whatever the device does
                stretch.status["host"]["busy"] = max(0, min(stretch.end, run.host_at) - begun)
            stretch.status["host"]["blocked"] = took - stretch.status["host"]["busy"]
            begun = stretch.end
        return found


class Run:
    """A network on its way: when the host can launch the next kernel and when the device can run it, in core cycles."""

    def __init__(self, arch: Arch) -> None:
        self.arch, self.parts = arch, arch.parts
        self.mode, self.format = arch.options["launch"], arch.parts[arch.options["precision"]]
        self.hertz, self.memory_hertz = (Fraction(arch.clocks[name]) for name in ("core", "dram"))
        self.host_at = self.device_at = 0
        self.graphs = 0
        if self.mode == "graph":
            self.graphs = 1  # to be launched, before the first layer
            self.host_at = self.device_at = self.parts["host"]["graph_launch"]

    def layer(self, found: list[Kernel]) -> Stretch:
        """Run a layer's kernels; the first one's time begins with the launch of the graph, if there is one."""
        begun = 0 if self.graphs else self.device_at
        busy = near = far = written = 0
        for kernel in found:
            kept, moved = self.traffic(kernel)
            near, far = near + kept, far + moved
            written += 0 if kept else kernel.written
            each = self.parts["device"]["start"] + -(-self.work(kernel, kept, moved) // kernel.count)
            busy += each * kernel.count
            self.launch(each, kernel.count)
        count, macs, took = sum(k.count for k in found), sum(k.macs for k in found), self.device_at - begun
        launches, self.graphs = self.graphs if self.mode == "graph" else count, 0
        return Stretch(
            self.device_at,
            {
                "host": {"busy": count * self.parts["host"]["launch"] if self.mode == "in_turn" else 0},
                "device": {"busy": busy, "starved": took - busy},
            },
            {
                "host": {"launches": launches},
                "device": {"kernels": count, "mac_ops": macs},
                "cache": {"moved_bytes": near},
                "dram": {"read_bytes": far - written, "write_bytes": written},
                "board": self.energy(took, busy, 2 * macs, far),
            },
        )

    def launch(self, each: int, count: int) -> None:
        """Some equal kernels of `each` cycles."""
        h = self.parts["host"]["launch"]
        if self.mode == "graph":
            self.device_at += count * each
        elif self.mode == "in_turn":
            self.device_at += count * (h + each)
            self.host_at += count * h
        else:
            first, last = self.host_at + h, self.host_at + count * h
            self.device_at = max(self.device_at + count * each, first + count * each, last + each)
            self.host_at = last

    def traffic(self, kernel: Kernel) -> tuple[int, int]:
        """Bytes that a kernel moves in caches, where all but the weights may fit, and in memory."""
        moved = kernel.read + kernel.written
        fits = moved <= self.parts["cache"]["capacity_bytes"]
        return (moved, kernel.weights) if fits else (0, moved + kernel.weights)

    def work(self, kernel: Kernel, near: int, far: int) -> int:
        """Core cycles of a kernel's work: the slowest of its roofs."""
        dram, form = self.parts["dram"], self.format
        memory = Fraction(1000 * far, dram["bytes_per_cycle"] * dram["efficiency"]) * self.hertz / self.memory_hertz
        memory += Fraction(near, self.parts["cache"]["bytes_per_cycle"])
        share, step = form["efficiency"], form["step"]
        if kernel.kind == "fused":
            share, step = form["fused_efficiency"], form["fused_step"]
        roofs = [memory, Fraction(2000 * kernel.macs, form["flops"] * share), Fraction(kernel.depth * step)]
        roofs.append(Fraction(kernel.kept * self.parts["sparse"]["score"]))
        return -(-max(roofs) // 1)

    def energy(self, took: int, busy: int, operations: int, moved: int) -> dict[str, int]:
        """nJ that the board draws."""
        board, per_second = self.parts["board"], Fraction(10**6) / self.hertz  # 1 mW for 1 s is 10**6 nJ
        work = Fraction(operations * self.format["operation"] + moved * self.parts["dram"]["byte"], 10**6)
        return {
            "idle_nj": round(board["idle"] * took * per_second),
            "busy_nj": round(board["busy"] * busy * per_second),
            "work_nj": round(work),
        }


MACHINE = Platform()
