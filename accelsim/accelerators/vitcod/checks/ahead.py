"""Without double buffering nothing is fetched ahead: a load begins when the units have finished all they were given."""

import numpy as np

from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report

UNITS = ("engine", "vector", "decoder", "denser", "sparser")  # that use what is loaded, and say when they are done
BUFFERS = ("weight_gb", "act_gb0", "index_buffer")


def check_ahead(evidence: Evidence, report: Report) -> None:
    """From the requests, the commands and the notices that crossed the wires."""
    if evidence.on("double_buffer"):
        return
    for buffer in BUFFERS:
        asked = evidence.log[f"{buffer}.request"]["at"]
        busy = np.zeros(len(asked), bool)
        for unit in UNITS:
            given = evidence.into(f"{unit}.command")["at"]
            done = np.repeat(evidence.log[f"{unit}.done"]["at"], evidence.log[f"{unit}.done"]["number"])
            busy |= np.searchsorted(given, asked, "right") > np.searchsorted(done, asked, "right")
        report.compare(
            "order",
            buffer,
            "nothing is fetched while units work",
            ~busy,
            lambda n, at=asked: f"load {n} is asked for in cycle {at[n]}, in which a unit has work",
        )
