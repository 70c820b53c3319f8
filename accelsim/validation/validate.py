"""All checks of a run together."""

from accelsim.config.arch import Arch
from accelsim.validation.evidence import Evidence, gather
from accelsim.validation.expected import attention_work
from accelsim.validation.network import check_program
from accelsim.validation.outputs import check_tables, locate
from accelsim.validation.report import Report
from accelsim.validation.scores import check_scores
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
    outputs = locate(evidence, works, report)
    check_program(evidence, works, outputs, report)
    if outputs is not None and len(outputs.work):
        before = len(report.failed)
        check_tables(evidence, outputs, report)
        scores = check_scores(evidence, outputs, report) if len(report.failed) == before else None
        parts = check_values(evidence, outputs, scores, report) if scores is not None else None
    return report
