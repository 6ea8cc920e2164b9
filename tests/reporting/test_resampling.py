"""Resampled metrics equal those of the sample that repeats its pairs as often as they were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from augsbert.evaluation import NAMES, best_thresholds, metrics
from augsbert.reporting.resampling import WEIGHTED, resampled

TASKS = [(task, metric) for task, names in NAMES.items() for metric in names]


@pytest.fixture
def scores() -> np.ndarray:
    """Of 90 pairs, with ties."""
    return np.random.default_rng(0).integers(0, 20, 90) / 20


@pytest.fixture
def gold(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of people that go with these, and labels."""
    random = np.random.default_rng(1)
    return {
        "regression": random.integers(0, 7, 90) + scores,
        "binary": (random.random(90) < 0.2 + 0.4 * scores).astype(float),
    }


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_a_weighted_metric_is_that_of_the_repeated_sample(
    scores: np.ndarray, gold: dict[str, np.ndarray], task: str, metric: str
) -> None:
    random = np.random.default_rng(2)
    weights = np.stack([np.bincount(random.integers(90, size=90), minlength=90) for _ in range(8)]).astype(float)
    thresholds = best_thresholds(scores, gold[task]) if task == "binary" else None
    judged = (scores >= thresholds[metric]).astype(float) if thresholds and metric in thresholds else scores
    for row, found in zip(weights.astype(int), WEIGHTED[metric](judged, gold[task], weights), strict=True):
        repeated = metrics(np.repeat(scores, row), np.repeat(gold[task], row), task, thresholds)
        assert found == pytest.approx(repeated[metric])


@pytest.mark.parametrize("metric", NAMES["binary"])
def test_a_resample_of_one_class_tells_nothing(metric: str) -> None:
    labels, weights = np.array([1.0, 1.0, 0.0, 0.0]), np.array([[2.0, 2, 0, 0], [0, 0, 1, 3], [1, 1, 1, 1]])
    found = WEIGHTED[metric](np.array([1.0, 0, 0, 1]), labels, weights)
    assert np.isnan(found).tolist() == [True, True, False]


def test_every_metric_can_be_resampled() -> None:
    assert set(WEIGHTED) == {metric for _, metric in TASKS}


@pytest.mark.parametrize("negatives", [19, 20, 21, 60, 140, 141, 1000])
def test_auc_005_ends_where_the_last_rate_below_it_is_whatever_the_rounding(negatives: int) -> None:
    random = np.random.default_rng(negatives)
    labels = np.r_[np.ones(30), np.zeros(negatives)]
    scores = labels + random.standard_normal(len(labels))
    alone = np.ones((1, len(labels)))
    expected = metrics(scores, labels, "binary")["auc_005"]
    assert WEIGHTED["auc_005"](scores, labels, alone)[0] == pytest.approx(expected)


def test_the_first_value_is_the_samples_own_and_resamples_repeat(
    scores: np.ndarray, gold: dict[str, np.ndarray]
) -> None:
    found = resampled(gold["regression"], scores, "spearman")
    assert found[0] == pytest.approx(metrics(scores, gold["regression"], "regression")["spearman"])
    assert np.array_equal(found, resampled(gold["regression"], scores, "spearman"))
    assert found[1:].std() > 0
