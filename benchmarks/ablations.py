"""ViTCoD's ideas against the paper's own baselines: attention of DeiT-Tiny, Small and Base at 60 to 90 % sparsity,
synthetic masks.

    python benchmarks/ablations.py [--write] [NAME=VALUE ...]

Prints Markdown tables; with --write they replace those between the markers of docs/paper.md. About 75 runs, of 1 to 5
seconds each.

Pruning is compared with *reordering only* (a dense map, which reordering gives to the denser engine as a whole), and
reordering with *pruning only* (a sparse map on one engine). Reordering comes with what needs it: two engines, and Q
forwarding, which works only between them.

Data movement as the paper counts it: transfers of Q and K over these plus the cycles with free memory (a hundred times
the bandwidth), as if nothing overlapped. Q and K are all that the activation buffer is filled with in attention layers.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

MODELS = ("deit_tiny", "deit_small", "deit_base")
SPARSITIES = (0.6, 0.7, 0.8, 0.9)
PAGE = Path(__file__).parents[1] / "docs" / "paper.md"
WHOLE = {"prune": "true", "reorder": "true", "two_engines": "true", "forward": "true", "auto_encoder": "false"}
VARIANTS = {
    "reordering only": WHOLE | {"prune": "false"},
    "pruning only": WHOLE | {"reorder": "false", "two_engines": "false", "forward": "false"},
    "without forwarding": WHOLE | {"forward": "false"},
    "without auto-encoder": WHOLE,
    "all": WHOLE | {"auto_encoder": "true"},
}
SPEEDS = {"76.8 GB/s": 76.8e9, "7.2 GB/s": 7.2e9}
FREE = 100  # times the bandwidth


def main(arguments: list[str]) -> None:
    """Run, print, and write where that is asked for."""
    overrides = [a for a in arguments if a != "--write"]
    # the exact memory has no other bandwidth to compare with
    found = measured(["dram.model=pipe", *overrides])
    tables = {"steps": steps(found), "movement": movement(found)}
    for name, rows in tables.items():
        print(f"\n{name}:\n\n" + "\n".join(rows))
    if "--write" in arguments:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")


def measured(overrides: list[str]) -> dict:
    """(model, sparsity) -> what a variant took: cycles, and in `free` and `bytes` the cycles with free memory and the
    bytes of Q and K, without and with the auto-encoder. `clock`: of the core, in Hz."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.codesign.synthetic import synthesize
    from accelsim.config import load_arch

    def one(work, options: dict[str, str], *more: str):
        arch = load_arch("vitcod", schema, [*overrides, *more, *(f"{n}={v}" for n, v in options.items())])
        return run(arch, work).result

    arch = load_arch("vitcod", schema, overrides)
    wide = f"dram.bytes_per_cycle={FREE * int(arch.parts['dram']['bytes_per_cycle'])}"
    found: dict = {"clock": float(arch.clocks["core"])}
    for model in MODELS:
        for sparsity in SPARSITIES:
            work = synthesize(model, sparsity).only("attention")
            mine = {name: one(work, options).cycles() for name, options in VARIANTS.items()}
            free = [one(work, VARIANTS[name], wide) for name in ("without auto-encoder", "all")]
            mine["free"] = [result.cycles() for result in free]
            mine["bytes"] = [result.total.counts["act_gb0"]["write_bytes"] for result in free]
            found[model, sparsity] = mine
            print(f"{model} at {sparsity:.0%}: {mine}", file=sys.stderr, flush=True)
    return found


def gains(mine: dict) -> tuple[float, ...]:
    """Pruning, reordering, reordering without forwarding, auto-encoder, all of them: speed-ups."""
    whole = mine["without auto-encoder"]
    return (
        mine["reordering only"] / whole,
        mine["pruning only"] / whole,
        mine["pruning only"] / mine["without forwarding"],
        whole / mine["all"],
        mine["reordering only"] / mine["all"],
    )


def shares(mine: dict, clock: float) -> tuple[float, ...]:
    """At each speed of the memory, without and with the auto-encoder: the share of Q's and K's transfers."""
    found = []
    for speed in SPEEDS.values():
        for size, cycles in zip(mine["bytes"], mine["free"], strict=True):
            move = size / (speed / clock)
            found.append(move / (move + cycles))
    return tuple(found)


def steps(found: dict) -> list[str]:
    """The table of speed-ups, with means over models."""
    from accelsim.sweep.compare import geometric_mean

    titles = ("workload", "reordering only", "pruning", "reordering", "without forwarding", "auto-encoder", "all")
    rows = rows_of(found, lambda mine: (f"{mine['reordering only']:,}", *(f"{g:.2f}x" for g in gains(mine))))
    for sparsity in (*SPARSITIES, None):
        some = [gains(mine) for _, at, mine in runs(found) if sparsity in (at, None)]
        means = (f"{geometric_mean(column):.2f}x" for column in zip(*some, strict=True))
        rows.append(("mean" if sparsity is None else f"mean at {sparsity:.0%}", "", *means))
    return markdown(titles, rows)


def movement(found: dict) -> list[str]:
    """The table of shares."""
    titles = ["workload", "Q and K, MB", "with it"]
    for speed in SPEEDS:
        titles += [speed, "with it"]

    def cells(mine: dict) -> tuple[str, ...]:
        sizes = (f"{size / 1e6:.2f}" for size in mine["bytes"])
        return (*sizes, *(f"{s:.0%}" for s in shares(mine, found["clock"])))

    rows = rows_of(found, cells)
    for sparsity in (SPARSITIES[-1], None):
        some = [shares(mine, found["clock"]) for _, at, mine in runs(found) if sparsity in (at, None)]
        means = (f"{sum(column) / len(some):.0%}" for column in zip(*some, strict=True))
        rows.append(("mean" if sparsity is None else f"mean at {sparsity:.0%}", "", "", *means))
    return markdown(titles, rows)


def runs(found: dict) -> Iterable[tuple[str, float, dict]]:
    """Model, sparsity and figures."""
    return ((*key, mine) for key, mine in found.items() if key != "clock")


def rows_of(found: dict, cells: Callable[[dict], tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A row a workload."""
    return [(f"{model}_s{sparsity * 100:.0f}", *cells(mine)) for model, sparsity, mine in runs(found)]


def markdown(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of a table."""
    lines = ["| " + " | ".join(row) + " |" for row in (titles, *rows)]
    return [lines[0], "|---" * (lines[0].count("|") - 1) + "|", *lines[1:]]


def written(page: str, tables: dict[str, list[str]]) -> str:
    """The page with other tables between its markers. Raises ValueError where one is missing."""
    for name, rows in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE}: the page needs the markers {begin.strip()!r} and {end!r} once each")
        before, rest = page.split(begin)
        page = before + begin + "\n" + "\n".join(rows) + "\n\n" + end + rest.split(end)[1]
    return page


if __name__ == "__main__":
    main(sys.argv[1:])
