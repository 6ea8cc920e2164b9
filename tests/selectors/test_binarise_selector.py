"""Where each method cuts, and what is said when a cut leaves one class."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.evaluation import best_thresholds
from augsbert.pairs import Evidence
from augsbert.selectors.binarise import Binarise


def _table(scores: list[float] | np.ndarray, **columns: object) -> pd.DataFrame:
    names = [str(place) for place in range(len(scores))]
    return pd.DataFrame({"sentence1": names, "sentence2": "b", "score": scores, "origin": "bm25", **columns})


def _evidence(gold: list[float] | None = None, dev: pd.DataFrame | None = None) -> Evidence:
    def made() -> pd.DataFrame:
        assert dev is not None
        return dev

    return Evidence(_table(gold or []), made)


def _labels(selector: Binarise, scores: list[float] | np.ndarray, evidence: Evidence) -> list[float]:
    return selector(_table(scores), evidence)["score"].tolist()


def test_the_article_cuts_at_a_half_which_is_positive_itself() -> None:
    assert _labels(Binarise(), [0.49, 0.5, 0.51], _evidence()) == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.37, 0.5, 0.99])
def test_a_quantile_and_a_prior_give_the_share_that_they_name(share: float) -> None:
    scores = np.random.default_rng(0).random(1_000)
    by_quantile = _labels(Binarise(method="quantile", quantile=1 - share), scores, _evidence())
    by_prior = _labels(Binarise(method="prior", positive_share=share), scores, _evidence())
    assert np.mean(by_quantile) == pytest.approx(share)
    assert by_quantile == by_prior
    assert scores[np.array(by_prior) == 1].min() > scores[np.array(by_prior) == 0].max()


def test_a_prior_without_a_share_takes_golds_share_of_positives() -> None:
    scores = np.random.default_rng(0).random(100)
    gold = [0.0, 0.2, 0.6, 0.8]
    assert np.mean(_labels(Binarise(method="prior"), scores, _evidence(gold))) == 0.5
    assert np.mean(_labels(Binarise(method="prior", positive_from=0.7), scores, _evidence(gold))) == 0.25


def test_equal_scores_get_one_label_so_that_more_may_become_positive() -> None:
    scores = [0.1, 0.4, 0.4, 0.4, 0.9]
    assert _labels(Binarise(method="quantile", quantile=0.6), scores, _evidence()) == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_at_least_one_pair_becomes_positive_by_quantile() -> None:
    assert _labels(Binarise(method="quantile", quantile=0.99), [0.1, 0.4, 0.2], _evidence()) == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("seed", range(8))
def test_the_threshold_of_the_sources_dev_is_the_one_that_evaluation_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gold = rng.random(60).round(1)
    predictions = (gold + rng.normal(0, 0.3, 60)).clip(0, 1).round(rng.integers(1, 8))
    threshold = best_thresholds(predictions, gold >= 0.6)["f1"]
    scores = np.sort(np.concatenate([[0, threshold, np.nextafter(threshold, 0), 1], rng.random(50)]))
    found = _labels(
        Binarise(method="source_dev", positive_from=0.6), scores, _evidence(dev=_table(gold, prediction=predictions))
    )
    assert found == (scores >= threshold).astype(float).tolist()


def test_the_threshold_lies_between_the_classes_that_the_labeller_separates() -> None:
    dev = _table([0.1, 0.2, 0.8, 0.9], prediction=[0.2, 0.3, 0.5, 0.6])
    labels = _labels(Binarise(method="source_dev"), [0.39, 0.41], _evidence(dev=dev))
    assert labels == [0.0, 1.0]


def test_neighbouring_floats_are_told_apart() -> None:
    low = 0.3
    high = float(np.nextafter(low, 1))
    dev = _table([0.0, 1.0], prediction=[low, high])
    assert _labels(Binarise(method="source_dev"), [low, high], _evidence(dev=dev)) == [0.0, 1.0]


@pytest.mark.parametrize("method", ["fixed", "quantile", "prior"])
def test_only_the_sources_dev_is_made_for_it(method: str) -> None:
    selector = Binarise(method=method)  # type: ignore[arg-type]
    assert set(_labels(selector, [0.2, 0.8], _evidence(gold=[0.0, 1.0]))) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("selector", "scores", "told"),
    [
        (
            Binarise(),
            [0.6, 0.7],
            "method=fixed: at the threshold 0.5000 100% of the 2 pairs are positive and 0% negative",
        ),
        (
            Binarise(),
            [0.1, 0.2],
            "method=fixed: at the threshold 0.5000 0% of the 2 pairs are positive and 100% negative",
        ),
        (Binarise(method="quantile"), [0.1, 0.1], "method=quantile: at the threshold 0.1000 100%"),
        (Binarise(method="prior"), [0.3, 0.3], "method=prior: at the threshold 0.3000 100%"),
    ],
)
def test_one_class_is_refused_with_the_shares_and_the_way_out(
    selector: Binarise, scores: list[float], told: str
) -> None:
    with pytest.raises(UserError) as error:
        selector(_table(scores), _evidence(gold=[0.0, 1.0]))
    assert str(error.value).startswith(told)
    assert "Choose another threshold, or " in str(error.value)


@pytest.mark.parametrize("gold", [[0.1, 0.2], [0.8, 0.9]])
def test_a_source_dev_of_one_class_is_refused(gold: list[float]) -> None:
    dev = _table(gold, prediction=[0.1, 0.9])
    with pytest.raises(
        UserError, match=r"^method=source_dev: .*of the source's 2 dev pairs are positive. Move positive_f"
    ):
        Binarise(method="source_dev")(_table([0.1, 0.9]), _evidence(dev=dev))
