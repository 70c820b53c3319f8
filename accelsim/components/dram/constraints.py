"""The timing rules of a DRAM: which command must wait how long after which other, within one bank, bank group, rank or
channel. Rules are formulas over the names of a data sheet; they are resolved to integers before time starts."""

import ast
import re
from typing import NamedTuple

LONGEST = 200  # characters of a formula
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]{1,6}(?![A-Za-z0-9_])|[-+*(), ]")
MOST = 1 << 28  # clocks
COMMANDS = ("ACT", "PRE", "PREA", "RD", "WR", "RDA", "WRA", "REF")
ACT, PRE, PREA, RD, WR, RDA, WRA, REF = range(8)
LEVELS = ("channel", "rank", "bankgroup", "bank", "other_ranks")
CHANNEL, RANK, BANKGROUP, BANK, OTHER_RANKS = range(5)

READS, WRITES = ("RD", "RDA"), ("WR", "WRA")

# JESD79-4 (DDR4) as both DRAMsim3 (src/timing.cc) and Ramulator 2.1 (DDR4 timing_constraints) state it; other standards
# differ in their numbers, and in the rows their own file adds. (after, before, level, formula, window)
JEDEC = (
    # the data bus is shared by the ranks of a channel
    (READS, READS, "channel", "tBL", 1),
    (WRITES, WRITES, "channel", "tBL", 1),
    (READS, READS, "other_ranks", "tBL + tRTRS", 1),
    (READS, WRITES, "other_ranks", "CL + tBL + tRTRS - CWL", 1),
    (WRITES, READS, "other_ranks", "CWL + tBL + tRTRS - CL", 1),
    # column to column
    (READS, READS, "rank", "tCCD_S", 1),
    (WRITES, WRITES, "rank", "tCCD_S", 1),
    (READS, WRITES, "rank", "CL + tBL + tRTRS - CWL", 1),
    (WRITES, READS, "rank", "CWL + tBL + tWTR_S", 1),
    (READS, READS, "bankgroup", "tCCD_L", 1),
    (WRITES, WRITES, "bankgroup", "tCCD_L", 1),
    (WRITES, READS, "bankgroup", "CWL + tBL + tWTR_L", 1),
    # activation
    (("ACT",), ("ACT",), "rank", "tRRD_S", 1),
    (("ACT",), ("ACT",), "rank", "tFAW", 4),
    (("ACT",), ("ACT",), "bankgroup", "tRRD_L", 1),
    (("ACT",), ("ACT",), "bank", "tRC", 1),
    (("ACT",), READS, "bank", "tRCDRD", 1),
    (("ACT",), WRITES, "bank", "tRCDWR", 1),
    (("ACT",), ("PRE",), "bank", "tRAS", 1),
    (("ACT",), ("PREA",), "rank", "tRAS", 1),
    # precharge
    (("PRE",), ("ACT",), "bank", "tRP", 1),
    (("PREA",), ("ACT",), "rank", "tRPab", 1),
    (("RD",), ("PRE",), "bank", "tRTP", 1),
    (("RD",), ("PREA",), "rank", "tRTP", 1),
    (("WR",), ("PRE",), "bank", "CWL + tBL + tWR", 1),
    (("WR",), ("PREA",), "rank", "CWL + tBL + tWR", 1),
    (("RDA",), ("ACT",), "bank", "tRTP + tRP", 1),
    (("WRA",), ("ACT",), "bank", "CWL + tBL + tWR + tRP", 1),
    # refresh
    (("ACT",), ("REF",), "rank", "tRC", 1),
    (("PRE",), ("REF",), "rank", "tRP", 1),
    (("PREA",), ("REF",), "rank", "tRPab", 1),
    (("RDA",), ("REF",), "rank", "tRTP + tRP", 1),
    (("WRA",), ("REF",), "rank", "CWL + tBL + tWR + tRP", 1),
    (("REF",), ("ACT", "PREA", "REF"), "rank", "tRFC", 1),
)

# What a controller waits for beyond the device: DRAMsim3 starts the precharge of a read with auto-precharge a burst
# late (src/timing.cc, readp_to_act).
CONTROLLER_ROWS = {"dramsim3": ((("RDA",), ("ACT",), "bank", "tBL + tRTP + tRP", 1),)}


class Constraint(NamedTuple):
    """`following` may be issued no earlier than `latency` clocks after the `window`-th last `preceding` of its
    `level`."""

    preceding: int
    following: int
    level: int
    latency: int
    window: int = 1

    def __str__(self) -> str:
        window = f" x{self.window}" if self.window > 1 else ""
        pair = f"{COMMANDS[self.preceding]}{window} -> {COMMANDS[self.following]}"
        return f"{pair} ({LEVELS[self.level]}) {self.latency} clocks"


def evaluate(formula: str | int, names: dict[str, int]) -> int:
    """The value of a formula of +, -, *, max(), integers and timing names.

    Raises KeyError for an unknown name, SyntaxError for anything else that is not such a formula, and for one that is
    too long or comes to more clocks than can be waited for.
    """
    text = str(formula).strip()
    if len(text) > LONGEST or TOKEN.sub("", text):
        raise SyntaxError("too long" if len(text) > LONGEST else "no formula")

    def value(node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return number
            case ast.Name(id=name):
                return names[name]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return value(left) - value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return value(left) * value(right)
            case ast.Call(func=ast.Name(id="max"), args=[_, *_] as args, keywords=[]):
                return max(value(a) for a in args)
        raise SyntaxError(ast.unparse(node))

    try:
        found = value(ast.parse(text, mode="eval").body)
    except (ValueError, MemoryError, RecursionError) as error:
        raise SyntaxError("no formula") from error
    if abs(found) > MOST:
        raise SyntaxError(f"more than {MOST} clocks")
    return found


def resolve(rows, names: dict[str, int]) -> tuple[Constraint, ...]:
    """Rows of (after, before, level, formula, window) as integers; rows that never bind (below 2 clocks) are left out,
    since a channel carries one command per clock anyway."""
    resolved = []
    for after, before, level, formula, window in rows:
        latency = evaluate(formula, names)
        resolved += [
            Constraint(COMMANDS.index(a), COMMANDS.index(b), LEVELS.index(level), latency, window)
            for a in after
            for b in before
            if latency > 1
        ]
    return tuple(resolved)


def bind(constraints, *, ranks: int, unused: set[int]) -> tuple[Constraint, ...]:
    """The rows that can matter to one channel: commands its controller never uses are dropped, and in a channel of
    one rank the channel's rules and the rank's are one. Of several rows for the same pair the longest stays."""
    longest: dict[tuple, int] = {}
    for c in constraints:
        level = RANK if ranks == 1 and c.level == CHANNEL and c.window == 1 else c.level
        if {c.preceding, c.following} & unused or (ranks == 1 and level == OTHER_RANKS):
            continue
        key = (c.preceding, c.following, level, c.window)
        longest[key] = max(longest.get(key, 0), c.latency)
    return tuple(sorted(Constraint(p, f, lv, t, w) for (p, f, lv, w), t in longest.items()))
