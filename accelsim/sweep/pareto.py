"""Pareto fronts of figures that should be small, and how much of the space they dominate."""

from collections.abc import Sequence

Values = Sequence[float]


def front(points: Sequence[Values]) -> list[int]:
    """The places of the points that no other point beats: none is at most as large in everything and smaller in
    something. Of equal points the first counts. Ascending in the first figure.
    """
    order = sorted(range(len(points)), key=lambda i: (tuple(points[i]), i))
    kept: list[int] = []
    for i in order:  # whoever could beat a point comes before it
        if not any(all(a <= b for a, b in zip(points[k], points[i])) for k in kept):
            kept.append(i)
    return kept


def hypervolume(points: Sequence[Values], reference: Values) -> float:
    """The volume that lies between the points and `reference`, which is the worst that counts; by slices along the last
    figure (exact).
    """
    inside = [tuple(p) for p in points if all(a < r for a, r in zip(p, reference))]
    inside = [inside[i] for i in front(inside)]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - min(p[0] for p in inside))
    levels = sorted({p[-1] for p in inside})
    volume = 0.0
    for low, high in zip(levels, [*levels[1:], reference[-1]]):
        volume += (high - low) * hypervolume([p[:-1] for p in inside if p[-1] <= low], reference[:-1])
    return volume


def share(points: Sequence[Values], best: Values, worst: Values) -> float:
    """The hypervolume of points as a share of the box from `best` to `worst`; 1 if a point is best in everything.
    Figures that are the same in both do not count.
    """
    wide = [k for k, (b, w) in enumerate(zip(best, worst)) if w > b]
    if not wide:
        return 1.0
    return hypervolume([[(p[k] - best[k]) / (worst[k] - best[k]) for k in wide] for p in points], [1.0] * len(wide))
