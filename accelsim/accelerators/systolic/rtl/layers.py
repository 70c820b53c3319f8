"""All that the array computes of a workload, driven as the machine drives it: every command comes, and every output is
taken, in the cycle in which it does in a run of the machine."""

from collections.abc import Iterator, Mapping

import numpy as np

from accelsim.accelerators.systolic.checks.attention import AttentionProducts
from accelsim.accelerators.systolic.checks.judge import SystolicJudge
from accelsim.accelerators.systolic.checks.replay import probabilities
from accelsim.accelerators.systolic.machine import MACHINE
from accelsim.accelerators.systolic.rtl.datapath import ArraySizes
from accelsim.accelerators.systolic.rtl.modules import ARRAY, NAME, bench, check
from accelsim.accelerators.systolic.rtl.work import ArrayWork, Place, Product, rounded
from accelsim.config.arch import Arch
from accelsim.core import InputError, Out, Param
from accelsim.rtl.cosim import Case
from accelsim.rtl.driven import opened, recorded, shares
from accelsim.rtl.stimulus import Script
from accelsim.validation.course import check_program
from accelsim.validation.evidence import gather
from accelsim.validation.report import Report
from accelsim.workload.functional import Scaling
from accelsim.workload.layers import Gemm
from accelsim.workload.network import Network
from accelsim.workload.workload import Workload

UNIT = "array"  # what the machine calls it
SCORES, VALUES, DENSE = "scores", "values", "dense"
Key = tuple[int, str, int]  # the layer, which of its products, and of these which


def parameters(arch: Arch) -> dict[str, int]:
    """The array's, as its tick sees them. Raises InputError for an array that has no module."""
    made = MACHINE.schema.create(arch, UNIT, frees=None)
    values = {name: made.value(name) for name in made.declared(Param)}
    check(values)
    return values


def array_case(arch: Arch, workload: Workload, data: bool) -> Iterator[Case]:
    """One case: a whole run of the machine at the array's ports, on the workload's operands or of the control alone.

    Raises InputError for an array that has no module.
    """
    parameters(arch)  # before a run that may take minutes
    run = recorded(MACHINE, arch, workload, UNIT)
    commands = run.moved["command"][:, 1:]
    sizes, work = None, None
    if data:
        work = work_of(arch, workload, commands)
        sizes = work.needed(bench(run.values, run.depths, len(commands), ArraySizes()).data)
    net = bench(run.values, run.depths, rounded(len(commands)), sizes)
    opens = opened(run, [name for name, port in ARRAY.ports().items() if isinstance(port, Out)])
    tables = {"frees": run.tables["frees"], "commands": commands}
    script = Script(run.moved["command"][:, 0], commands)
    yield Case(workload.name, net, tables, {"command": script}, opens, operands=work)


def work_of(arch: Arch, workload: Workload, commands: np.ndarray) -> ArrayWork:
    """What each command of a run computes, as the checks of `validate` find it, and on which operands."""
    judge = SystolicJudge(gather(MACHINE, arch, workload))
    check_program(judge, judge.tensors(), Report(arch.name, workload.name, 0))
    scores = {at for layer in judge.attention for at in layer.logits.placed}
    found: dict[int, tuple[Key, Place]] = {}
    for command, b in judge.computed:
        gemm = isinstance(workload.layers[command.step.layer], Gemm)
        which = DENSE if gemm else SCORES if command.step.at in scores else VALUES
        place = Place(0, b.row, b.rows, b.column, b.columns, b.depth, b.deep)
        found[command.step.nth] = (command.step.layer, which, b.group), place
    if len(found) != len(commands):
        raise InputError(f"{workload.name}: of {len(commands)} commands of the array {len(found)} could be placed")
    products: list[Product] = []
    numbers: dict[Key, int] = {}
    for key, product in products_of(judge, workload):
        numbers[key] = len(products)
        products.append(product)
    places = [found[n][1]._replace(product=numbers[found[n][0]]) for n in range(len(commands))]
    return ArrayWork(products, places, commands)


def products_of(judge: SystolicJudge, workload: Workload) -> Iterator[tuple[Key, Product]]:
    """All products of a network, computed from its first layer on, with what the workload lacks made up (see
    workload/network.py)."""
    attention: Mapping[str, AttentionProducts] = {one.layer.name: one for one in judge.attention}
    network = Network(workload, judge.rule)
    for number, layer in enumerate(workload.layers):
        computed = network.of(layer.name)
        if isinstance(layer, Gemm):
            x, weight = computed.operands["x"], computed.operands["weight"]
            for n in range(layer.repeat):
                yield (number, DENSE, n), Product(x[:, n].reshape(-1, x.shape[-1]), weight[n])
        elif layer.name in attention:
            multiplier, shift, bound = (int(one) for one in computed.operands["scaling"])
            bounded = network.rule(layer).mode == "bounded"
            for image in range(workload.batch):
                q, k, v = (computed.operands[n][image] for n in "qkv")
                p = probabilities(
                    attention[layer.name], image, (q, k, v), Scaling(multiplier, shift), bound if bounded else None
                )
                for head in range(layer.heads):
                    group = image * layer.heads + head
                    yield (number, SCORES, group), Product(q[head], k[head].T)
                    yield (number, VALUES, group), Product(p[head].astype(np.int8), v[head])


def remarks(arch: Arch, workload: Workload) -> Iterator[str]:
    """The cycles of a run in which the array is at work."""
    run = recorded(MACHINE, arch, workload, UNIT)
    yield from shares(run, {NAME: (UNIT,)}, workload.name)
