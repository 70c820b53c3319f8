"""What `accelsim cosim` does with a whole machine, and how it reports seeded bugs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.cli.documents import put

if TYPE_CHECKING:
    from accelsim.config.arch import Arch
    from accelsim.rtl.twins import Whole
    from accelsim.workload.workload import Workload


@dataclass(frozen=True)
class WholeMachine:
    """A machine's modules (`rtl.twins.Whole`) that run a workload, or random networks, by themselves, beside the
    simulator."""

    whole: Whole
    arch: Arch
    workload: Workload | None
    seed: int

    def runs(self, count: int) -> Iterable[tuple]:
        """The workload's, or those of so many random networks: what modules and simulator run."""
        if self.workload:
            return [self.whole.workload(self.arch, self.workload)]
        return self.whole.networks(self.arch, count, self.seed)

    def compared(self, count: int, as_json: bool) -> Iterator[object]:
        """All of it is compared."""
        from accelsim.rtl.suite import table
        from accelsim.rtl.whole import run_whole, said

        runs = self.runs(count)
        outcome = run_whole(runs)
        if as_json:
            put([outcome])
        else:
            yield table([outcome])
            yield outcome.first or (
                said(*runs[0], outcome) if self.workload else f"{count} random networks, each by itself"
            )
        if outcome.differences:
            raise SystemExit(1)

    def bugs(self, count: int) -> Iterator[tuple]:
        """Each seeded bug in a module that stands in it, the differences in the first run that catches it (of so many
        random networks, without a workload), and the first of them."""
        from accelsim.rtl.variants import bugs_of

        return bugs_of(self.whole.mutations, self.runs(count))

    def waveforms(self, folder: Path, number: int, levels: int, layers: Sequence[str]) -> Iterator[str]:
        """The waveforms of some layers of the workload, or of a random network, and their picture."""
        from accelsim.api.waves import cycles_of
        from accelsim.core.errors import InputError
        from accelsim.rtl.picture import draw
        from accelsim.rtl.whole import period_of
        from accelsim.rtl.whole_waves import LONGEST, write_whole_waves

        if number < 0:
            raise InputError(f"cosim: --case is {number} but must be >= 0")
        window, ends = (0, LONGEST), {}
        if self.workload:
            case, sim = self.whole.workload(self.arch, self.workload)
            names = [layer.name for layer in self.workload.layers]
            window, ends = cycles_of(sim, period_of(case, sim), names, layers)
        case, sim = next(islice(self.runs(number + 1), 0 if self.workload else number, None))
        model, module = write_whole_waves(case, sim, folder, window, levels)
        yield f"{model}: the simulator's waveform of {case.name}, from cycle {window[0]:,}; {module}: the modules'"
        yield f"{draw(folder, case.netlist, case.name, self.whole.pictured, window[0], ends)}: a picture of both"


def reported(bugs: Iterable[tuple], as_json: bool) -> Iterator[object]:
    """Seeded bugs and how often each shows, a line as soon as it is known; the exit status is 1 when one is not
    caught."""
    from accelsim.rtl.suite import bug_line

    found = []
    for mutation, differences, _ in bugs:
        found.append((mutation, differences))
        if not as_json:
            yield bug_line(mutation, differences)
    missed = sum(1 for _, differences in found if not differences)
    if as_json:
        put([{"module": m.module, "bug": m.bug, "cases_of": m.component, "differences": n} for m, n in found])
    else:
        yield f"{len(found)} seeded bugs, {len(found) - missed} caught"
    if missed:
        raise SystemExit(1)
