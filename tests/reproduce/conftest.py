"""A small paper: one network, attention by two machines, everything a study can ask for."""

from pathlib import Path

import pytest

from accelsim.reproduce.paper import read
from accelsim.reproduce.report import Report, reproduce

TEXT = """
title: a paper
paper: nobody, nowhere
frozen: 2026-11-28
readings: [{name: as shipped}]
reproduce:
  machine: vitcod
  models: [levit_128]
  sparsities: [80, 90]
  headline: 90
  terms: macs
  given: all of it
  opponents:
    - name: dense
      machine: systolic
      macs: systolic_832
      readings: [{name: output-stationary, masks: false}]
    - name: serial
      machine: vitcod
      any: vitcod
      readings:
        - {name: one head at a time, set: [heads=serial]}
        - {name: no room at all, set: [engine.psum_bytes=64]}
  claims:
    - {over: dense, of: attention, at: 90, is: 100, source: page 1}
    - {over: dense, of: attention, at: mean, is: 2.6, source: page 2}
    - {over: serial, of: attention, at: 90, metric: energy, is: 1.0, source: page 3}
  left_out: [Everything else.]
  ablation:
    machine: vitcod dram.model=pipe
    models: [levit_128]
    source: page 4
    variants:
      without: [prune=false, auto_encoder=false]
      with: [prune=true, auto_encoder=false]
      all: [prune=true, auto_encoder=true]
    steps:
      - {name: pruning, from: without, to: with, mean: 3, at: {90: 50}}
      - {name: coding, from: with, to: all}
    movement: {part: act_gb0, without: with, with: all, rates: [76.8e9], free: dram.bytes_per_cycle=1600, found: [0.5, 0.28], source: page 5}
    intensity: {with: 1000}
    search:
      models: [levit_128]
      switches:
        - {name: heads, choices: {together: {}, in turns: {every: [heads=serial]}}}
        - {name: dense map, choices: {dense: {}, sparse: {without: [reorder=false]}}}
      left_out: [What it cannot.]
      computed: {words twice as long: 2}
  waterfalls:
    - over: serial
      machine: vitcod heads=serial
      steps:
        - {name: heads side by side, set: [heads=parallel]}
      end: the machine itself
"""  # noqa: E501


@pytest.fixture(scope="session")
def paper(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "paper.yaml"
    path.write_text(TEXT)
    return read(path)


@pytest.fixture(scope="session")
def report(paper, tmp_path_factory) -> tuple[Report, Path]:
    """The whole reproduction, two masks of each network, and its folder."""
    folder = tmp_path_factory.mktemp("reproduced")
    return reproduce(paper, folder, seeds=2, processes=0), folder
