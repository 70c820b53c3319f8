"""Machines of legal but extreme parameters: they run to their end, step as they sleep, and are no faster than they can
be."""

import sys
from typing import NoReturn

from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.accelerators.contract import Rule, Trial, failed, outcome
from accelsim.accelerators.run import run
from accelsim.accelerators.trial import draw_workload
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.report.metrics import summarize
from accelsim.workload.workload import Workload
from tests.fuzz import seeds
from tests.fuzz.sandbox import Case

STEPPED = 300_000  # core cycles that are stepped one by one; longer runs are compared up to there
LONGEST = 1 << 34  # core cycles, of which most are slept
CLOCKS = ("500 MHz", "1 MHz", "333 MHz", "10 GHz", "4000/3 MHz", "1199 MHz")


@st.composite
def legal(draw, param, default) -> str:
    """A value of a parameter: its ends, a power of two, about the default, or any."""
    if param is None:
        return draw(st.sampled_from(CLOCKS))
    if param.choices:
        return draw(st.sampled_from([str(choice) for choice in param.choices]))
    low, high = seeds.ends(param)
    near = [n for n in (1 << k for k in range(41)) if low <= n <= high]
    about = [n for n in (seeds.number(default) * f // 4 for f in (1, 2, 3, 5, 8, 16)) if low <= n <= high]
    return str(draw(st.one_of(
        st.sampled_from([low, min(low + 1, high), high]), st.sampled_from(near or [high]),
            st.sampled_from(about or [low]),
        st.integers(low, high),
    )))  # fmt: skip


@st.composite
def extremes(draw) -> Case:
    """A machine, and the number of a small network."""
    name = draw(st.sampled_from(seeds.MACHINES))
    known = [row for row in seeds.parameters(name) if not row[0].endswith(".model")]
    model = draw(st.sampled_from(("exact", "pipe")))
    chosen = draw(
        st.lists(
            st.sampled_from(known),
            min_size=1,
            max_size=draw(st.sampled_from((2, 5, 12, 30))),
            unique_by=lambda row: row[0],
        )
    )
    given = [f"dram.model={model}"]
    for parameter, param, default in chosen:
        if parameter in seeds.dram_only(name, model) or (parameter == "clocks.dram" and model == "exact"):
            continue
        given.append(f"{parameter}={draw(legal(param, default))}")
    return Case("extreme", ("@machine", name, str(draw(st.integers(0, 999))), *given))


def check(name: str, number: str, *given: str) -> NoReturn:
    """In a process of its own: run the machine, and exit as a command does, with 1 when something is wrong."""
    try:
        broken = faults(load_arch(name, schema, given), draw_workload(int(number), largest=8))
    except InputError as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        raise SystemExit(2) from None
    for rule in broken[:3]:
        sys.stderr.write(f"{rule.name}: {'; '.join(rule.broken[:2])}\n")
    raise SystemExit(bool(broken))


def faults(arch: Arch, work: Workload) -> list[Rule]:
    """What a machine owes and does not do. Raises InputError where it is refused."""
    trial = Trial(arch, machine(arch.machine))
    sim, program = trial.run(work)
    result = sim.result()
    trial.accounted(work, result)
    trial.conserved(work, sim, program, result)
    trial.bounded(work, result)
    same = trial.rule("stepped as slept")
    if result.cycles() <= STEPPED:
        same.hold(outcome(trial.run(work, skip=False)[0]) == outcome(sim), "stepping gives another result")
    else:
        until = STEPPED * result.periods["core"]
        sims = [trial.model.build(arch, work)[0] for _ in range(2)]
        for one, skip in zip(sims, (True, False)):
            one.run(until, skip=skip)
        same.hold(outcome(sims[0]) == outcome(sims[1]), f"after {STEPPED} cycles, stepping gives another result")
    total = summarize(run(arch, work)).total
    for what, share in (("mac", total.mac_utilization), ("bandwidth", total.bandwidth_utilization)):
        trial.rule("shares").hold(share is None or 0 <= share <= 1 + 1e-9, f"{what} utilization is {share}")
    return failed(list(trial.rules.values()))
