"""Cycle counts that change only on purpose. After a deliberate change: `python -m tests.accelerators.vitcod.golden`."""

import json
import sys
from pathlib import Path

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.workload import load

FILE = Path(__file__).with_name("golden.json")
CASES = {
    "deit_tiny_s95": [],
    "deit_tiny_s95 pipe": ["dram.model=pipe"],
    "deit_tiny_s90 kept": ["residency=keep"],
    "deit_tiny_s90 in turns": ["two_engines=false"],
    "deit_tiny_s90 dense": ["prune=false"],
    "deit_tiny_s90 sparse": ["reorder=false"],
    "deit_tiny_s90 no forwarding": ["forward=false"],
    "levit_128_s90": [],
}


def measure(case: str) -> dict[str, int]:
    """Cycles of a case: of the whole run, and of its attention layers."""
    record = run(load_arch("vitcod", schema, CASES[case]), load(find("workloads", case.split()[0])))
    cycles, spans = record.result.cycles, record.result.spans
    attention = [s for s in spans if record.phase(s.label) == "attention"]
    return {"cycles": cycles(), "attention": sum(cycles(end=s.end) - cycles(end=s.start) for s in attention)}


def main() -> None:
    FILE.write_text(json.dumps({case: measure(case) for case in CASES}, indent=1) + "\n")
    sys.stdout.write(FILE.read_text())


if __name__ == "__main__":
    main()
