from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augsbert.pairs import Evidence
from augsbert.selectors.top import Top


def _kept(selector: Top, scores: list[float]) -> list[int]:
    """The places of the rows that are kept."""
    names = [str(place) for place in range(len(scores))]
    scored = pd.DataFrame({"sentence1": names, "sentence2": "b", "score": scores, "origin": "bm25"})
    return selector(scored, Evidence(scored, dev=lambda: scored)).index.tolist()


@pytest.mark.parametrize(
    ("selector", "kept"),
    [
        (Top(share=0.4), [1, 4]),
        (Top(share=0.4, end="lowest"), [0, 3]),
        (Top(share=0.4, end="both"), [0, 4]),
        (Top(share=0.6, end="both"), [0, 1, 4]),
        (Top(share=1.0, size=3), [1, 2, 4]),
        (Top(share=0.2, size=3), [4]),
        (Top(share=1.0), [0, 1, 2, 3, 4]),
        (Top(share=1.0, size=9, end="both"), [0, 1, 2, 3, 4]),
        (Top(share=0.001), [4]),
    ],
)
def test_the_ends_are_kept_in_the_order_of_the_table(selector: Top, kept: list[int]) -> None:
    assert _kept(selector, [0.1, 0.8, 0.5, 0.3, 0.9]) == kept


def test_of_equal_scores_the_first_rows_are_kept() -> None:
    scores = [0.5, 0.9, 0.5, 0.5, 0.1, 0.5]
    assert _kept(Top(share=1.0, size=3), scores) == [0, 1, 2]
    assert _kept(Top(share=1.0, size=3, end="lowest"), scores) == [0, 2, 4]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_both_ends_never_share_a_row(size: int) -> None:
    assert len(_kept(Top(share=1.0, size=size, end="both"), [0.5] * 5)) == size


@pytest.mark.parametrize("share", [0.07, 0.1, 0.3, 0.5, 0.9])
def test_no_score_that_is_left_out_is_above_one_that_is_kept(share: float) -> None:
    scores = np.random.default_rng(0).random(1_000).round(2)
    kept = _kept(Top(share=share), scores.tolist())
    assert len(kept) == round(1_000 * share)
    assert scores[kept].min() >= np.delete(scores, kept).max()
