"""The engines' commands come in the order of the tables, which their modules look ahead by."""

import numpy as np
from hypothesis import given, settings

from accelsim.core.errors import InputError
from tests.accelerators.vitcod.dataflow.machines import machines, networks, program_of


def commands(program, tables: dict[str, np.ndarray], unit: str) -> list[tuple[int, ...]]:
    """A unit's commands in order: phase, row of the pass table, first and last output."""
    number, fields = next((n, fields) for n, (name, fields) in enumerate(program.names.units.items()) if name == unit)
    assert list(fields) == ["phase", "number", "begin", "end"]
    own = tables["program"][tables["program"].unit == number]
    return [tuple(tables["operands"][todo.first : todo.first + 4].tolist()) for todo in own]


@settings(max_examples=40, deadline=None)
@given(net=networks(), have=machines())
def test_each_phase_of_an_engine_goes_through_all_passes_with_work_in_order(net, have):
    try:
        program = program_of(net, have)
        tables = program.finish()
    except InputError:  # it does not fit
        return
    passes = tables["passes"]
    for unit, has in (("denser", "dense"), ("sparser", "sparse_columns")):
        given_ = commands(program, tables, unit)
        with_work = np.nonzero(passes[has])[0].tolist()
        assert [number for phase, number, *_ in given_ if phase == 0] == with_work
        values, expected = [(number, begin, end) for phase, number, begin, end in given_ if phase == 1], []
        for number in with_work:
            at = 0
            while at < passes[number].heads * passes[number].rows:
                assert len(expected) < len(values)
                expected.append((number, at, values[len(expected)][2]))
                at = expected[-1][2]
        assert values == expected
