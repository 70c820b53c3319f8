"""What a run means: formulas over its record, tables, files and pictures. Reads results only, never a component."""

from accelsim.report.figures import Summary
from accelsim.report.files import write
from accelsim.report.metrics import summarize
from accelsim.report.record import RunRecord

__all__ = ["RunRecord", "Summary", "summarize", "write"]
