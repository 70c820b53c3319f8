"""The record of a run: its result and everything needed to say how it was made. `accelerators.run()` fills it."""

from dataclasses import dataclass, field
from typing import Any

from accelsim.core.errors import InputError
from accelsim.core.result import Result


@dataclass
class RunRecord:
    """A finished run with its configuration and workload; what every table, file and picture is made from.

    `layers` has a mapping {name, block, phase, macs, dense_macs} for each layer of the workload; the label of a span of
    `result` is an index into it, or -1 for what comes before the first and after the last layer. `macs` are the useful
    multiply-accumulates with the mask applied, `dense_macs` those without a mask. Raises InputError when a span's label
    or a named component does not exist.
    """

    result: Result
    machine: str
    arch: dict[str, Any]  # the resolved configuration, JSON-able; arch["energy"] names the table and overrides
    workload: dict[str, Any]  # name, model, hash, synthetic, provenance, batch
    layers: list[dict[str, Any]]
    peak_macs: int  # multiply-accumulates a core cycle of the PE array
    dram_peak_bytes_per_s: float
    notes: dict[str, Any] = field(default_factory=dict)  # what else a reader must know, such as which DRAM model ran
    array: tuple[str, ...] = ()  # components that are the PE array; if empty, all that count `mac_ops`
    dram: tuple[str, ...] = ("dram",)  # components whose bytes are off-chip traffic
    layer_counters: tuple[str, ...] = ()  # PART.COUNTER of what is shown of every layer beside the common figures
    prices: tuple[dict[str, Any], ...] = ()  # the machine's price documents, as energy.read_prices gives them
    multipliers: int | None = None  # all of the machine's, those beside the PE array too
    operand_bits: int | None = None  # of what is multiplied
    analytic: bool = False  # the figures are a model's, not a simulation's

    def __post_init__(self) -> None:
        for span in self.result.spans:
            if not -1 <= span.label < len(self.layers):
                raise InputError(
                    f"the record of {self.machine} has a span labelled {span.label}, but its {len(self.layers)} layers"
                    f" are labelled 0 to {len(self.layers) - 1} (-1: outside every layer)"
                )
        for name in (*self.array, *self.dram):
            if name not in self.result.parts:
                raise InputError(
                    f"the record of {self.machine} names the component {name!r}, but its parts are"
                    f" {', '.join(self.result.parts)}"
                )
        for name in self.layer_counters:
            part, _, counter = name.partition(".")
            if counter not in self.result.total.counts.get(part, {}):
                raise InputError(f"the record of {self.machine} names the counter {name!r}, which no part of it has")

    @property
    def engines(self) -> tuple[str, ...]:
        """The components that make up the PE array."""
        return self.array or tuple(n for n, c in self.result.total.counts.items() if "mac_ops" in c)

    @property
    def clock_hz(self) -> float:
        """Core cycles in a second."""
        return float(self.result.time_base_hz) / self.result.periods["core"]

    def phase(self, label: int) -> str:
        """The phase of a span; `other` for what is outside every layer."""
        return self.layers[label]["phase"] if label >= 0 else "other"
