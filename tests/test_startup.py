from __future__ import annotations

import gc

import pytest

from augsbert.startup import uncollected


@pytest.fixture(autouse=True)
def _as_at_the_start() -> None:
    gc.unfreeze()


def test_nothing_is_collected_inside_and_all_that_was_there_is_left_out_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="a mistake"), uncollected():
        raise ValueError("a mistake")
    assert gc.isenabled()


def test_a_second_time_keeps_nothing_more() -> None:
    with uncollected():
        pass
    before = gc.get_freeze_count()
    with uncollected():
        assert gc.isenabled()
        more = [[] for _ in range(1_000)]
    assert len(more) == 1_000
    assert gc.get_freeze_count() <= before
