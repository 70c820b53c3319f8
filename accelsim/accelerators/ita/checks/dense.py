"""Dense layers on ITA: an accumulation that is cut goes on in the next phase: one output tile has partial sums."""

from accelsim.validation.dense import DenseFollower, Part, Weights
from accelsim.validation.program import Step


class DensePhases(DenseFollower):
    """Follows the phases of one dense layer."""

    def spot(self, step: Step, part: Part, held: Weights) -> tuple[int, int]:
        """Where a phase is; and whether it goes on with the sums that are there."""
        row, depth = super().spot(step, part, held)
        where, said = f"{self.course.scope}, instruction {step.at}", step.operands
        if said["first"] != (depth == 0):
            self.wrong.append(f"{where}: it {'begins' if said['first'] else 'goes on'} at depth {depth}")
        elif depth:
            before = self.coverage.blocks[-1] if self.coverage.blocks else None
            mine = held.group, row, part.rows, held.column, part.columns
            there = before and (before.group, before.row, before.rows, before.column, before.columns)
            if there != mine or before.depth + before.deep != depth:
                self.wrong.append(f"{where}: it goes on with sums that are not there")
            if max(part.rows, part.columns) > self.judge.length:
                self.wrong.append(f"{where}: its sums are of more than one output tile")
        return row, depth
