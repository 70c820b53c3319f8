"""From a plan to points: which, in which order, and under which key."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.sweep import points as points_module
from accelsim.sweep.design import Base, parameters
from accelsim.sweep.plan import read
from accelsim.sweep.points import Filter, expand


def designs(path) -> list[tuple[str, ...]]:
    return [tuple(value for _, value in point.settings) for point in expand(read(path))]


def test_a_grid_is_every_combination_in_order(plan_file):
    path = plan_file("axes: {engine.lines: [16, 32], engine.macs: [4, 8, 16]}")
    assert designs(path) == list(itertools.product(("16", "32"), ("4", "8", "16")))


def test_zip_pairs_the_values(plan_file):
    assert designs(plan_file("method: zip\naxes: {engine.lines: [16, 32], engine.macs: [8, 4]}")) == [
        ("16", "8"),
        ("32", "4"),
    ]


@pytest.mark.parametrize("method", ["random", "latin_hypercube"])
def test_drawn_designs_are_different_meet_the_constraints_and_depend_on_the_seed_alone(plan_file, method):
    text = (
        "axes: {engine.lines: {from: 1, to: 64}, engine.macs: [2, 4, 8]}\nconstraints: [lines * engine.macs <= 128]\n"
    )
    first = designs(plan_file(f"{text}method: {method}\npoints: 20\nseed: 3"))
    assert len(set(first)) == 20
    assert all(int(lines) * int(macs) <= 128 for lines, macs in first)
    assert designs(plan_file(f"{text}method: {method}\npoints: 20\nseed: 3", "again")) == first
    assert designs(plan_file(f"{text}method: {method}\npoints: 20\nseed: 4", "other")) != first


def test_a_latin_hypercube_takes_each_of_its_slices_once(plan_file):
    found = designs(plan_file("axes: {engine.lines: {from: 1, to: 16}, engine.macs: {from: 1, to: 32}}\n"
                              "method: latin_hypercube\npoints: 16"))  # fmt: skip
    assert sorted(int(lines) for lines, _ in found) == list(range(1, 17))
    assert sorted((int(macs) - 1) // 2 for _, macs in found) == list(range(16))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "axes: {engine.lines: [1, 2]}\nmethod: random\npoints: 3",
            "5: there are only 2 different designs, but 3 are asked for; ask for fewer points or widen the axes",
        ),
        (
            "axes: {engine.lines: [1, 2, 3]}\nmethod: random\npoints: 2\nconstraints: [lines > 2]",
            "5: only 1 different designs that meet the constraints were found in 2000 draws, but 2 are asked for; ask"
            " for fewer points or widen the axes",
        ),
        (
            "axes: {engine.lines: {from: 1, to: 2000, step: 1}, engine.macs: {from: 1, to: 1000, step: 1}}",
            "3: 2,000,000 combinations of machines, values and workloads are more than the 1,000,000 that can be looked"
            " at; leave out values, or draw some: method: random, points: 1000",
        ),
    ],
)
def test_too_few_and_too_many_designs_are_errors_before_they_are_made(plan_file, text, sentence):
    path = plan_file(text)
    with pytest.raises(InputError) as error:
        expand(read(path))
    assert str(error.value) == f"{path}:{sentence}"


def test_constraints_see_resolved_values_and_parameters_that_are_no_axis(plan_file):
    path = plan_file(
        "axes: {act_gb0.capacity_bytes: [64 KiB, 96 KiB, 128 KiB]}\n"
        "constraints: [act_gb0.capacity_bytes >= 96 * 1024, engine.lines == 64, heads == "
        "'parallel']"
    )
    assert designs(path) == [("96 KiB",), ("128 KiB",)]
    with pytest.raises(InputError, match="no combination of values meets the constraints; there is nothing to run"):
        expand(read(plan_file("axes: {engine.lines: [8]}\nconstraints: [lines == 9]")))
    with pytest.raises(InputError, match=r"design.yaml:4: 'line == 9' names 'line', .*\(did you mean"):
        expand(read(plan_file("axes: {engine.lines: [8]}\nconstraints: [line == 9]")))


def test_a_clock_axis_moves_what_depends_on_it(tmp_path, work):
    path = tmp_path / "design.yaml"
    path.write_text(
        f"machines: [{{machine: vitcod, set: {{dram.model: pipe, dram.latency: 60 ns}}}}]\nworkloads: [{work}]\n"
        "axes: {clocks.dram: [600 MHz, 1200 MHz]}\nconstraints: [dram.latency == 36]"
    )
    assert designs(path) == [("600 MHz",)]


def test_an_axis_must_name_a_parameter(plan_file):
    with pytest.raises(
        InputError, match=r"axis engine.line of .*vitcod.yaml: .*no such parameter \(did you mean 'lines'"
    ):
        expand(read(plan_file("axes: {engine.line: [8]}")))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([1, 7, 64]),
    st.sampled_from(["4", "8 bits", "0"]),
    st.sampled_from(["1 KiB", "99 KB", "12"]),
    st.sampled_from(["true", "false", "on"]),
)
def test_a_machine_set_many_times_is_the_machine_loaded_each_time(lines, macs, size, prune):
    texts = [f"engine.lines={lines}", f"engine.macs={macs}", f"act_gb0.capacity_bytes={size}", f"prune={prune}"]
    pairs = [tuple(t.split("=")) for t in texts]
    base = Base("vitcod", ["heads=serial"])

    def outcome(made):
        try:
            return made().as_dict()
        except InputError as error:
            return str(error)

    one = outcome(lambda: base.with_settings(pairs))
    assert one == outcome(lambda: load_arch("vitcod", schema, ["heads=serial", *texts]))
    axes = [(name, (value,)) for name, value in pairs]
    fast = Filter(base, [("lines + engine.macs + act_gb0.capacity_bytes > 0 and prune != 'x'", "t")], axes).of(pairs)
    assert fast == (parameters(base.with_settings(pairs)) if isinstance(one, dict) else None)


def key(path) -> str:
    return next(iter(expand(read(path)))).key


def test_a_key_covers_configuration_workload_prices_and_code(plan_file, tmp_path, monkeypatch):
    plain = key(plan_file("axes: {engine.lines: [8]}"))
    assert key(plan_file("axes: {parts.engine.lines: [8]}", "renamed")) == plain
    others = [
        key(plan_file("axes: {engine.lines: [9]}")),
        key(plan_file("axes: {engine.lines: [8], energy.override.mac_dot: [9]}")),
    ]
    monkeypatch.setattr(points_module, "source_hash", lambda *_: "other source")
    others.append(key(plan_file("axes: {engine.lines: [8]}")))
    assert len({plain, *others}) == 4


def test_a_key_covers_the_machines_own_prices(plan_file, tmp_path, monkeypatch):
    from accelsim.sweep.source import prices

    path = plan_file("axes: {engine.lines: [8]}")
    before, vitcod = key(path), machine("vitcod")
    mine = tmp_path / "prices.yaml"
    keys = []
    for amount in (1, 2):
        text = vitcod.prices.read_text(encoding="utf-8")
        mine.write_text(f"{text}  Added: {{area: {{mac: {amount}}}}}\n", encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(type(vitcod), "prices", mine)
            prices.cache_clear()
            keys.append(key(path))
    prices.cache_clear()
    assert key(path) == before
    assert len({before, *keys}) == 3


def test_a_key_covers_the_content_of_an_energy_table(plan_file, tmp_path):
    from accelsim.energy import document
    from accelsim.sweep.source import prices

    table = tmp_path / "mine.yaml"
    table.write_text("extends: generic_28nm\nname: mine\n")
    path = plan_file(f"axes: {{energy.table: [{table}]}}")
    before = key(path)
    table.write_text("extends: generic_28nm\nname: mine\nsram: {energy_factor: 3}\n")
    prices.cache_clear()
    assert document.find(str(table)) == table
    assert key(path) != before
