"""What a component was doing in a cycle. Every cycle of every component is one of these."""

IDLE = 0  # holds nothing and waits for input
BUSY = 1  # works
STARVED = 2  # holds unfinished work and waits for an input
BLOCKED = 3  # holds a finished result and waits for room on an output

STATUS_NAMES = ("idle", "busy", "starved", "blocked")

NEVER = 1 << 61  # a wake-up cycle for "not before a channel moves"
