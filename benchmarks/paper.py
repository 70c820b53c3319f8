"""Every table and picture of docs/paper.md: ViTCoD's paper reproduced, and what it leaves open tried out.

    python benchmarks/paper.py [--seeds N] [--effort N] [--model NAME ...] [--store DIR] [--dry] [--no-mode]

Runs `accelsim reproduce vitcod` into DIR (build/paper; what is there is not simulated again), on equal area, and with
--paper-mode, and puts its tables between the markers of the page, its pictures into docs/images; then `reproduce` of
Sanger and SpAtten for their pages. With --dry it prints them only, with --no-mode it leaves --paper-mode out.
"""

import argparse
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "paper.md"
IMAGES = ROOT / "docs" / "images"
RUNS = {"macs": "", "area": "area_"}  # terms -> how the names of its markers and pictures begin
OTHERS, OTHER_SEEDS = ("sanger", "spatten"), 3  # whose short tables stand in their own pages, and masks for these
PICTURES = ("speedups", "waterfall", "tornado", "crossover")


def main() -> None:
    """Reproduce, print, and write."""
    from accelsim.reproduce.paper import load
    from accelsim.reproduce.paper_mode import search
    from accelsim.reproduce.report import STORE, reproduce

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=8)
    asked.add_argument("--effort", type=int, default=200)
    asked.add_argument("--model", nargs="*", default=[])
    asked.add_argument("--store", type=Path, default=ROOT / "build" / "paper")
    asked.add_argument("--dry", action="store_true")
    asked.add_argument("--no-mode", action="store_true")
    asked.add_argument("-j", "--processes", type=int)
    given = asked.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    for terms, prefix in RUNS.items():
        folder, first = given.store / terms, given.store / "macs" / STORE
        if prefix and not (folder / STORE).exists():  # it shares ViTCoD's own runs
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first, folder / STORE)
        made = reproduce(
            "vitcod", folder, equal=terms, seeds=given.seeds, models=tuple(given.model),
            extras=not prefix, designs=0 if prefix else given.effort, processes=given.processes,
        )  # fmt: skip
        for grid in made.grids:
            print(f"\n{terms}, {grid.title}:\n\n{grid.markdown()}")
            page = between(page, prefix + grid.slug, grid.markdown())
        page = between(page, prefix + "frozen", "\n".join(made.frozen))
        if not given.dry:
            for name in PICTURES if not prefix else ():
                shutil.copyfile(folder / f"{name}.png", IMAGES / f"paper_{name}.png")
            PAGE.write_text(page, encoding="utf-8")
    for name in OTHERS:
        some = tuple(m for m in given.model if m in load(name).study.models)
        made = reproduce(
            name, given.store / name, seeds=min(given.seeds, OTHER_SEEDS), models=some, extras=False,
            processes=given.processes,
        )  # fmt: skip
        at = PAGE.parent / "machines" / f"{name}.md"
        page = at.read_text(encoding="utf-8")
        for grid in made.grids:
            print(f"\n{name}, {grid.title}:\n\n{grid.markdown()}")
            page = between(page, f"paper_{grid.slug}", grid.markdown())
        if not given.dry:
            at.write_text(page, encoding="utf-8")
    if given.no_mode:
        return
    (grid,) = search("vitcod", given.store / "mode", processes=given.processes).grids
    print(f"\n{grid.title}:\n\n{grid.markdown()}")
    if not given.dry:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), grid.slug, grid.markdown()), encoding="utf-8")


def between(page: str, name: str, table: str) -> str:
    """The page with another table between the markers of a name, if it has them."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if begin not in page:
        return page
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n{table}\n\n{end}{rest.split(end, 1)[1]}"


if __name__ == "__main__":
    main()
