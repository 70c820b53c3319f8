"""Whether a simulated dataflow is legal and right: checked from what crossed the wires, by code of its own. A machine
hands in what only it knows (judge.Judge)."""

from accelsim.validation.judge import Judge
from accelsim.validation.report import Check, Report
from accelsim.validation.validate import examine, validate

__all__ = ["Check", "Judge", "Report", "examine", "validate"]
