"""What an analytic machine owes: units, sources, bounds and the same figures every time. It has no cycles to check."""

from dataclasses import asdict

from accelsim.accelerators.analytic import unsourced
from accelsim.accelerators.contract import Trial
from accelsim.accelerators.run import run
from accelsim.core import InputError
from accelsim.core.result import Result
from accelsim.workload.workload import Workload


class AnalyticTrial(Trial):
    """An analytic machine being tried."""

    def declared(self) -> None:
        super().declared()
        said = self.rule("every value has a source")
        without = unsourced(self.arch)
        for name in (*self.arch.clocks, *(f"{p}.{n}" for p, values in self.arch.parts.items() for n in values)):
            name = f"clocks.{name}" if name in self.arch.clocks else name
            said.hold(name not in without, f"{name}: {self.arch.source} does not say where it is from, under sources")

    def network(self, work: Workload) -> None:
        """Run one network, twice."""
        try:
            result, again = (run(self.arch, work).result for _ in range(2))
        except InputError as error:
            self.rule("it has figures for every network").hold(False, f"{work.name}: {error}")
            return
        self.rule("it has figures for every network").hold(result.end > 0, f"{work.name}: it takes no time")
        self.rule("every counter has a price").looked += 1
        self.rule("the same figures every time").hold(
            plain(result) == plain(again), f"{work.name}: another run gives other figures"
        )
        self.accounted(work, result)
        useful = sum(self.model.useful_macs(self.arch, work, layer) for layer in work.layers) * work.batch
        done = self.macs(result)
        self.rule("the useful work is done").hold(
            done >= useful, f"{work.name}: {done} multiply-accumulates are done, {useful} are useful work"
        )
        self.bounded(work, result)


def plain(result: Result) -> tuple:
    """All of a result that is a figure."""
    return result.end, asdict(result.total), [asdict(span) for span in result.spans]
