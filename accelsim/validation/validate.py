"""All checks of a run together."""

from accelsim.config.arch import Arch
from accelsim.validation.evidence import Evidence, gather
from accelsim.validation.expected import attention_work
from accelsim.validation.lines import check_lines
from accelsim.validation.memory import tensors
from accelsim.validation.network import check_program
from accelsim.validation.outputs import check_tables, locate
from accelsim.validation.replay import check_replay
from accelsim.validation.report import Report
from accelsim.validation.scores import check_scores
from accelsim.validation.totals import check_buffers, check_local_buffers, check_totals, check_vectors
from accelsim.validation.transfers import check_transfers
from accelsim.validation.values import check_values
from accelsim.workload.workload import Workload


def validate(arch: Arch, workload: Workload) -> Report:
    """Run a workload on a machine, and check that the dataflow was legal and its results right.

    Raises InputError when the workload does not fit the machine, DeadlockError when it does not run to its end.
    """
    return examine(gather(arch, workload))


def examine(evidence: Evidence) -> Report:
    """Check a run that has been made."""
    report = Report(evidence.arch.name, evidence.workload.name, evidence.result.cycles())
    works = attention_work(evidence)
    known = tensors(evidence, works)
    check_totals(evidence, works, known, report)
    check_buffers(evidence, report)
    check_vectors(evidence, report)
    check_transfers(evidence, report)
    outputs = locate(evidence, works, report)
    check_program(evidence, known, outputs, report)
    if outputs is None or not len(outputs.work):
        return report
    # each step of attention is judged only where the one before was right, so that one fault is not reported often
    before = len(report.failed)
    check_tables(evidence, outputs, report)
    if len(report.failed) > before:
        return report
    scores = check_scores(evidence, outputs, report)
    parts = check_values(evidence, outputs, scores, report) if scores is not None else None
    if parts is not None:
        check_lines(evidence, outputs, scores, parts, report)
        check_local_buffers(evidence, outputs, scores, parts, report)
        check_replay(evidence, outputs, scores, parts, report)
    return report
