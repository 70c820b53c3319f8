"""The machines at equal accuracy on a study of one's own; `accelsim reproduce vitcod` has them on the shipped one.

    python -m benchmarks.equal_accuracy --study DIR --masks PREFIX [--equal macs] [--lost POINTS] [--store DIR]

DIR is what `accelsim train-study` wrote, or what `accelsim study-workloads --outcome` left of it; PREFIX_s90.yaml and
siblings are the workloads that the latter command wrote. Prints the tables and writes them into the store's folder as
CSV. What is simulated is kept there (build/equal_accuracy).
"""

import argparse
from pathlib import Path

from accelsim.codesign.study_workloads import Outcome
from accelsim.reproduce.accuracy_tables import grids
from accelsim.reproduce.equal_accuracy import compared
from accelsim.reproduce.grid import Grid
from accelsim.reproduce.paper import load
from accelsim.reproduce.runs import perform
from accelsim.sweep.campaign import Execute, executor


def compare(
    outcome: Outcome, masks: str, folder: Path, terms: str, target: float | None, execute: Execute
) -> list[Grid]:
    """All tables, and a CSV of each in the folder."""
    part = compared(load("vitcod").study, terms, outcome, masks, folder / "workloads")
    done = perform("equal accuracy", part.runs, str(folder / "runs.sqlite"), execute)
    found = grids(part, done, target)
    found[0].notes += [f"Refused: {run.machine}, {run.on.model}: {why}" for run, why in done.refused.items()]
    for grid in found:
        (folder / f"{grid.slug}.csv").write_text(grid.csv(), encoding="utf-8")
    return found


def main() -> None:
    """Simulate, print, and write."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--study", type=Path, required=True)
    asked.add_argument("--masks", required=True)
    asked.add_argument("--equal", default="macs", choices=("macs", "peak", "area"))
    asked.add_argument("--lost", type=float)
    asked.add_argument("--store", type=Path, default=Path(__file__).parents[1] / "build" / "equal_accuracy")
    asked.add_argument("-j", "--processes", type=int)
    given = asked.parse_args()
    execute = executor(given.processes)
    for grid in compare(Outcome(given.study), given.masks, given.store, given.equal, given.lost, execute):
        print(f"\n{grid.title}:\n\n{grid.markdown()}")


if __name__ == "__main__":
    main()
