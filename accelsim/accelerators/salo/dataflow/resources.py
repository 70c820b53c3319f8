"""What the compiler may count on: the sizes of the machine that decide how work is cut up, and its options."""

from dataclasses import dataclass

from accelsim.dataflows.products.resources import ProductResources


@dataclass(frozen=True, kw_only=True)
class Resources(ProductResources):
    """Sizes in bytes; see arch_configs and `accelsim describe salo` for what each means.

    `rows`, `columns`, `globals`: of the diagonal array. `features`: values of a row that the merge holds. `refuses`:
    whether a mask with a remainder is refused.
    """

    rows: int
    columns: int
    globals: int
    features: int
    refuses: bool
