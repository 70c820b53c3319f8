"""Sweeps in closed form: marked as such, and never taken for a simulation."""

from accelsim.sweep import table
from accelsim.sweep.campaign import sweep


def test_estimated_points_are_marked_and_stand_beside_simulated_ones(plan_file, tmp_path):
    path, store = plan_file("axes: {engine.lines: [8, 16], batch: [1, 2]}"), tmp_path / "s.sqlite"
    state = sweep(path, store, processes=0, estimated=True)
    assert (state.computed, state.failures) == (4, [])
    found = table.load_results(store)
    assert found["estimated"] == [1] * 4
    phases = [found[f"phase.{name}.cycles"] for name in ("qkv", "attention", "proj")]
    assert all(abs(whole - sum(parts)) <= 2 for whole, *parts in zip(found["cycles"], *phases))
    assert sweep(path, store, processes=0).computed == 4, "an estimate stands for no simulation"
    both = table.load_results(store)
    assert (len(both["cycles"]), both["estimated"].count(1)) == (8, 4)
