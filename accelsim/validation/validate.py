"""All checks of a run together."""

from typing import Protocol

from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.validation.course import check_program
from accelsim.validation.evidence import Model, gather
from accelsim.validation.judge import Judge
from accelsim.validation.report import Report
from accelsim.validation.totals import check_buffers, check_ports, check_totals
from accelsim.validation.transfers import check_transfers
from accelsim.validation.vector import check_vectors
from accelsim.workload.bounds import values_problem
from accelsim.workload.layers import Attention, Gemm, Layer, LinearAttention
from accelsim.workload.workload import Workload


class Judged(Model, Protocol):
    """A machine that says what it is to be judged by."""

    def judge(self) -> type[Judge]:
        """The class whose objects judge its runs."""


def validate(model: Judged, arch: Arch, workload: Workload) -> Report:
    """Run a workload on a machine, and check that the dataflow was legal and its results right.

    Raises InputError when the workload does not fit the machine, or is too large to compute all its values;
    DeadlockError when it does not run to its end.
    """
    for layer in workload.layers:
        if problem := values_problem(values(layer) * workload.batch):
            raise InputError(f"{workload.source or workload.name}: layer {layer.name}: {problem}")
    return examine(model.judge()(gather(model, arch, workload)))


def values(layer: Layer) -> int:
    """Of one image: of its inputs or outputs, whichever are more."""
    if isinstance(layer, Gemm):
        return max(layer.inputs, layer.outputs)
    if isinstance(layer, Attention | LinearAttention):
        return layer.heads * layer.windows * max(layer.q_tokens, layer.kv_tokens) * max(layer.qk_dim, layer.v_dim)
    return layer.tokens * layer.features


def examine(judge: Judge) -> Report:
    """Check a run that has been made."""
    evidence = judge.evidence
    report = Report(evidence.arch.name, evidence.workload.name, evidence.result.cycles())
    tensors = judge.tensors()
    check_totals(judge, tensors, report)
    check_buffers(evidence, report)
    check_ports(judge, report)
    if judge.vector:
        check_vectors(evidence, judge.vector, judge.act, judge.found_on_chip, report)
    check_transfers(judge, report)
    judge.begin(report)
    if tensors is not None:
        check_program(judge, tensors, report)
    judge.end(report)
    report.remarks += judge.network.remarks()
    return report
