"""The registers of a DRAM and its controller: a fixed set of numpy arrays that compiled functions read and write."""

from typing import NamedTuple

import numpy as np

from accelsim.components.dram import constraints as c

NEVER = np.int64(1) << 62
LONG_AGO = -(np.int64(1) << 40)
DRAMSIM3, FRFCFS, FRFCFS_ROWHIT = range(3)
CONTROLLERS = ("dramsim3", "frfcfs", "frfcfs_rowhit")
LEVELS = 2  # at which a clock is noted before which a command may not come
OF_BANK, OF_RANK = range(LEVELS)
WIDTH = 2056  # banks of a device, at most: 16 channels, 8 ranks of 16, and a line more, so that what is said of a bank
# in several arrays lies in several sets of a cache. Compiled code need not multiply by a length that it must look up.
BUCKETS = 256  # of the table of lines in flight, per channel; a power of two


def fields(names: str) -> np.dtype:
    return np.dtype([(name, "i8") for name in names.split()])


# One record for the whole device: sizes, policy, address map, what goes in and out of a tick, and counters.
CHIP = fields(
    "controller closed_page channels ranks groups group_banks rank_banks banks read_cycles write_cycles"
    " refresh_interval read_depth write_depth bank_depth high_water low_water hit_limit ring"
    " channel_shift channel_mask rank_shift rank_mask group_shift group_mask bank_shift bank_mask"
    " row_shift row_mask column_shift column_mask"
    " flush eager offered accepted acted replies logged free out_of_slots"
    " row_hits row_misses row_conflicts refreshes active_cycles"
)
CHANNEL = fields(
    "wake refresh_at refreshes_due refresh_rank pointer draining write_mode reads writes queued active outstanding"
    " due chosen command chosen_at active_due stale active_stale sequence last_done forwarded merged read_lines"
    " write_lines"
)
BANK = fields("rank open_row columns conflict active")
RANK = fields("open_banks opened_at")
# A first-in first-out list of slots, with the first of them that fits the open row, by kind, and the first that does
# not.
QUEUE = fields("head tail count read_hit write_hit miss")
# The queues of every bank. Under Ramulator: reads, writes, and the request whose row was opened for it. Under DRAMsim3:
# the command queue, and the transactions that wait for it.
READS, WRITES, ACTIVE = range(3)
COMMAND, WAITING = 0, 1  # WAITING + is_write
QUEUES = 3
# What a bank can be asked for (the column commands as the page policy has them), and what a rank can.
OPEN, CLOSE, READ, WRITE, CLOSE_ALL, REFRESH = range(6)
ASKED = (OPEN, CLOSE, CLOSE_ALL, READ, WRITE, READ, WRITE, REFRESH)  # of every command
SOME, ALL = 1, 2  # what a channel does not know of when its banks can have a command: new wishes, or anything
SLOT = fields("line row bank is_write tag arrive order sequence before after chain merged")
REQUEST = fields("line is_write tag")
REPLY = fields("tag done_at")
LOG = fields("cycle command channel bank row")
# A timing rule: the row of `earliest` that it delays, and where: at the bank it starts at but for the bits that are not
# `among`; and whether in all banks of a group, in all ranks of the channel, or in the others.
ROW = fields("earliest among spread latency window ring")
GROUP, ALL_RANKS, OTHER_RANKS = 1, 2, 3  # of `spread`


class Dram(NamedTuple):
    """All state of a device and its controllers; banks are counted over all channels.

    `earliest[LEVELS * asked + level, bank]` is the first clock at which a command may go to a bank as far as rules of a
    level are concerned: its own and its bank group's, at itself; its rank's, at the rank's first bank.
    `want[queue, bank]` has a bit for each command that a queue of that bank wants; `due[queue, bank]` is the first
    clock at which it can have one, NEVER or later if never. `listed[queue, channel]` banks have something in a queue:
    `banks[queue, n]`, n from the channel's first bank on, in no order; `place[queue, bank]` says where each stands.
    `oldest[is_write, bank]` is the sequence of the first transaction that could move to the bank's command queue, or
    NEVER.
    `row[first_row[2 * n] : first_row[2 * n + 1]]` are the rules that start at command n and delay one place, those up
    to `first_row[2 * n + 2]` the others of that command.
    """

    chip: np.ndarray
    channel: np.ndarray
    rank: np.ndarray
    bank: np.ndarray
    queue: np.ndarray
    want: np.ndarray
    due: np.ndarray
    listed: np.ndarray
    banks: np.ndarray
    place: np.ndarray
    oldest: np.ndarray
    slot: np.ndarray
    bucket: np.ndarray
    earliest: np.ndarray
    row: np.ndarray
    first_row: np.ndarray
    past: np.ndarray
    commands: np.ndarray
    request: np.ndarray
    reply: np.ndarray
    log: np.ndarray


def build(standard, address_map, controller: str, *, closed_page=False, slots=4096, log=0) -> Dram:
    """Registers at reset for `standard` (Standard, its ranks included) under a named controller.

    `slots` bounds the requests in flight over all channels, `log` the commands recorded.
    """
    channels, ranks, groups = address_map.channels, standard.ranks, standard.bankgroups
    per_rank = groups * standard.banks_per_group
    banks = ranks * per_rank
    if channels * banks > WIDTH:
        raise ValueError(f"{channels * banks} banks are more than the {WIDTH} that there is room for")
    unused = ({c.RD, c.WR} if closed_page else {c.RDA, c.WRA}) | ({c.PREA} if controller == "dramsim3" else set())
    rows = standard.constraints + c.resolve(c.CONTROLLER_ROWS.get(controller, ()), standard.timing)
    bound = c.bind(rows, ranks=ranks, unused=unused)

    chip = np.zeros(1, CHIP)
    k = chip[0]
    k["controller"], k["closed_page"] = CONTROLLERS.index(controller), closed_page
    k["channels"], k["ranks"], k["groups"], k["group_banks"] = channels, ranks, groups, standard.banks_per_group
    k["rank_banks"], k["banks"] = per_rank, banks
    k["read_cycles"], k["write_cycles"] = standard.read_cycles, standard.write_cycles
    refresh = standard.timing["tREFI"]
    # DRAMsim3 staggers its ranks over the interval (RANK_LEVEL_STAGGERED); Ramulator refreshes them all at its end.
    k["refresh_interval"] = refresh // ranks if k["controller"] == DRAMSIM3 else refresh
    k["read_depth"], k["write_depth"], k["bank_depth"], k["hit_limit"] = 32, 32, 8, 4
    k["high_water"], k["low_water"] = 26, 6  # Ramulator: more than 0.8, less than 0.2 of 32 writes
    for name, (shift, mask) in address_map.fields().items():
        k[f"{name}_shift"], k[f"{name}_mask"] = shift, mask

    channel = np.zeros(channels, CHANNEL)
    channel["refresh_at"] = k["refresh_interval"]
    channel["wake"] = 1
    channel["due"] = channel["chosen_at"] = channel["active_due"] = NEVER
    channel["chosen"] = -1
    bank = np.zeros(channels * banks, BANK)
    bank["rank"] = np.arange(channels * banks) // per_rank
    bank["open_row"] = bank["active"] = -1
    queue = np.zeros((QUEUES, WIDTH), QUEUE)
    for name in QUEUE.names:
        queue[name] = 0 if name == "count" else -1
    slot = np.zeros(slots, SLOT)
    slot["after"] = np.append(np.arange(1, slots), -1)

    bound = sorted(bound, key=lambda b: (b.preceding, is_wide(b)))
    row, k["ring"] = rules(bound, {c.BANK: 1, c.BANKGROUP: standard.banks_per_group, c.RANK: per_rank}, banks)
    past = np.full(channels * ranks * max(k["ring"], 1), LONG_AGO, np.int64)
    for r in row[row["window"] > 1]:
        past[r["ring"] :: max(k["ring"], 1)] = 0  # the first word of a ring is its position
    first = np.searchsorted([2 * b.preceding + is_wide(b) for b in bound], np.arange(2 * len(c.COMMANDS) + 1))
    return Dram(
        chip=chip.view(np.recarray),
        channel=channel.view(np.recarray),
        rank=np.zeros(channels * ranks, RANK).view(np.recarray),
        bank=bank.view(np.recarray),
        queue=queue.view(np.recarray),
        want=np.zeros((QUEUES, WIDTH), np.int64),
        due=np.full((QUEUES, WIDTH), NEVER, np.int64),
        listed=np.zeros((QUEUES, WIDTH), np.int64),
        banks=np.zeros((QUEUES, WIDTH), np.int64),
        place=np.zeros((QUEUES, WIDTH), np.int64),
        oldest=np.full((2, WIDTH), NEVER, np.int64),
        slot=slot.view(np.recarray),
        bucket=np.full(channels * BUCKETS, -1, np.int64),
        earliest=np.zeros((LEVELS * (max(ASKED) + 1), WIDTH), np.int64),
        row=row.view(np.recarray),
        first_row=first.astype(np.int64),
        past=past,
        commands=np.zeros((channels, len(c.COMMANDS)), np.int64),
        request=np.zeros(channels, REQUEST).view(np.recarray),
        reply=np.zeros(slots + channels, REPLY).view(np.recarray),
        log=np.zeros(log, LOG).view(np.recarray),
    )


def is_wide(constraint) -> bool:
    """Whether a rule looks back at more than the last command, or reaches beyond one place of `earliest`."""
    return constraint.window > 1 or constraint.level in (c.BANKGROUP, c.CHANNEL, c.OTHER_RANKS)


def rules(bound, sizes: dict[int, int], banks: int) -> tuple[np.ndarray, int]:
    """The rows of bound constraints, given how many banks are in each level, and the words a rank needs for the past
    of those with a window."""
    row, ring = np.zeros(len(bound), ROW), 0
    noted = {c.BANK: OF_BANK, c.BANKGROUP: OF_BANK}
    spread = {c.BANKGROUP: GROUP, c.CHANNEL: ALL_RANKS, c.OTHER_RANKS: OTHER_RANKS}
    for i, b in enumerate(bound):
        at = LEVELS * ASKED[b.following] + noted.get(b.level, OF_RANK)
        row[i] = (at, -sizes.get(b.level, banks), spread.get(b.level, 0), b.latency, b.window, ring)
        ring += b.window + 1 if b.window > 1 else 0
    return row, ring
