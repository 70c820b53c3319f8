"""The contract on random networks and machines: sleeping, order, pieces and watching change nothing."""

from hypothesis import HealthCheck, given, reject, settings

from accelsim.accelerators import machine
from accelsim.accelerators.contract import outcome
from accelsim.core import InputError
from tests.accelerators.salo.machines import machines, networks


def run(arch, workload, skip=True, slices=0, **options):
    model = machine("salo")
    sim, program = model.build(arch, workload, **options)
    while not sim.run(*([slices] if slices else []), skip=skip):
        pass
    model.finish(arch, sim, skip)
    return sim, program


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), machines())
def test_however_it_is_run_the_result_is_the_same(workload, arch):
    try:
        sim, _ = run(arch, workload)
    except InputError:
        reject()
    plain, counts = outcome(sim), sim.result().total.counts
    order = list(range(len(sim.components)))[::-1]
    for options in ({"skip": False}, {"order": order}, {"slices": 101}, {"trace": 1 << 12, "monitored": True}):
        assert outcome(run(arch, workload, **options)[0]) == plain
    run(arch, workload, depth=1)
    model = machine("salo")
    useful = sum(model.useful_macs(arch, workload, layer) for layer in workload.layers) * workload.batch
    assert counts["window"]["mac_ops"] + counts["array"]["mac_ops"] == useful
    assert all(c.value("held") == 0 for c in sim.components if "held" in c.fields)
