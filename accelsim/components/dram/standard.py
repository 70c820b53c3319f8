"""DRAM standards as data: organization, timings, currents and extra rules, read from YAML files and checked
strictly."""

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from accelsim.components.dram.constraints import COMMANDS, JEDEC, LEVELS, Constraint, evaluate, resolve
from accelsim.components.dram.document import Document
from accelsim.core.document import Entry, once, parse, text_of
from accelsim.core.errors import InputError, shown, suggest

FOLDER = Path(__file__).parent / "standards"
LINE_BYTES = 64
ORGANIZATION = (
    "channel_bits",
    "device_bits",
    "burst_length",
    "transfers_per_clock",
    "ranks",
    "bankgroups",
    "banks_per_group",
    "rows",
    "columns",
)
TIMING = (
    "tCK_ns",
    "CL",
    "CWL",
    "tRCD",
    "tRP",
    "tRAS",
    "tRC",
    "tRRD_S",
    "tRRD_L",
    "tFAW",
    "tCCD_S",
    "tCCD_L",
    "tWTR_S",
    "tWTR_L",
    "tWR",
    "tRTP",
    "tRTRS",
    "tRFC",
    "tREFI",
)
# What an organization may have at most: its state is allocated, and its addresses are counted in 64 bits.
LARGEST = {
    "channel_bits": 1024,
    "device_bits": 1024,
    "burst_length": 512,
    "transfers_per_clock": 64,
    "ranks": 16,
    "bankgroups": 64,
    "banks_per_group": 64,
    "rows": 1 << 24,
    "columns": 1 << 16,
}
MOST_ROWS = 256  # constraints of a standard's own
MOST_WINDOW = 64  # commands a window counts
DEFAULTS = {"tRCDRD": "tRCD", "tRCDWR": "tRCD", "tRPab": "tRP"}
POWER = ("VDD", "IDD0", "IDD2N", "IDD3N", "IDD4R", "IDD4W", "IDD5")
TERMINATION = ("io_read_pj_per_bit", "io_write_pj_per_bit")
# name >= formula, and why
RULES = (
    ("tRC", "tRAS + tRP", "a bank is precharged before it is activated again"),
    ("tRAS", "tRCD", "a row is open at least until its first column command"),
    ("tCCD_S", "tBL", "two bursts would overlap on the data bus"),
    ("tCCD_L", "tCCD_S", "the same bank group is no faster than another"),
    ("tRRD_L", "tRRD_S", "the same bank group is no faster than another"),
    ("tWTR_L", "tWTR_S", "the same bank group is no faster than another"),
    ("tFAW", "4 * tRRD_S", "four activations take that long anyway"),
    ("tRPab", "tRP", "precharging all banks is no faster than precharging one"),
    ("tRFC", "tRP", "a refresh contains a precharge"),
    ("tREFI", "tRFC + tRC + 1", "refreshes would leave no time for requests"),
)


@dataclass(frozen=True)
class Standard:
    """One DRAM standard. Timings are clocks of `tck_ns`; `constraints` are its resolved rules; `power` volts and
    milliamperes per device (data-sheet IDD), or empty."""

    name: str
    source: str
    tck_ns: float
    channel_bits: int
    device_bits: int
    ranks: int
    bankgroups: int
    banks_per_group: int
    rows: int
    columns: int
    timing: dict[str, int]
    constraints: tuple[Constraint, ...]
    power: dict[str, float]

    @property
    def lines_per_row(self) -> int:
        return self.columns * self.channel_bits // 8 // LINE_BYTES

    @property
    def devices(self) -> int:
        return self.channel_bits // self.device_bits

    @property
    def read_cycles(self) -> int:
        """Clocks from a read command to the end of its data."""
        return self.timing["CL"] + self.timing["tBL"]

    @property
    def write_cycles(self) -> int:
        """Clocks from a write command to the end of its data."""
        return self.timing["CWL"] + self.timing["tBL"]

    @property
    def peak_bytes_per_clock(self) -> float:
        return LINE_BYTES / self.timing["tBL"]

    def with_ranks(self, ranks: int) -> "Standard":
        return replace(self, ranks=ranks)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_standard(name: str | Path) -> Standard:
    """A standard by name, or from a file of the user's own (a path that ends in .yaml or .yml).

    Raises InputError, with file and line, for unknown, missing, doubled or contradictory entries.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        return shipped(str(name))
    return parsed(path, text_of(path, "standard", "*.y*ml"))


@cache
def shipped(name: str) -> Standard:
    """A standard of this folder; the points of a sweep all ask for it."""
    if name not in names():
        raise InputError(
            f"standard is {name!r}: expected one of {', '.join(names())}, or a .yaml file{suggest(name, names())}."
        )
    path = FOLDER / f"{name}.yaml"
    return parsed(path, text_of(path, "standard", "*.y*ml"))


@lru_cache(64)
def parsed(path: Path, text: str) -> Standard:
    """The standard that a file's text describes; a machine asks for it many times."""
    entry = once(str(path), *parse(text, str(path)))
    if not entry.value:
        raise InputError(f"{path}: the standard is empty; it needs name, source, organization and timing.")
    return read_standard(str(path), entry)


def read_standard(path: str, entry: Entry) -> Standard:
    top = Document(path, entry)
    top.check_keys(("name", "source", "organization", "timing"), ("power", "constraints"))
    org = Document(path, top.entries["organization"], "organization.")
    org.check_keys(ORGANIZATION)
    size = {key: org.integer(key, high=LARGEST[key]) for key in ORGANIZATION}
    burst = size["channel_bits"] // 8 * size["burst_length"]
    if burst != LINE_BYTES or size["channel_bits"] % size["device_bits"]:
        rule = f"a burst of {size['burst_length']} on {size['channel_bits']} bits moves {burst} bytes"
        raise org.error(
            org.entries["burst_length"], f"{rule}: it must be 64, and channel_bits a multiple of device_bits"
        )
    for key in ("ranks", "bankgroups", "banks_per_group", "rows", "columns"):
        if size[key] & (size[key] - 1):
            raise org.error(org.entries[key], f"organization.{key} is {size[key]}: it must be a power of two")
    if size["columns"] < size["burst_length"]:
        rule = f"it must be at least burst_length ({size['burst_length']}), since a row holds whole bursts"
        raise org.error(org.entries["columns"], f"organization.columns is {size['columns']}: {rule}")
    tim = Document(path, top.entries["timing"], "timing.")
    tim.check_keys(TIMING, tuple(DEFAULTS))
    tck_ns = tim.number("tCK_ns")
    timing = {key: tim.clocks(key, tck_ns) for key in (*TIMING[1:], *DEFAULTS) if key in tim.entries}
    timing |= {key: timing[other] for key, other in DEFAULTS.items() if key not in timing}
    timing["tBL"] = max(1, size["burst_length"] // size["transfers_per_clock"])
    for key, formula, reason in RULES:
        if timing[key] < (least := evaluate(formula, timing)):
            where = tim.entries.get(key, tim.entries.get(DEFAULTS.get(key, "")))
            raise tim.error(
                where, f"timing.{key} is {timing[key]}: it must be at least {formula} = {least}, since {reason}"
            )
    extra = read_constraints(top, timing) if "constraints" in top.entries else []
    power = {}
    if "power" in top.entries:
        pow_ = Document(path, top.entries["power"], "power.")
        pow_.check_keys(POWER, TERMINATION)
        power = {key: pow_.number(key) for key in pow_.entries}
    kept = ("channel_bits", "device_bits", "ranks", "bankgroups", "banks_per_group", "rows", "columns")
    return Standard(
        name=top.text("name"),
        source=top.text("source"),
        tck_ns=tck_ns,
        **{key: size[key] for key in kept},
        timing=timing,
        constraints=resolve([*JEDEC, *extra], timing),
        power=power,
    )


def read_constraints(top: Document, timing: dict[str, int]) -> list[tuple]:
    """Rows `{after: [WR], before: [RD], level: rank, clocks: CWL + 1 + tBL, window: 1}` of a standard's own file."""
    rows = []
    listing = top.entries["constraints"]
    if not isinstance(listing.value, list) or len(listing.value) > MOST_ROWS:
        raise top.error(listing, f"constraints must be a list of at most {MOST_ROWS} rows")
    for entry in listing.value:
        row = Document(top.path, entry, "constraints.")
        row.check_keys(("after", "before", "level", "clocks"), ("window",))
        groups = []
        for key in ("after", "before"):
            part = row.entries[key]
            commands = [one.value for one in part.value] if isinstance(part.value, list) else [row.text(key)]
            for command in commands:
                if command not in COMMANDS:
                    raise row.error(
                        part, f"constraints.{key}: {shown(command)} is no command{suggest(command, COMMANDS)}"
                    )
            groups.append(commands)
        level, window = row.text("level"), row.integer("window", high=MOST_WINDOW) if "window" in row.entries else 1
        if level not in LEVELS:
            raise row.error(row.entries["level"], f"constraints.level: {level!r} is no level{suggest(level, LEVELS)}")
        if level in ("bankgroup", "bank") and {"PREA", "REF"} & {c for group in groups for c in group}:
            raise row.error(row.entries["level"], f"constraints.level is {level}: PREA and REF go to a whole rank")
        if window > 1 and level != "rank":
            raise row.error(row.entries["window"], f"constraints.window is {window}: windows are counted per rank only")
        try:
            evaluate(row.text("clocks"), timing)
        except (KeyError, SyntaxError) as e:
            rule = "it must be a formula of +, -, *, max() and timing names, of whole numbers below a million"
            bad = f"constraints.clocks is {row.text('clocks')!r} ({e})"
            raise row.error(row.entries["clocks"], f"{bad}: {rule}") from e
        rows.append((*groups, level, row.text("clocks"), window))
    return rows
