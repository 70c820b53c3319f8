"""What a run leaves to be judged: the program and its tables, and everything that crossed the monitored channels."""

from dataclasses import dataclass, field, replace

import numpy as np

from accelsim.accelerators import machine, main_memory
from accelsim.config.arch import Arch
from accelsim.core.result import Result
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

BUFFERS = {"weight": "weight_gb", "act": "act_gb0", "index": "index_buffer"}


@dataclass
class Evidence:
    """One run.

    tables: the program's tables (isa). places: tensor -> its first byte in DRAM. log: "component.port" of a monitored
    channel -> records of `at` (the core cycle it was pushed in) and its payload. held, peak: bytes a buffer holds at
    the end, and the most it ever held.
    """

    arch: Arch
    workload: Workload
    result: Result
    tables: dict[str, np.recarray]
    places: dict[str, int]
    log: dict[str, np.recarray] = field(repr=False)
    held: dict[str, int]
    peak: dict[str, int]

    def on(self, option: str) -> bool:
        """Whether an option of the machine is switched on."""
        return self.arch.options[option] == "true"

    @property
    def layout(self) -> str:
        """How Q, K and V lie in DRAM."""
        return self.arch.options["layout"]

    def fused(self, layer: Attention) -> str:
        """The operands that share a tensor, in their order in a token's row; Q stands apart if it has other tokens."""
        if self.layout != "fused_qkv":
            return ""
        return "qkv" if layer.q_tokens == layer.kv_tokens else "kv"

    def operand(self, layer: Attention, name: str, image: int, token_bytes: int) -> tuple[int, int]:
        """Where token 0 of an operand begins, and the bytes from a token to the next (token by token)."""
        widths = {"q": token_bytes, "k": token_bytes, "v": layer.heads * layer.v_dim}
        together = self.fused(layer)
        if name not in together:
            return self.places[f"{layer.name}.{name}.{image}"], widths[name]
        before = sum(widths[other] for other in together[: together.index(name)])
        return self.places[f"{layer.name}.{together}.{image}"] + before, sum(widths[other] for other in together)

    def part(self, part: str, parameter: str) -> int:
        """A parameter of the machine."""
        return self.arch.parts[part][parameter]

    def count(self, component: str, counter: str) -> int:
        """An action counter of the whole run."""
        return self.result.total.counts[component][counter]


def gather(arch: Arch, workload: Workload) -> Evidence:
    """Run a workload on a machine with its channels monitored.

    Raises InputError when the workload does not fit the machine, DeadlockError when it does not run to its end.
    """
    sim, program = machine(arch.machine).build(arch, workload)
    sim.wires = [replace(wire, monitored=True) for wire in sim.wires]
    sim.run()
    main_memory.finish(arch, sim)
    result = sim.result()
    period = result.periods["core"]
    log = {}
    for name, records in result.transfers.items():
        log[name.split(" -> ")[0]] = records
        records["at"] //= period
    buffers = {c.name: c for c in sim.components if "peak_bytes" in c.fields}
    return Evidence(
        arch, workload, result, program.finish(), dict(program.places), log,
        {n: c.value("held") for n, c in buffers.items()}, {n: c.value("peak_bytes") for n, c in buffers.items()},
    )  # fmt: skip
