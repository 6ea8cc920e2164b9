"""What every selector promises, whatever it looks for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import Evidence
from augsbert.selectors.all import All
from augsbert.selectors.balance import Balance
from augsbert.selectors.binarise import Binarise
from augsbert.selectors.chain import Chain
from augsbert.selectors.kde import KDE
from augsbert.selectors.top import Top

Selector = Callable[[pd.DataFrame, Evidence], pd.DataFrame]
SELECTORS: dict[str, Selector] = {
    "all": All(),
    "kde": KDE(seed=3),
    "top": Top(share=0.3),
    "both_ends": Top(share=0.3, end="both"),
    "fixed": Binarise(),
    "quantile": Binarise(method="quantile", quantile=0.8),
    "prior": Binarise(method="prior"),
    "source_dev": Binarise(method="source_dev"),
    "balance": Balance(seed=3),
    "chain": Chain(kde=KDE(seed=3), binarise=Binarise()),
}
BINARY = ("fixed", "quantile", "prior", "source_dev", "chain")


@pytest.fixture(params=SELECTORS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def _pairs(size: int, seed: int) -> pd.DataFrame:
    """Scored pairs, many of them low, as labellers score; ties in plenty."""
    scores = np.random.default_rng(seed).beta(1, 2, size).round(2).astype(np.float32)
    names = [f"{seed}-{place}" for place in range(size)]
    return pd.DataFrame({"sentence1": names, "sentence2": "b", "score": scores, "origin": "bm25"})


def _evidence() -> Evidence:
    gold, dev = _pairs(100, 1), _pairs(80, 2)
    noise = np.random.default_rng(0).normal(0, 0.1, len(dev))
    return Evidence(gold, dev=lambda: dev.assign(prediction=(dev["score"] + noise).clip(0, 1)))


def test_what_is_kept_are_rows_of_the_table_in_its_order(name: str) -> None:
    scored = _pairs(400, 0)
    kept = SELECTORS[name](scored, _evidence())
    places = scored.index.get_indexer(kept.index)
    assert len(kept) > 0
    assert (np.diff(places) > 0).all()
    pd.testing.assert_frame_equal(kept.drop(columns="score"), scored.iloc[places].drop(columns="score"))


def test_scores_are_the_labellers_or_labels(name: str) -> None:
    scored = _pairs(400, 0)
    kept = SELECTORS[name](scored, _evidence())
    if name in BINARY:
        assert set(kept["score"]) == {0.0, 1.0}
    else:
        pd.testing.assert_series_equal(kept["score"], scored.loc[kept.index, "score"])


def test_the_tables_that_come_in_are_left_as_they_are(name: str) -> None:
    scored, evidence = _pairs(400, 0), _evidence()
    SELECTORS[name](scored, evidence)
    pd.testing.assert_frame_equal(scored, _pairs(400, 0))
    pd.testing.assert_frame_equal(evidence.gold, _pairs(100, 1))


def test_the_same_table_gives_the_same_rows_whatever_its_index(name: str) -> None:
    scored = _pairs(400, 0)
    moved = scored.set_axis(range(1_000, 1_400))
    first, second = (SELECTORS[name](table, _evidence()) for table in (scored, moved))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))


def test_nothing_gives_nothing(name: str) -> None:
    nothing = _pairs(400, 0).iloc[:0]
    pd.testing.assert_frame_equal(SELECTORS[name](nothing, _evidence()), nothing)


@pytest.mark.parametrize("name", [name for name in SELECTORS if name != "source_dev"])
def test_the_sources_dev_is_not_scored_for_selectors_that_do_not_need_it(name: str) -> None:
    def dev() -> pd.DataFrame:
        raise AssertionError("dev was asked for")

    SELECTORS[name](_pairs(400, 0), _evidence()._replace(dev=dev))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KDE(scale=0), "scale=0: it must be a number above 0 and up to 1."),
        (lambda: KDE(scale=1.5), "scale=1.5: it must be a number above 0 and up to 1."),
        (lambda: KDE(bandwidth=0), "bandwidth=0: it must be a number in 1e-05..1."),
        (lambda: KDE(seed=-1), "seed=-1: it must be a whole number of at least 0."),
        (lambda: Top(share=0), "share=0: it must be a number above 0 and up to 1."),
        (lambda: Top(share=50), "share=50: it must be a number above 0 and up to 1."),
        (lambda: Top(size=0), "size=0: it must be a whole number of at least 1."),
        (lambda: Top(end="upper"), "end=upper: it must be one of highest, lowest, both."),  # type: ignore[arg-type]
        (
            lambda: Binarise(method="mean"),  # type: ignore[arg-type]
            "method=mean: it must be one of fixed, quantile, prior, source_dev.",
        ),
        (lambda: Binarise(threshold=5), "threshold=5: it must be a number between 0 and 1."),
        (lambda: Binarise(quantile=80), "quantile=80: it must be a number between 0 and 1."),
        (lambda: Binarise(positive_share=-0.1), "positive_share=-0.1: it must be a number between 0 and 1."),
        (lambda: Binarise(positive_from=float("nan")), "positive_from=nan: it must be a number in 0..1."),
        (lambda: Balance(bins=1), "bins=1: it must be a whole number of at least 2."),
        (lambda: Balance(per_bin=0), "per_bin=0: it must be a whole number of at least 1."),
        (lambda: Balance(seed=0.5), "seed=0.5: it must be a whole number of at least 0."),  # type: ignore[arg-type]
    ],
)
def test_a_bad_argument_is_named_with_its_value_and_what_is_allowed(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError) as error:
        make()
    assert str(error.value) == message
