"""What masks look like that were learned, beside those that are drawn: global tokens, neighbourhoods, cycles on ViTCoD.

    python -m benchmarks.learned_masks [WORKLOAD ...]

Without names a shipped one of each kind. Global tokens are of each head, CLS among them; the share
near a patch is that of the kept scores between patches whose key is the query's own patch or one of the eight around
it, and `own` that of the former alone.
"""

import sys
from math import isqrt

import numpy as np

from accelsim.reproduce.accuracy_tables import percents
from accelsim.reproduce.grid import Grid
from benchmarks.sanger import counted

WORKLOADS = ("deit_tiny_s90", "fmnist_vit_s90")


def traits(keep: np.ndarray) -> tuple[int, int, int]:
    """Kept scores between patches, those of a patch with itself or one of the eight around it, and with itself; keep:
    bool[heads, tokens, tokens], token 0 is no patch."""
    side = isqrt(keep.shape[-1] - 1)
    rows, columns = np.divmod(np.arange(side * side), side)
    near = (abs(rows[:, None] - rows) <= 1) & (abs(columns[:, None] - columns) <= 1)
    patches = keep[:, 1:, 1:]
    return int(patches.sum()), int((patches & near).sum()), int((patches & np.eye(side * side, dtype=bool)).sum())


def main(names: list[str]) -> None:
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.workload import load

    grid = Grid(
        "", "",
        ("workload", "pruned", "global tokens of a head: mean", "median", "most", "heads with CLS alone", "near", "own",
         "ViTCoD (attention)"),
    )  # fmt: skip
    for name in names or WORKLOADS:
        work = load(find("workloads", name))
        counts = np.concatenate([mask.global_tokens for mask in work.masks.values()])
        kept, near, own = np.sum([traits(mask.keep) for mask in work.masks.values()], axis=0)
        whole, attention, _ = counted(load_arch("vitcod", schema), work)
        grid.add(
            work.name, percents(work.sparsity), f"{counts.mean():.1f}", f"{np.median(counts):g}", f"{counts.max()}",
            f"{(counts <= 1).sum()} of {len(counts)}", percents(near / kept), percents(own / kept),
            f"{whole:,} ({attention:,})",
        )  # fmt: skip
    print(grid.markdown())


if __name__ == "__main__":
    main(sys.argv[1:])
