"""What the compiler may count on: the sizes of a machine that decide how work is cut up, and its options."""

from dataclasses import dataclass

from accelsim.accelerators.spatten.pruning import Options
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import DenseResources, ceil


@dataclass(frozen=True, kw_only=True)
class Resources(DenseResources):
    """Sizes in bytes; see arch_configs and `accelsim describe` for what each means.

    multipliers: of each array, the values of an SRAM line. least: values that a dot product takes in at least.
    k_bytes, l_bytes, v_bytes: of the SRAMs (l: the low bits of keys). q_bytes: of the queries' buffer. lines_even:
    whether a head takes pairs of lines. tokens: sums of the importance SRAM. choices: values of the top-k engine.
    """

    multipliers: int
    least: int
    k_bytes: int
    l_bytes: int
    v_bytes: int
    q_bytes: int
    lines_even: bool
    tokens: int
    choices: int
    comparators: int
    round_cycles: int
    options: Options
    q: str = "q_buffer"
    k: str = "k_buffer"
    l: str = "l_buffer"  # noqa: E741
    v: str = "v_buffer"

    def vectors(self, layer: str, dim: int) -> int:
        """Vectors of a line: an adder tree is left at a power of two. Raises InputError where not one fits."""
        if dim > self.multipliers:
            raise InputError(
                f"layer {layer}: a head has {dim} features, but a line holds {self.multipliers} values "
                "(qk_array.multipliers); give at least as many multipliers"
            )
        segment = self.least
        while segment < dim:
            segment *= 2
        return self.multipliers // segment

    def lines_of(self, vectors: int, count: int) -> int:
        """Lines of so many vectors."""
        many = ceil(count, vectors)
        return many + many % 2 if self.lines_even else many
