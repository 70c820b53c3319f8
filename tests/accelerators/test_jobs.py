"""What units and memories had to do: noted of a run, read back from its trace, and adding up to the run."""

import json
from collections import Counter

import numpy as np
import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.accelerators.trial import draw_workload
from accelsim.config import load_arch
from accelsim.core.result import COMMAND, TILE
from accelsim.report import archive, files, metrics
from accelsim.report.critical import chains
from accelsim.report.perfetto import write_trace
from accelsim.report.work import jobs, segments


@pytest.fixture(scope="module", params=["vitcod", "sanger"])
def made(request):
    return run(load_arch(request.param, schema), draw_workload(3), trace=True)


def test_every_command_and_tile_is_a_job_and_begins_when_what_it_waits_for_has_ended(made):
    result, found = made.result, jobs(made)
    counted = Counter((job.part, job.kind) for job in found)
    for name, link in result.links.items():
        unit = link.producer.removeprefix("sequencer.command.")
        if unit in made.engines and link.producer != unit:
            assert counted[unit, COMMAND] == result.total.transfers[name] > 0
        if link.consumer.startswith("dma.tile.") and (buffer := link.consumer.split(".")[-1]) != "program_gb":
            assert counted[buffer, TILE] == result.total.transfers[name] > 0
    free = {}
    for job in found:
        assert 0 <= job.start <= job.end <= result.end
        assert all(found[n].end <= job.start for n in job.waits)
        if job.kind == COMMAND:
            assert free.get(job.part, 0) <= job.start
            free[job.part] = job.end
    layers = {s.label: s for s in result.spans}
    for job in found:
        if job.kind == COMMAND and job.part in made.engines:
            assert layers[job.layer].start <= job.start and job.end <= layers[job.layer].end
    assert any(job.waits for job in found) and any(job.heads for job in found)


def test_attention_is_its_phases_and_what_lies_between(made):
    found = chains(made)
    attention = [layer["name"] for layer in made.layers if layer["phase"] == "attention"]
    assert [one.layer for one in found] == attention
    lengths = {row.name: row.cycles for row in metrics.summarize(made).layers}
    for one in found:
        assert sum(step.cycles for step in one.steps) == one.cycles == lengths[one.layer]
        assert all(step.component in made.engines for step in one.steps if step.phase)
        longest = max((step for step in one.steps), key=lambda step: step.cycles)
        assert f"{longest.cycles:,} core cycles (" in one.sentence()
    for before, after in zip(segments(made, jobs(made)), segments(made, jobs(made))[1:]):
        assert before.end <= after.start


def read(path, suffix):
    """(track, slice) -> cycles; numbers of arrows that leave and that end."""
    if suffix == "json":
        events = json.loads(path.read_text())["traceEvents"]
        names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        found = Counter()
        for e in events:
            if e["ph"] == "X":
                found[names[e["tid"]], e["name"]] += e["args"]["cycles"]
        return found, *({e["id"] for e in events if e["ph"] == ph} for ph in "sf")
    protos = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    trace = protos.Trace()
    trace.ParseFromString(path.read_bytes())
    names = {p.track_descriptor.uuid: p.track_descriptor.name for p in trace.packet if p.HasField("track_descriptor")}
    said = {n.iid: n.name for n in trace.packet[0].interned_data.event_names}
    found, out, into = Counter(), set(), set()
    for event in (p.track_event for p in trace.packet if p.HasField("track_event")):
        if event.type == protos.TrackEvent.TYPE_SLICE_BEGIN:
            found[names[event.track_uuid], said[event.name_iid]] += event.debug_annotations[0].uint_value
            out |= set(event.flow_ids)
            into |= set(event.terminating_flow_ids)
    return found, out, into


@pytest.mark.parametrize("suffix", ["json", "pftrace"])
def test_the_trace_has_passes_phases_and_arrows_that_add_up_to_the_result(made, tmp_path, suffix):
    found, out, into = read(write_trace(made, tmp_path / f"a.{suffix}"), suffix)
    figures = files.as_json(made, metrics.summarize(made))
    wanted = Counter()
    for row in figures["passes"]:
        title = f"pass {row['pass']}, {row['heads']}: {row['phase']}"
        wanted[f"{row['component']}, commands", title] += row["cycles"]
        own = sum(row[f"{word}_cycles"] for word in ("busy", "starved", "blocked", "idle"))
        assert own == row["cycles"], "these units run at the core's clock"
    assert {key: n for key, n in found.items() if key[1].startswith("pass ") and key[0] != "pass"} == wanted
    phases = Counter()
    for row in figures["critical"]:
        if row["phase"] != "waiting":
            phases["phase", row["phase"]] += row["cycles"]
    assert {key: n for key, n in found.items() if key[0] == "phase"} == phases
    assert sum(n for key, n in found.items() if key[0] == "pass") >= sum(phases.values())
    tiles = {job.number for job in jobs(made) if job.kind == TILE}
    assert out == into and len(out) == sum(n in tiles for job in jobs(made) for n in job.waits) > 0


def test_jobs_are_kept_with_the_run(made, tmp_path):
    summary = metrics.summarize(made)
    (tmp_path / archive.NAME).write_bytes(archive.pack(made, summary.prices.document))
    again = archive.restore(tmp_path)
    assert np.array_equal(again.result.jobs, made.result.jobs) and again.result.about == made.result.about
