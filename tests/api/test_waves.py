"""The waveform of a run with its channels, read back by a library: transfers and cycles are those of the result."""

import math
from collections import Counter

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.accelerators.trial import draw_workload
from accelsim.api.waves import write_waves
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.core.status import STATUS_NAMES
from accelsim.report.waveform import identifier


@pytest.fixture(scope="module")
def made():
    arch, work = load_arch("vitcod", schema), draw_workload(3)
    return arch, work, run(arch, work, trace=True)


def read(path):
    """(signal, value, from, to) of every stretch in which it is known, in ps; the last time."""
    reader = pytest.importorskip("vcd.reader")
    names, scopes, held, found, at = {}, [], {}, [], 0
    with path.open("rb") as file:
        for token in reader.tokenize(file):
            if token.kind is reader.TokenKind.SCOPE:
                scopes.append(token.scope.ident)
            elif token.kind is reader.TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is reader.TokenKind.VAR:
                names[token.var.id_code] = ".".join([*scopes[1:], token.var.reference])
            elif token.kind is reader.TokenKind.CHANGE_TIME:
                assert token.time_change >= at
                at = token.time_change
            elif token.kind is reader.TokenKind.CHANGE_VECTOR:
                change = token.vector_change
                if change.id_code in held:
                    found.append((names[change.id_code], *held[change.id_code], at))
                held[change.id_code] = change.value, at
    found += [(names[code], value, start, at) for code, (value, start) in held.items()]
    return [one for one in found if isinstance(one[1], int)], at


def counted(result, found):
    """(transfers by channel, cycles by component and status)."""
    scale = 1e12 / float(result.time_base_hz)
    scopes = {identifier(name): link.producer.split(".")[0] for name, link in result.links.items()}
    moved, cycles = Counter(), Counter()
    for name, value, start, end in found:
        scope, _, signal = name.rpartition(".")
        part = scopes[scope] if scope else signal
        if part == "layer" or not value or (scope and signal != "items"):
            continue
        period = result.periods[result.parts[part].clock] * scale
        first, last = (math.ceil(t / period - 1e-2) for t in (start, end))
        if scope:
            moved[scope] += value * (last - first)
        else:
            cycles[part, STATUS_NAMES[value]] += last - first
    return moved, cycles


@pytest.mark.parametrize("whole", [True, False], ids=["the run", "one layer"])
def test_transfers_and_cycles_are_those_of_the_result(made, tmp_path, whole):
    arch, work, record = made
    result = record.result
    name = next(layer["name"] for layer in record.layers if layer["phase"] == "attention")
    spans = [s for s in result.spans if whole or (s.label >= 0 and record.layers[s.label]["name"] == name)]
    said = []
    path = write_waves(arch, work, record, tmp_path / "a.vcd", () if whole else [name], said.append)
    found, end = read(path)
    moved, cycles = counted(result, found)
    wanted = Counter()
    for span in spans:
        wanted.update({identifier(k): n for k, n in span.transfers.items()})
    assert moved == +wanted and len(moved) > 20
    assert +cycles == +Counter(
        {(p, w): sum(s.status[p][w] for s in spans) for p in result.parts for w in STATUS_NAMES[1:]}
    )
    scale = 1e12 / float(result.time_base_hz)
    assert end == pytest.approx(result.end * scale, abs=1)
    known = [(start, stop) for _, _, start, stop in found]
    assert min(known)[0] == pytest.approx(spans[0].start * scale, abs=1)
    assert max(e for _, e in known) == pytest.approx(spans[-1].end * scale, abs=1)
    size = path.stat().st_size / 1e6
    about = int(said[0].split(": about ")[1].split(" MB")[0].replace(",", ""))
    assert f"{sum(wanted.values()):,} transfers" in said[0] and abs(size - about) < 0.5 + 0.3 * size


def test_what_channels_hold_and_carry_is_what_was_logged(made, tmp_path):
    arch, work, record = made
    sim, _ = machine("vitcod").build(arch, work, monitored=True)
    sim.run()
    logged = sim.result().transfers
    found, _ = read(write_waves(arch, work, record, tmp_path / "a.vcd"))
    signals: dict[str, list] = {}
    for name, value, start, end in found:
        signals.setdefault(name, []).append((start, end, value))
    channel = next(k for k in logged if k.startswith("sequencer.command.denser"))
    scale = 1e12 / float(record.result.time_base_hz)
    for field in ("phase", "number", "begin", "end"):
        held = signals[f"{identifier(channel)}.item_{field}"]
        for row in logged[channel]:
            at = round(row["at"] * scale)
            assert next(v for a, b, v in held if a <= at < b) == row[field]
    for name, link in record.result.links.items():
        scope = identifier(name)
        full = [(a, b) for a, b, v in signals[f"{scope}.held"] if v == link.depth]
        assert max(v for _, _, v in signals[f"{scope}.held"]) <= link.depth
        if link.producer.split(".")[0] in ("dma", "dram") or link.consumer.split(".")[0] == "dram":
            continue  # the two ends see a change at edges of two clocks
        unready = [(a, b) for a, b, v in signals[f"{scope}.ready"] if v == 0]
        assert unready == full, name
        refused = [v for a, b, v in signals[f"{scope}.valid"] if v and any(x <= a < y for x, y in unready)]
        assert not refused, "nothing is pushed into a full channel"


def test_what_has_no_waveform_is_said(made, tmp_path):
    arch, work, record = made
    with pytest.raises(InputError, match=r"a.fst: a waveform is written as a .vcd"):
        write_waves(arch, work, record, tmp_path / "a.fst")
    with pytest.raises(InputError, match="there is no folder .*none; make it first"):
        write_waves(arch, work, record, tmp_path / "none" / "a.vcd")
    with pytest.raises(InputError, match="there is no layer 'nothing'"):
        write_waves(arch, work, record, tmp_path / "a.vcd", ["nothing"])
    analytic = load_arch("cpu", schema)
    with pytest.raises(InputError, match="is an analytic model: it has no channels"):
        write_waves(analytic, work, record, tmp_path / "a.vcd")
