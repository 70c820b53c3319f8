"""The wrapper: what a job takes, by whether it writes, has a bias, loads the next one's weights; the port in turns."""

import pytest

from accelsim.accelerators.ita.bench import Tiles
from accelsim.core import InputError
from tests.accelerators.ita.machines import wrapped


@pytest.mark.parametrize(("bias", "alone", "each", "last"), [(True, 317, 309, 300), (False, 315, 308, 299)])
def test_jobs_that_write(bias, alone, each, last):
    assert wrapped("Linear", Tiles(), bias=bias, queue_jobs=1)[0] == (308 if bias else 306)
    total, block = wrapped("Linear", Tiles(5, 1, 1), bias=bias, queue_jobs=1)
    assert total == alone + 3 * each + last
    assert block.value("read_words") == 5 * (128 + 32 + 2 * bias) and block.value("write_words") == 5 * 128


@pytest.mark.parametrize(("bias", "first", "inner"), [(True, 286, 274), (False, 284, 267)])
def test_jobs_that_write_nothing(bias, first, inner):
    total, _ = wrapped("Linear", Tiles(1, 4, 1), bias=bias, queue_jobs=1)
    assert total == first + 2 * inner + (300 if bias else 299)


def test_a_job_triggered_ahead_ends_two_cycles_sooner():
    waiting, ahead = (wrapped("Linear", Tiles(6, 1, 1), queue_jobs=n)[0] for n in (1, 2))
    assert waiting - ahead == 2 * 5
    assert wrapped("Linear", Tiles(6, 1, 1), queue_jobs=4)[0] == ahead


def test_attention_of_one_tile():
    assert wrapped("Attention", Tiles(), queue_jobs=1)[0] == 317 + 309 + 309 + 308 + 308 + 300


def test_a_port_that_grants_half_of_the_cycles_is_the_bottleneck():
    total, block = wrapped("Linear", Tiles(4, 1, 1), "p:1:2", queue_jobs=1)
    assert block.value("denied_cycles") > 1000
    assert 4 * 2 * 290 < total < 4 * 2 * 305


def test_what_the_wrapper_is_built_for():
    with pytest.raises(InputError, match="block.columns: must be >= 16 and <= 16"):
        wrapped("Linear", Tiles(), columns=32)
    with pytest.raises(InputError, match="block.weight_beats: must be >= 8 and <= 8"):
        wrapped("Linear", Tiles(), weight_beats=64)
