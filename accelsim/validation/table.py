"""A validation as tables and sentences for a terminal."""

from collections.abc import Iterator

from accelsim.validation.report import Report


def tables(report: Report, every: bool = False) -> Iterator[object]:
    """The checks, summed over the scopes of a rule (`every`: one by one), what differs, and the layers' errors."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def table(*titles: str, numbers: int) -> Table:
        made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        for n, title in enumerate(titles):
            made.add_column(title, justify="right" if n >= len(titles) - numbers else "left", overflow="fold")
        return made

    groups: dict[tuple[str, str], list] = {}
    for check in report.checks:
        what = f"{check.scope}: {check.compared}" if every else check.compared
        groups.setdefault((check.name, what), []).append(check)
    checks = table("check", "what must hold", "scopes", "compared", "wrong", numbers=3)
    for (name, compared), some in groups.items():
        count, wrong = sum(c.count for c in some), sum(c.wrong for c in some)
        checks.add_row(name, compared, f"{len(some)}", f"{count:,}", f"{wrong:,}")
    yield checks
    for check in report.failed:
        yield f"FAILED {check.name}, {check.scope}: {check.compared} ({check.wrong:,} of {check.count:,} do not)"
        yield from (f"  {sentence}" for sentence in check.differences)
    if report.errors:
        errors = table("attention layer", "largest error", "rms error", "largest output", numbers=3)
        for error in report.errors:
            errors.add_row(error.layer, *(f"{x:.3f}" for x in (error.largest, error.rms, error.peak)))
        yield "\nInteger attention against float64, in steps of V:"
        yield errors
    if report.remarks:
        yield "\n" + "\n".join(report.remarks)
    yield f"\n{report.workload} on {report.machine}: {report.cycles:,} cycles, {len(report.checks)} checks, " + (
        "all passed" if report.passed else f"{len(report.failed)} FAILED"
    )
