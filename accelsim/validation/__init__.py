"""Whether a simulated dataflow is legal and right: checked from what crossed the wires, by code of its own."""

from accelsim.validation.report import Check, Report
from accelsim.validation.validate import examine, validate

__all__ = ["Check", "Report", "examine", "validate"]
