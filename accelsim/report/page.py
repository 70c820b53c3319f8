"""One HTML page of one or more runs: figures, timeline, layers, roofline, stalls, the machine's blocks; no network."""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from accelsim import __version__
from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.report.critical import chains
from accelsim.report.figures import Stretch, Summary
from accelsim.report.files import figures
from accelsim.report.losses import MOST, losses
from accelsim.report.metrics import energy_by, summarize
from accelsim.report.record import RunRecord
from accelsim.report.tables import headline
from accelsim.report.words import spoken

HTML = Path(__file__).parent / "html"
SCRIPTS = ("base.js", "sections.js", "blocks.js", "timeline.js")
KINDS = {"Sequencer": "sequencer", "Dma": "dma", "LoadBuffer": "buffer", "StoreBuffer": "buffer"}
LARGEST = 8  # runs on a page
SMALL = 0.003  # of the energy, below which rows are taken together
LONGEST_STEP = (1 << 30) - 1  # cycles between two changes that one word holds


def write_page(runs: Sequence[tuple[str, RunRecord]], path: Path) -> Path:
    """Write the page of named runs; the file. Raises InputError for another suffix and when it cannot be written."""
    check_page([name for name, _ in runs], path)
    try:
        write(path, page(runs).encode())
    except OSError as reason:
        raise InputError(f"{path}: cannot be written ({reason.strerror or reason}); name another file") from None
    return path


def check_page(runs: Sequence[object], path: Path) -> None:
    """Raise InputError for a page of another suffix, or of more runs than it can tell apart."""
    if path.suffix != ".html":
        raise InputError(f"{path}: a report is a page; name it .html")
    if not 1 <= len(runs) <= LARGEST:
        raise InputError(f"a report is of 1 to {LARGEST} results, not of {len(runs)}")


def page(runs: Sequence[tuple[str, RunRecord]]) -> str:
    """The page; its first run is the one that others are compared with."""
    data = {"version": __version__, "runs": [run_data(name, record) for name, record in runs]}
    title = "accelsim: " + ", ".join(name for name, _ in runs)
    parts = {
        "@TITLE@": escape(title),
        "@STYLE@": (HTML / "page.css").read_text(encoding="utf-8"),
        "@DATA@": json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
        "@SCRIPT@": "".join((HTML / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    made = (HTML / "page.html").read_text(encoding="utf-8")
    for mark, text in parts.items():
        made = made.replace(mark, text)
    return made


def run_data(name: str, record: RunRecord) -> dict[str, Any]:
    """Everything that the page shows of a run, JSON-able."""
    summary, result = summarize(record), record.result
    total = summary.total
    low, high = total.energy.low_pj, total.energy.high_pj
    return {
        "name": name,
        "headline": headline(record, summary),
        "synthetic": bool(record.workload.get("synthetic")),
        "figures": {
            **figures(total), "energy_low_pj": low, "energy_high_pj": high, "chip_power_w": total.chip_power_w,
            "area_mm2": summary.area_um2 / 1e6,
        },
        "phases": [{"name": p.name, **figures(p)} for p in summary.phases],
        "layers": [{"name": r.name, "block": r.block, "phase": r.phase, **figures(r)} for r in summary.layers],
        "energy": energy(summary),
        "losses": [loss.sentence(total.cycles) for loss in losses(record)[:MOST]],
        "chains": [
            {"sentence": one.sentence(), "cycles": one.cycles, "steps": [step.row() for step in one.steps]}
            for one in chains(record)
        ],
        "activity": {"whole run": doing(total), **{p.name: doing(p) for p in summary.phases}},
        "classes": {n: part.kind for n, part in result.parts.items()},
        "kinds": {n: kind_of(record, n) for n in result.parts},
        "links": links(record),
        "roof": {"peak": summary.peak_ops_per_s, "ridge": summary.ridge_ops_per_byte},
        "timeline": timeline(record),
        "notes": {"workload": record.workload["name"], "hash": record.workload["hash"],
                  "made by": record.workload.get("provenance", ""), **record.notes},
        "settings": dict(flat(record.arch)),
        "configuration": yaml.safe_dump(record.arch, sort_keys=False, width=100),
    }  # fmt: skip


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a configuration, by its whole name."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield above + name, str(value)


def doing(stretch: Stretch) -> dict[str, dict[str, int]]:
    """Cycles by status of every component."""
    return {n: a.status for n, a in stretch.activity.items()}


def energy(summary: Summary) -> dict[str, Any]:
    """The chip's by component, DRAM's by action, each with bounds, the small ones together."""
    made: dict[str, Any] = {"table": summary.energy_table}
    for part, field, off in (("chip", "component", False), ("dram", "action", True)):
        mine = [c for c in summary.charges if c.off_chip is off]
        sums = {what: energy_by(mine, field, what) for what in ("pj", "low_pj", "high_pj")}
        whole = sum(sums["pj"].values())
        rows = [
            {"name": spoken(n) if off else n, **{what: values[n] for what, values in sums.items()}} for n in sums["pj"]
        ]
        large = [r for r in rows if r["pj"] >= SMALL * whole and r["pj"]]
        small = [r for r in rows if r["pj"] and r not in large]
        if small:
            large.append({"name": f"{len(small)} others", **{what: sum(r[what] for r in small) for what in sums}})
        made[part] = large
    return made


def kind_of(record: RunRecord, name: str) -> str:
    """What a component is in the block diagram."""
    if name in record.dram:
        return "dram"
    return next((KINDS[k] for k in record.result.parts[name].kinds if k in KINDS), "unit")


def links(record: RunRecord) -> list[tuple[str, str, str, int]]:
    """(from, to, the channels, items that crossed them) for every two components that channels join."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for name, link in record.result.links.items():
        ends = link.producer.split(".")[0], link.consumer.split(".")[0]
        port = link.producer.split(".", 1)[1]
        found.setdefault(ends, []).append((port, record.result.total.transfers.get(name, 0)))
    return [
        (a, b, "\n".join(f"{port}: {items:,} items" for port, items in each), sum(items for _, items in each))
        for (a, b), each in found.items()
    ]


def timeline(record: RunRecord) -> dict[str, Any]:
    """Layers, and every change of status: words of the cycles since the one before (30 bits) and the status (2)."""
    result = record.result
    core = result.periods["core"]
    shown = [
        (record.layers[s.label]["name"] if s.label >= 0 else "outside every layer", record.phase(s.label),
         s.start / core, s.end / core)
        for s in result.spans
        if s.end > s.start
    ]  # fmt: skip
    made: dict[str, Any] = {"cycles": result.end / core, "layers": shown, "parts": [], "changes": ""}
    if not result.traced:
        return made
    words = []
    for number, (name, part) in enumerate(result.parts.items()):
        at, status = result.changes(number)
        period = result.periods[part.clock]
        steps, status = np.diff(at // period, prepend=0), status.astype(np.uint32)
        if steps.max(initial=0) > LONGEST_STEP:  # a long wait is several words of what it was before
            steps, status = split(steps, status)
        words.append(steps.astype(np.uint32) << 2 | status)
        made["parts"].append({"name": name, "period": period / core, "count": len(steps)})
    packed = zlib.compress(np.concatenate(words).astype("<u4").tobytes(), 9)
    return {**made, "changes": base64.b64encode(packed).decode()}


def split(steps: np.ndarray, status: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of at most LONGEST_STEP, the status before repeated where one is longer."""
    made, said, before = [], [], 0
    for step, now in zip(steps.tolist(), status.tolist()):
        while step > LONGEST_STEP:
            made.append(LONGEST_STEP)
            said.append(before)
            step -= LONGEST_STEP
        made.append(step)
        said.append(now)
        before = now
    return np.array(made), np.array(said, np.uint32)
