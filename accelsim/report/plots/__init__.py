"""Pictures of a run, one file each; colour-blind-safe, labelled with units, parts adding up to the total."""

from pathlib import Path

from accelsim.core.pictures import with_defaults
from accelsim.report.figures import Summary
from accelsim.report.record import RunRecord

PICTURES = ("utilization", "stalls", "energy", "timeline", "roofline")


@with_defaults
def draw(record: RunRecord, summary: Summary, folder: Path) -> list[Path]:
    """Draw every picture as `folder/NAME.png`; the files."""
    from accelsim.report.plots.energy import energy
    from accelsim.report.plots.roofline import roofline
    from accelsim.report.plots.stalls import stalls
    from accelsim.report.plots.style import save
    from accelsim.report.plots.timeline import timeline
    from accelsim.report.plots.utilization import utilization

    made = []
    for name, picture in zip(PICTURES, (utilization, stalls, energy, timeline, roofline), strict=True):
        if name == "timeline" and record.analytic:
            continue  # a model has no cycles to draw
        made.append(save(picture(record, summary), folder / f"{name}.png"))
    return made
