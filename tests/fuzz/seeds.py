"""Small valid files of every kind, from which damaged ones are made."""

import io
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from accelsim.accelerators import machine, schema
from accelsim.accelerators.new_machine import TEMPLATE
from accelsim.components.dram import standard
from accelsim.config import load_arch
from accelsim.config.shipped import folder
from accelsim.core.component import MOST
from accelsim.energy import document
from accelsim.workload import arrays, save
from tests.conftest import ROOT
from tests.workload.small import small

MACHINES = ("vitcod", "systolic")

SWEEPS = (
    """sweep: s
machines: [vitcod, {machine: systolic, set: {array.rows: 8}, axes: {array.columns: [8, 16]}}]
workloads: [{workload: w.yaml, only: attention}]
axes: {clocks.core: [500 MHz, 1 GHz]}
""",
    """machines: [vitcod]
workloads: [w.yaml]
axes:
  engine.lines: {from: 16, to: 64, factor: 2}
  engine.macs: {from: 4, to: 12, step: 4}
  heads: [parallel, serial]
constraints: ['lines * macs == 128', "heads == 'serial' or lines > 16"]
""",
    """machines: [vitcod]
workloads: [w.yaml]
axes:
  engine.lines: {from: 16, to: 128, multiple: 8}
  act_gb0.capacity_bytes: {from: 32 KiB, to: 160 KiB, scale: log, multiple: 4}
method: latin_hypercube
points: 3
seed: 1
constraints: [engine.lines * engine.macs <= 1024]
objectives: [cycles, energy_pj, area_mm2]
""",
    """machines: [vitcod]
workloads: [w.yaml]
axes: {engine.lines: [16, 32], engine.macs: [8, 4]}
method: zip
""",
)

TABLE = """name: mine
title: a table
extends: generic_28nm
node_nm: 28
vdd: 0.9
source: nowhere
options: {dram_io: false}
logic:
  mac_dot: {pj: 0.5, low: 0.3, high: 0.6, um2: 300, source: measured}
  mine: {leakage_uw: 3, um2: 10, source: guessed}
dram: {dram_read_bit: {pj: 5, source: measured}}
sram: {energy_factor: {low: 0.8, nominal: 1.0, high: 1.3}}
logic_leakage: {uw_per_um2: 0.01}
layout: {density: 0.7, source: guessed}
components:
  VectorUnit:
    counters: {element_ops: {requant: 1, add_int32: 2 * lanes / lanes}}
    area: {requant: lanes}
    standing: {mine: 1}
"""

GEMMS = "Layer,M,N,K,\nfirst,64,32,16,\nsecond,1,1,1,\n"
SPARSE = "Layer,M,N,K,Sparsity,Batch,\nfirst,64,32,16,1:1,3,\n"
CONVOLUTIONS = """Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
conv1, 10, 10, 3, 3, 4, 8, 1,
conv2, 8, 8, 1, 1, 8, 8, 2,
"""

TRACES = {
    "t.csv": "cycle,addr,op\n" + "".join(f"{3 * n},0x{64 * n * n:x},{'RW'[n % 3 == 0]}\n" for n in range(40)),
    "t.trace": "# DRAMsim3\n" + "".join(f"0x{4096 * n:x} {('READ', 'WRITE')[n % 2]} {n}\n" for n in range(40)),
    "t.ram": "".join(f"{('LD', 'ST')[n % 2]} 0x{n << 12:x}\n" for n in range(20)),
    "t.kind": "".join(f"0x{n << 12:x} {'RW'[n % 2]}\n" for n in range(20)),
}


@cache
def workload() -> dict[str, bytes]:
    """A workload of every kind of layer, and its arrays."""
    with tempfile.TemporaryDirectory() as held:
        path = save(small(bits={"activation": 8, "weight": 8}, batch=1), Path(held) / "w.yaml")
        return {"w.yaml": path.read_bytes(), "w.npz": path.with_suffix(".npz").read_bytes()}


@cache
def workload_arrays() -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as held:
        path = Path(held) / "w.npz"
        path.write_bytes(workload()["w.npz"])
        return arrays.decode(path)


@cache
def configurations() -> tuple[str, ...]:
    """Configurations as they ship, and with every parameter written out."""
    shipped = [(folder("arch_configs") / f"{name}.yaml").read_text() for name in MACHINES]
    full = [yaml.safe_dump(load_arch(name, schema, over).as_dict(), sort_keys=False, width=999)
            for name in MACHINES for over in ((), ("dram.model=pipe",))]  # fmt: skip
    priced = ("machine: vitcod\nenergy:\n  table: generic_28nm\n"
              "  override: {mac_dot: 0.5, exp: {pj: 2, source: x}, layout: {density: 0.5}}\n")  # fmt: skip
    return (*shipped, *full, priced)


@cache
def parameters(name: str) -> tuple[tuple[str, object, object], ...]:
    """(name as in --set, its declaration or None for a clock, its value) of everything that can be set of a machine."""
    declared, arch = schema(name), load_arch(name, schema)
    found = [(f"clocks.{n}", None, f"{float(h) / 1e6} MHz") for n, h in arch.clocks.items()]
    found += [(n, option, arch.options[n]) for n, option in declared.options.items()]
    for part, one in declared.parts.items():
        for model in one.choices:
            found += [(f"{part}.{n}", p, p.default) for n, p in one.params(model).items()]
        if one.has_choice:
            found.append((f"{part}.model", None, one.default_model))
    return tuple(found)


def ends(param) -> tuple[int, int]:
    """The smallest and the largest value of a parameter."""
    return param.low, MOST.get(param.unit, MOST["count"]) if param.high is None else param.high


def number(value: object) -> int:
    """A default as a number, or 1 of what has a unit."""
    return value if isinstance(value, int) else 1


@cache
def dram_only(name: str, model: str) -> frozenset[str]:
    """Parameters of the other models of the memory."""
    part = schema(name).parts["dram"]
    every = {n for one in part.choices for n in part.params(one)}
    return frozenset(f"dram.{n}" for n in every - set(part.params(model)))


@cache
def tables() -> tuple[str, ...]:
    return (
        TABLE,
        (document.FOLDER / "generic_28nm.yaml").read_text(),
        (document.FOLDER / "generic_45nm.yaml").read_text(),
    )


@cache
def standards() -> tuple[str, ...]:
    return tuple((standard.FOLDER / f"{name}.yaml").read_text() for name in ("ddr4_2400_reference", "hbm2", "lpddr5"))


@cache
def plugin() -> dict[str, bytes]:
    """A machine of one's own."""
    return {f"my_machine/{f.name}": f.read_bytes() for f in sorted(TEMPLATE.iterdir()) if f.suffix in (".py", ".yaml")}


@cache
def prices() -> tuple[str, ...]:
    shipped = machine("vitcod").prices
    return (plugin()["my_machine/prices.yaml"].decode(), shipped.read_text())


@cache
def masks() -> np.ndarray:
    """Of deit_tiny, zeros where a score is kept."""
    keep = np.zeros((12, 3, 197, 197), bool)
    keep[..., np.arange(197), np.arange(197)] = True
    keep[..., 0] = True
    return ~keep


@cache
def store() -> bytes:
    """The results of a sweep."""
    from accelsim.sweep import campaign
    from accelsim.sweep.plan import read
    from accelsim.sweep.points import expand
    from accelsim.sweep.store import Store

    with tempfile.TemporaryDirectory() as held:
        at = Path(held)
        for name, data in workload().items():
            (at / name).write_bytes(data)
        (at / "s.yaml").write_text(SWEEPS[3].replace("w.yaml", str(at / "w.yaml")))
        plan = read(at / "s.yaml")
        with Store(at / "r.db") as opened:
            campaign.run(plan.name, expand(plan), opened, campaign.executor(0, None))
        return (at / "r.db").read_bytes()


@cache
def checkpoints() -> dict[str, bytes]:
    """Weights of a small network in the forms they come in."""
    from accelsim.codesign.pytorch import need

    torch, pack = need("torch", "fuzzing"), need("safetensors.torch", "fuzzing").save
    weights = need("timm", "fuzzing").create_model("test_vit").state_dict()
    found = {"c.safetensors": pack(weights)}
    for name, held in (
        ("c.pth", weights),
        ("nested.pth", {"model_ema": {f"module.{k}": v for k, v in weights.items()}, "epoch": 3}),
    ):
        stream = io.BytesIO()
        torch.save(held, stream)
        found[name] = stream.getvalue()
    return found


def shipped_names() -> list[str]:
    return [p.stem for p in sorted((ROOT / "workloads").glob("*.yaml"))]
