"""Cuts that change only on purpose. After a deliberate change: `python -m tests.accelerators.vitcod.choices`."""

import hashlib
import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.workload import load

FILE = Path(__file__).with_name("choices.json")
CASES = {
    "deit_tiny_s90": [],
    "deit_tiny_s60 blocks of rows": ["softmax.score_bytes=8KiB", "engine.lines=256"],
    "deit_tiny_s60 blocks of keys": ["denser.k_bytes=4KiB", "weight_gb.capacity_bytes=4KiB", "engine.lines=16"],
    "deit_tiny_s95 small": ["index_buffer.capacity_bytes=6KiB", "act_gb0.capacity_bytes=8KiB", "dram.channels=2"],
    "deit_tiny_s90 dense": ["prune=false", "dram.channels=1"],
    "deit_tiny_s90 sparse": ["reorder=false", "heads=serial", "sparser.segment=8"],
    "deit_small_s90 in turns": ["two_engines=false", "auto_encoder=false", "engine.macs=32"],
    "deit_base_s90": ["walker.index_bytes=2"],
    "levit_128_s90 one buffer": ["double_buffer=false", "merge.places=16"],
    "fmnist_vit_s90 images": ["forward=false", "softmax.mode=max"],
}  # fmt: skip


@cache
def workload(name: str, batch: int):
    return replace(load(find("workloads", name)), batch=batch)


def choice(case: str, objective: str) -> dict[str, object]:
    """What is estimated of a case, and a hash of all its cuts and of the next best."""
    name, _, what = case.partition(" ")
    found = machine("vitcod").mapping(
        load_arch("vitcod", schema, CASES[case]), workload(name, 4 if what == "images" else 1), objective=objective
    )
    cuts = [[one.as_data(), [[dict(o.cut) for o in part.others] for part in one.parts]] for one in found]
    return {
        "cycles": [round(one.estimate.cycles) for one in found],
        "bytes": sum(one.estimate.dram_bytes for one in found),
        "cuts": hashlib.sha256(json.dumps(cuts).encode()).hexdigest()[:16],
    }


def main() -> None:
    made = {case: {o: choice(case, o) for o in ("rule", "cycles")} for case in CASES}
    FILE.write_text("{\n" + ",\n".join(f'"{case}": {json.dumps(one)}' for case, one in made.items()) + "\n}\n")
    sys.stdout.write(FILE.read_text())


if __name__ == "__main__":
    main()
