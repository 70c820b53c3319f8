"""JSON Schemas of machine files: they accept what the reader accepts, and refuse what is wrong by itself."""

from fractions import Fraction

import pytest

from accelsim import accelerators
from accelsim.config import shipped, units
from accelsim.config.json_schema import machine_document, value_of
from accelsim.core import InputError, Param, document
from tests.json_checker import all_complaints, complaints

from .machine import problems, schemas, toy

FILES = sorted(shipped.folder("arch_configs").glob("*.yaml"))
TOY = machine_document([toy()])


@pytest.fixture(scope="module")
def every():
    return machine_document(accelerators.schema(name) for name in accelerators.shipped())


def content(path):
    return document.plain(document.read(path)[0])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_files_are_valid(path, every):
    found = content(path)
    assert all_complaints(machine_document([accelerators.schema(found["machine"])]), found) == []
    assert complaints(every, found) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("parts: {engine: {line: 32}}", ".parts.engine: additionalProperties"),
        ("parts: {engine: {lines: 4097}}", ".parts.engine.lines: anyOf"),
        ("parts: {engine: {lines: 0}}", ".parts.engine.lines: anyOf"),
        ("parts: {engine: {lines: 32 KiB}}", ".parts.engine.lines: anyOf"),
        ("parts: {engine: {lines: '010'}}", ".parts.engine.lines: anyOf"),
        ("parts: {engine: {order: row}}", ".parts.engine.order: enum"),
        ("parts: {engine: {model: pipe}}", ".parts.engine: additionalProperties"),
        ("parts: {buffer: {capacity_bytes: 53 Kb}}", ".parts.buffer.capacity_bytes: anyOf"),
        ("parts: {dram: {model: banked, latency: 30}}", ".parts.dram: additionalProperties"),
        ("parts: {dram: {banks: 8}}", ".parts.dram: additionalProperties"),
        ("parts: {dram: {model: bank}}", ".parts.dram.model: enum"),
        ("parts: {dran: {}}", ".parts: additionalProperties"),
        ("parts: []", ".parts: type"),
        ("options: {heads: sereal}", ".options.heads: enum"),
        ("options: {auto_encoder: 1}", ".options.auto_encoder: enum"),
        ("options: {depth: 65537}", ".options.depth: anyOf"),
        ("options: {depth: 2 ns}", ".options.depth: anyOf"),
        ("clocks: {core: 500}", ".clocks.core: type"),
        ("clocks: {core: 500 mhz}", ".clocks.core: pattern"),
        ("clocks: {cor: 500 MHz}", ".clocks: additionalProperties"),
        ("energy: {tables: generic_28nm}", ".energy: additionalProperties"),
        ("sources: {engine.line: a guess}", ".sources: additionalProperties"),
        ("part: {}", ": additionalProperties"),
    ],
)  # fmt: skip
def test_what_the_reader_refuses_is_not_valid(text, where, write):
    path = write(f"machine: toy\n{text}\n")
    assert problems(path)
    assert where in all_complaints(TOY, content(path))


@pytest.mark.parametrize(
    "text",
    [
        "name: 32\noptions: {heads: serial, auto_encoder: false, depth: '3'}",
        "parts: {engine: {lines: 4096, drain: 0, order: columns}, dram: {model: banked, banks: 8}}",
        "parts: {engine: {drain: 3 cycles}, dram: {model: pipe, latency: 13.75 ns, width: 76.8 GB/s}}",
        "clocks: {core: 4000/3 MHz, dram: 1.5 GHz}\nparts: {buffer: {capacity_bytes: 1/2 MiB}}",
        "energy: {table: generic_28nm, override: {}}\nsources: {engine: 2023, dram.model: a guess, clocks.core: us}",
    ],
)
def test_what_the_reader_takes_is_valid(text, write):
    from accelsim.config import load_arch

    path = write(f"machine: toy\n{text}\n")
    assert load_arch(path, schemas)
    assert all_complaints(TOY, content(path)) == []


@pytest.mark.parametrize("unit", [*units.PLAIN, "count"])
def test_units_are_those_of_the_reader(unit):
    written = value_of(Param(1, unit, "x", low=0, high=1 << 50), timed=True)
    known = {*units.SIZES, *units.FREQUENCIES, *units.TIMES, *units.BANDWIDTHS, *units.PER_CYCLE}
    for suffix in sorted(known.union(*units.PLAIN.values(), ["", "kb", "x"])):
        for number in ("64", "064", "1e3", "128/2", ".5", "64."):
            text = f"{number} {suffix}".strip()
            try:
                units.whole(text, unit, "core", Fraction(10**12))
                taken = True
            except InputError as error:
                taken = "whole number can be built" in str(error)  # which is about the value, not how it is written
            assert (not complaints(written, text)) == taken, text


def test_everything_has_a_sentence_and_a_default(every):
    lines = TOY["properties"]["parts"]["properties"]["engine"]["properties"]["lines"]
    assert (lines["description"], lines["default"]) == ("MAC lines (count, 1 to 4,096)", 32)
    assert TOY["properties"]["options"]["properties"]["auto_encoder"]["default"] is True
    assert complaints(every, {"machine": "vitcot"}) == [".machine: enum"]
    assert complaints(every, {}) == [": required"]
    assert complaints(every, {"machine": "vitcod", "parts": {"array": {}}}) == [".parts: additionalProperties"]
