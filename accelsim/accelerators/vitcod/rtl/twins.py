"""ViTCoD's hardware twins, as the harness takes them: the attention units, alone and wired, and the encoder."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl.attention import CAPACITY
from accelsim.accelerators.vitcod.rtl.cases import SETTINGS, cases, encoder
from accelsim.accelerators.vitcod.rtl.coding import CodingSizes
from accelsim.accelerators.vitcod.rtl.core import RANDOM, UNITS, core, random_cases, values_of, workload_cases
from accelsim.accelerators.vitcod.rtl.datapath import Sizes
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.accelerators.vitcod.rtl.modules import TWINS as MODULES
from accelsim.accelerators.vitcod.rtl.mutations import MUTATIONS
from accelsim.accelerators.vitcod.rtl.operands import workload_operands
from accelsim.accelerators.vitcod.rtl.settings import SMALL
from accelsim.config.arch import Arch
from accelsim.core import Param
from accelsim.rtl.cosim import Case
from accelsim.rtl.netlist import Netlist, alone
from accelsim.rtl.twins import Twins
from accelsim.workload.workload import Workload

CORE = "attention_core"
ENCODER_DEPTHS = {"outputs": 4, "out": 4}  # as the machine wires it
TRIALS = 100  # more than are looked at
CHANNELS = (  # the engines' scores first: a picture looks closely where both have some
    "denser_scores",
    "sparser_score",
    "walker_column",
    "sparser_miss",
    "decoder_vector",
    "softmax_denser",
    "softmax_sparser",
    "denser_partial",
    "sparser_partial",
    "merge_row",
)


def parameters(arch: Arch) -> dict[str, dict[str, int]]:
    """Those of each unit of attention_core, and of `encoder`, which stands outside it."""
    found = {}
    for name, module in (*UNITS.items(), ("encoder", "encoder")):
        values = arch.parts[name] | MACHINE.schema.shared(arch, name)
        declared = MODULES[module].component.declared(Param)
        found[name] = {n: p.check(name, values[n]) for n, p in declared.items()}
    return found


def tops(
    values: Mapping[str, dict[str, int]], rows: Mapping[str, int] = CAPACITY, sizes: Sizes = RANDOM
) -> list[Netlist]:
    """The encoder between its channels, if there are values for it, and attention_core.

    `rows` are the sizes of the tables, `sizes` those of the data path.
    """
    nets = []
    if "encoder" in values:
        nets.append(alone(PACKAGE, MODULES["encoder"], values["encoder"], ENCODER_DEPTHS, {}, CodingSizes()))
    return [*nets, core(values, dict(rows), sizes=sizes)]


def trials(top: str, values: Mapping[str, dict[str, int]], seed: int) -> Iterable[Case]:
    """Random cases of one of them."""
    if top == CORE:
        yield from random_cases(TRIALS, seed, used=[values])
        return
    rng = np.random.default_rng([seed, 88])
    for _ in range(TRIALS):
        yield encoder(rng, values["encoder"], ENCODER_DEPTHS, 0)


def layers(arch: Arch, workload: Workload, data: bool) -> Iterator[Case]:
    """Every attention layer of a workload through attention_core."""
    sim, program = MACHINE.build(arch, workload)
    values = values_of(sim)
    on = {name: arch.options[name] == "true" for name in ("prune", "auto_encoder")}
    operands = workload_operands(workload, values["softmax"]["mode"] == 0, **on)
    return workload_cases(program, values, workload.name, operands, data=data)


TWINS = Twins(
    package=PACKAGE,
    cases={name: partial(cases, name) for name in SETTINGS} | {CORE: random_cases},
    small={CORE: partial(random_cases, used=[SMALL])},
    mutations=MUTATIONS,
    parameters=parameters,
    tops=tops,
    trials=trials,
    whole=CORE,
    layers=layers,
    pictured=CHANNELS,
)
