"""What there is to work with."""

import os


def processors() -> int:
    """How many this process may use; not every system says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
