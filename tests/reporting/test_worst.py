"""The worst test pairs: which, in which order, and at which places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import read
from augsbert.reporting.worst import worst_pairs
from tests.reporting.left import scored

Leave = Callable[..., Path]


@pytest.fixture
def swapped(leave: Leave) -> Comparison:
    """A run whose 60 test pairs are in order of gold, but for some that an encoder has swapped."""
    folder = leave(0)
    table = scored(0)
    table["score"] **= 3  # places are not scores
    for encoder, swaps in {"baseline": ((60, 119), (70, 80)), "bi_encoder": ((61, 100), (62, 92))}.items():
        table[encoder] = table["score"] / 2
        for first, second in swaps:
            table.loc[[first, second], encoder] = table.loc[[second, first], encoder].to_numpy()
    table.to_parquet(folder / "predictions.parquet")
    return Comparison(read([folder]))


def test_the_worst_come_first_by_how_far_their_place_is_from_golds(swapped: Comparison) -> None:
    worst = worst_pairs(swapped, count=4)
    assert {name: list(table.index) for name, table in worst.items()} == {
        "baseline": [60, 119, 70, 80],
        "bi_encoder": [61, 100, 62, 92],
    }


def test_a_place_is_the_share_of_test_pairs_that_do_not_lie_above(swapped: Comparison) -> None:
    first = worst_pairs(swapped)["baseline"].iloc[0]
    assert first["sentence1"] == "sentence <1> 60"
    assert first["score"] == 0
    assert (first["place"], first["baseline"], first["bi_encoder"]) == pytest.approx((1 / 60, 1, 1 / 60))


def test_they_are_of_the_last_augsberts_first_seed_that_has_a_baseline(leave: Leave, tmp_path: Path) -> None:
    for number, sampler in enumerate(("random", "bm25", "bm25")):
        folder = leave(number, sampler=sampler, seed=str(number))
        table = pd.read_parquet(folder / "predictions.parquet")
        table.assign(sentence1=folder.name).to_parquet(folder / "predictions.parquet")
    stages = tmp_path / "sweep" / "1" / "stages.json"
    stages.write_text(stages.read_text().replace("evaluation/baseline", "evaluation/none"))
    worst = worst_pairs(Comparison(read([tmp_path / "sweep"])))
    assert {sentence for table in worst.values() for sentence in table["sentence1"]} == {"2"}


def test_without_a_baseline_there_are_none(leave: Leave) -> None:
    stages = leave(0) / "stages.json"
    stages.write_text(stages.read_text().replace("evaluation/baseline", "evaluation/none"))
    assert worst_pairs(Comparison(read([stages.parent]))) == {}
