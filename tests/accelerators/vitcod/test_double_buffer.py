"""Without double buffering nothing is fetched ahead: never stuck, never faster, and judged to be so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.accelerators.trial import draw_workload
from accelsim.accelerators.vitcod.checks.ahead import BUFFERS, check_ahead
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.validation import Report
from accelsim.validation.evidence import gather


def configured(double_buffer: str, auto_encoder: str = "true") -> Arch:
    chosen = [f"double_buffer={double_buffer}", f"auto_encoder={auto_encoder}", "dram.model=pipe"]
    return load_arch("vitcod", schema, chosen)


def cycles(work, arch: Arch) -> int:
    sim, _ = machine("vitcod").build(arch, work)
    assert sim.run()
    return sim.result().end


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), auto_encoder=st.sampled_from(["true", "false"]))
def test_it_is_never_stuck_and_never_faster(seed, auto_encoder):
    work = draw_workload(seed)
    assert cycles(work, configured("false", auto_encoder)) >= cycles(work, configured("true", auto_encoder))


@pytest.mark.parametrize("buffer", BUFFERS)
def test_a_load_that_is_fetched_ahead_is_found(buffer):
    work = next(work for n in range(1, 99) if (work := draw_workload(n)).attention_layers)
    run = gather(machine("vitcod"), configured("false"), work)

    def faults():
        report = Report(run.arch.name, run.workload.name, run.result.cycles())
        check_ahead(run, report)
        return [check.scope for check in report.failed]

    assert not faults()
    # just after the first command of an engine or the array was given
    given = min(run.into(f"{unit}.command")["at"].min() for unit in ("engine", "denser", "sparser", "decoder", "vector")
                if len(run.into(f"{unit}.command")))  # fmt: skip
    run.log[f"{buffer}.request"]["at"][-1] = given
    assert faults() == [buffer]
