"""A run on disk: `result.json`, `layers.csv`, `run.npz` and pictures, the same bytes for the same run.

Everything is written into a temporary folder beside the target, which then takes the target's name.
"""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from accelsim import __version__
from accelsim.core.errors import InputError
from accelsim.core.files import scratch, sweep
from accelsim.report import archive
from accelsim.report.critical import chains
from accelsim.report.figures import Stretch, Summary
from accelsim.report.losses import MOST, losses
from accelsim.report.metrics import energy_by, summarize, table_of
from accelsim.report.record import RunRecord
from accelsim.report.work import passes

FORMAT = "accelsim result 1"


def write(
    record: RunRecord,
    folder: str | Path,
    *,
    pictures: bool = True,
    summary: Summary | None = None,
    packed: "Beside | None" = None,
) -> Path:
    """Write a run into `folder`, replacing what an earlier run left there; the folder. packed: what `packing` gave.

    Raises InputError when the folder holds something else than a result or cannot be written.
    """
    target = named = check_target(folder)
    if target.is_symlink():
        target = target.resolve()  # what the link points to is replaced, not the link
    packed, summary = packed or packing(record), summary or summarize(record)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch(target.parent, target.name) as room:
            made = room / "new"
            made.mkdir()
            (made / "result.json").write_text(indented(as_json(record, summary)) + "\n")
            write_layers(made / "layers.csv", summary)
            (made / archive.NAME).write_bytes(packed.result())
            if pictures:
                from accelsim.report.plots import draw

                draw(record, summary, made)
            if target.exists():
                (room / "replaced").mkdir()
                os.replace(target, room / "replaced" / target.name)
            os.replace(made, target)
    except OSError as reason:
        raise InputError(f"{target}: cannot be written ({reason.strerror or reason}); name another folder") from None
    return named


class Beside(Thread):
    """A piece of work beside others; packing leaves Python to them for most of its time."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        super().__init__(daemon=True)  # nobody waits for it after a failure
        self.work, self.made, self.error = work, b"", None
        self.start()

    def run(self) -> None:
        try:
            self.made = self.work()
        except BaseException as error:
            self.error = error

    def result(self) -> bytes:
        """What was made. Raises what the work raised."""
        self.join()
        if self.error:
            raise self.error
        return self.made


def packing(record: RunRecord) -> Beside:
    """Begin to pack a run, beside its figures."""
    table = table_of(record).document
    return Beside(lambda: archive.pack(record, table))


def indented(value: Any, depth: int = 1) -> str:
    """The text of `json.dumps(value, indent=1, allow_nan=False)`, in a third of its time: what holds nothing that holds
    others is written at once."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    edge, end = "\n" + " " * depth, "\n" + " " * (depth - 1)
    if any(isinstance(one, dict | list | tuple) for one in inner):
        texts = [indented(one, depth + 1) for one in inner]
        if isinstance(value, dict):
            texts = [f"{json.dumps(str(name))}: {text}" for name, text in zip(value, texts)]
    elif inner:
        texts = [json.dumps(value, allow_nan=False, separators=("," + edge, ": "))[1:-1]]
    else:
        return json.dumps(value, allow_nan=False)
    begun, ended = "{}" if isinstance(value, dict) else "[]"
    return begun + edge + ("," + edge).join(texts) + end + ended


def check_target(folder: str | Path) -> Path:
    """The folder, if a run may be written there; asked before a long run. Raises InputError as `write` does."""
    target = Path(folder)
    if target.exists() and not is_replaceable(target):
        raise InputError(
            f"{target}: this is no result folder, and a run replaces all that a folder holds; name a new or empty"
            " folder, or one with an earlier result"
        )
    if target.is_symlink() and not target.exists() and not target.resolve().parent.is_dir():
        raise InputError(f"{target}: cannot be written (the link points nowhere); name another folder")
    real = target.resolve() if target.is_symlink() else target
    above = next(p for p in real.absolute().parents if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(f"{target}: cannot be written ({above} is no folder that can be); name another folder")
    sweep(real.parent)
    return target


def is_replaceable(target: Path) -> bool:
    """Whether a path is an empty folder or the folder of an earlier result."""
    if not target.is_dir():
        return False
    if not any(target.iterdir()):
        return True
    try:
        found = json.loads((target / "result.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and str(found.get("format", "")).startswith("accelsim result")


def as_json(record: RunRecord, summary: Summary) -> dict[str, Any]:
    """The content of `result.json`: figures first, then everything that says how they were made."""
    total, lost = summary.total, losses(record)  # which needs no order of the changes: they are sorted meanwhile
    return {
        "format": FORMAT,
        "version": __version__,
        "machine": record.machine,
        "kind": "analytic model" if record.analytic else "simulation",
        "total_cycles": total.cycles,
        "seconds_at_clock": total.seconds,
        "clock_hz": record.clock_hz,
        "energy_pj": total.energy.pj,
        "energy_low_pj": total.energy.low_pj,
        "energy_high_pj": total.energy.high_pj,
        "chip_energy_pj": total.energy.chip_pj,
        "chip_energy_low_pj": total.energy.chip_low_pj,
        "chip_energy_high_pj": total.energy.chip_high_pj,
        "dram_energy_pj": total.energy.dram_pj,
        "dram_background_pj": total.energy.background_pj,
        "power_w": total.power_w,
        "chip_power_w": total.chip_power_w,
        "area_mm2": summary.area_mm2[0],
        "area_low_mm2": summary.area_mm2[1],
        "area_high_mm2": summary.area_mm2[2],
        "mac_utilization": total.mac_utilization,
        "engine_utilization": summary.engine_utilization,
        "bandwidth_utilization": total.bandwidth_utilization,
        "q_forward_hit_rate": summary.q_forward_hit_rate,
        "macs": total.macs,
        "dense_macs": total.dense_macs,
        "mac_ops": total.mac_ops,
        "dram_read_bytes": total.dram_read_bytes,
        "dram_write_bytes": total.dram_write_bytes,
        "roofline": {
            **asdict(total.roofline),
            "peak_ops_per_s": summary.peak_ops_per_s,
            "dram_peak_bytes_per_s": summary.dram_peak_bytes_per_s,
            "ridge_ops_per_byte": summary.ridge_ops_per_byte,
        },
        "phases": {phase.name: figures(phase) for phase in summary.phases},
        "components": {
            name: {"class": a.kind, "clock": a.clock, "cycles": a.cycles, **a.status}
            for name, a in total.activity.items()
        },
        "counters": record.result.total.counts,
        "transfers": record.result.total.transfers,
        "memories": {m.name: {k: v for k, v in asdict(m).items() if k != "name"} for m in summary.memories},
        "energy": {
            "table": summary.energy_table,
            "by_component_pj": energy_by(summary.charges, "component"),
            "by_action_pj": energy_by(summary.charges, "action"),
            "charges": [asdict(c) for c in summary.charges],
        },
        "multipliers": record.multipliers,
        "operand_bits": record.operand_bits,
        "on_chip_bytes": summary.on_chip_bytes,
        "area_um2": {p.component: p.um2 for p in summary.pieces},
        "critical": [step.row() for one in chains(record) for step in one.steps],
        "passes": [share.row() for share in passes(record)],
        "losses": [
            {
                "phase": loss.phase,
                "cause": loss.cause,
                "component": loss.component,
                "cycles": loss.cycles,
                "sentence": loss.sentence(total.cycles),
            }
            for loss in lost[:MOST]
        ],
        "workload": record.workload,
        "architecture": record.arch,
        "notes": record.notes,
        **({"mapping": record.mapping} if record.mapping else {}),
    }


def figures(row: Stretch) -> dict[str, Any]:
    """The figures of a layer or a phase, flat."""
    return {
        "cycles": row.cycles,
        "seconds": row.seconds,
        "cycle_share": row.cycle_share,
        "macs": row.macs,
        "dense_macs": row.dense_macs,
        "mac_ops": row.mac_ops,
        "mac_utilization": row.mac_utilization,
        "dram_read_bytes": row.dram_read_bytes,
        "dram_write_bytes": row.dram_write_bytes,
        "bandwidth_utilization": row.bandwidth_utilization,
        "ops_per_byte": row.roofline.ops_per_byte,
        "ops_per_s": row.roofline.ops_per_s,
        "energy_pj": row.energy.pj,
        "chip_energy_pj": row.energy.chip_pj,
        "dram_energy_pj": row.energy.dram_pj,
        "dram_background_pj": row.energy.background_pj,
        "power_w": row.power_w,
    }


def layer_rows(summary: Summary) -> list[dict[str, Any]]:
    """A mapping for every layer, in order of execution: its figures, cycles by status of every component, counters."""
    words = ("busy", "starved", "blocked", "idle")
    return [
        {
            "name": row.name,
            "block": row.block,
            "phase": row.phase,
            **figures(row),
            **{f"{n}.{word}_cycles": a.status[word] for n, a in row.activity.items() for word in words},
            **row.counters,
        }
        for row in summary.layers
    ]


def write_layers(path: Path, summary: Summary) -> None:
    """One line for every layer; a figure that does not exist is empty."""
    rows = layer_rows(summary)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(rows[0])
        lines.writerows(row.values() for row in rows)
