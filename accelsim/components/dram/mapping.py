"""Which bits of a byte address choose channel, rank, bank group, bank, row and column."""

from dataclasses import dataclass

from accelsim.core.errors import InputError, suggest

LINE_BITS = 6  # a request is 64 bytes
FIELDS = ("row", "bank", "bankgroup", "rank", "column", "channel")
# Most significant first. m1 keeps a row's lines in one bank, m2 lets consecutive lines alternate between bank groups;
# drs is DRAMsim3's own rochrababgco.
MAPS = {
    "m1": ("row", "bank", "bankgroup", "rank", "column", "channel"),
    "m2": ("row", "bank", "rank", "column", "bankgroup", "channel"),
    "drs": ("row", "channel", "rank", "bank", "bankgroup", "column"),
}


@dataclass(frozen=True)
class AddressMap:
    """Bit fields of a line number (byte address >> 6): `shift` and `mask` of every field."""

    name: str
    order: tuple[str, ...]
    widths: dict[str, int]

    @property
    def channels(self) -> int:
        return 1 << self.widths["channel"]

    @property
    def capacity_bytes(self) -> int:
        return 1 << (LINE_BITS + sum(self.widths.values()))

    def fields(self) -> dict[str, tuple[int, int]]:
        """(shift, mask) of channel, rank, group, bank, row, column in a line number."""
        found, shift = {}, 0
        for field in reversed(self.order):
            found["group" if field == "bankgroup" else field] = (shift, (1 << self.widths[field]) - 1)
            shift += self.widths[field]
        return found


def bits(what: str, count: int) -> int:
    """log2 of a power of two."""
    if count < 1 or count & (count - 1):
        raise InputError(f"{what} is {count}: it must be a power of two, so that address bits can choose among them.")
    return count.bit_length() - 1


def address_map(name: str, standard, channels: int) -> AddressMap:
    """The map called `name` (m1, m2, drs, or six fields joined by `|`, most significant first) for a standard.

    Raises InputError for an unknown map, one that does not name every field once, or sizes that are not powers of two.
    """
    order = MAPS.get(name) or tuple(part.strip() for part in name.split("|"))
    if name not in MAPS and len(order) == 1:
        raise InputError(
            f"map is {name!r}: expected {', '.join(MAPS)} or six fields such as"
            f" 'row|bank|bankgroup|rank|column|channel', most significant first{suggest(name, MAPS)}."
        )
    for field in order:
        if field not in FIELDS:
            raise InputError(f"map {name!r}: {field!r} is no field of an address{suggest(field, FIELDS)}.")
        if order.count(field) > 1:
            raise InputError(
                f"map {name!r}: field {field!r} is named {order.count(field)} times, each must be named once."
            )
    if missing := [field for field in FIELDS if field not in order]:
        raise InputError(f"map {name!r} does not cover all address bits: {', '.join(missing)} must be named too.")
    if not 1 <= channels <= 16:
        raise InputError(f"channels is {channels}: it must be from 1 to 16.")
    widths = {
        "row": bits("rows", standard.rows),
        "bank": bits("banks_per_group", standard.banks_per_group),
        "bankgroup": bits("bankgroups", standard.bankgroups),
        "rank": bits("ranks", standard.ranks),
        "column": bits("columns", standard.lines_per_row),
        "channel": bits("channels", channels),
    }
    return AddressMap(name, order, widths)
