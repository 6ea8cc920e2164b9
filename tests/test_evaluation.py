"""Metrics equal SciPy's, scikit-learn's and a published implementation's; thresholds equal brute force."""

import logging
import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from augsbert.evaluation import NAMES, PRIMARY, auc_005, best_thresholds, metrics

SEEDS = range(5)


def tied_scores(seed: int, size: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and labels that they half know."""
    random = np.random.default_rng(seed)
    labels = (random.random(size) < 0.3).astype(float)
    return (random.normal(size=size) + labels).round(1), labels


def published_auc(scores: np.ndarray, labels: np.ndarray, max_fpr: float) -> float:
    """AUC(max_fpr) as the qra_code of Shah et al. computes it, retold: the curve ends before it reaches max_fpr."""
    ranked = labels[np.argsort(-scores, kind="stable")]
    true = np.concatenate([[0], ranked.cumsum()]) / labels.sum()
    false = np.concatenate([[0], (1 - ranked).cumsum()]) / (1 - labels).sum()
    end = int(np.argmax(false >= max_fpr))
    width = np.diff(false[:end])
    return float((width * (true[: end - 1] + true[1:end]) / 2).sum() / max_fpr)


@pytest.mark.parametrize("seed", SEEDS)
def test_correlations_are_scipys(seed: int) -> None:
    scores, gold = tied_scores(seed)
    gold = gold + np.random.default_rng(seed).random(len(gold)).round(1)
    assert metrics(scores, gold, "regression") == {
        "spearman": stats.spearmanr(scores, gold).statistic,
        "pearson": stats.pearsonr(scores, gold).statistic,
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_binary_metrics_are_scikit_learns(seed: int) -> None:
    scores, labels = tied_scores(seed)
    found = metrics(scores, labels, "binary", {"f1": 0.4, "accuracy": 0.9})
    assert found.pop("auc_005") == auc_005(scores, labels)
    assert found == pytest.approx(
        {
            "average_precision": reference.average_precision_score(labels, scores),
            "roc_auc": reference.roc_auc_score(labels, scores),
            "roc_auc_max_fpr_005": reference.roc_auc_score(labels, scores, max_fpr=0.05),
            "f1": reference.f1_score(labels, scores >= 0.4),
            "accuracy": reference.accuracy_score(labels, scores >= 0.9),
        },
        abs=1e-12,
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [50, 137, 400, 3000])
def test_auc_005_without_ties_is_the_published_one(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    labels = (random.random(size) < 0.3).astype(float)
    scores = random.permutation(size) + labels * size / 3 + 0.1 * random.random(size)
    assert auc_005(scores, labels) == pytest.approx(published_auc(scores, labels, 0.05), abs=1e-12)


def test_auc_005_by_hand() -> None:
    # 100 negatives: the rates below 0.05 are 0.00 to 0.04. One positive stands first, the other after two negatives:
    # 0.02 wide at height 1/2 and 0.02 wide at height 1.
    scores = np.arange(102, 0, -1.0)
    labels = np.zeros(102)
    labels[[0, 3]] = 1
    assert auc_005(scores, labels) == pytest.approx((0.02 * 0.5 + 0.02 * 1) / 0.05)


@pytest.mark.parametrize(("negatives", "value"), [(20, 0.0), (100, 0.8), (10_000, 0.998)])
def test_auc_005_of_a_perfect_ranking_falls_short_of_1_by_one_step(negatives: int, value: float) -> None:
    labels = np.concatenate([np.ones(7), np.zeros(negatives)])
    assert auc_005(labels + np.linspace(0.5, 0, len(labels)), labels) == pytest.approx(value)


def test_auc_005_crosses_ties_in_a_straight_line_whatever_their_order() -> None:
    # All 10 positives tie with 40 of the 1,000 negatives, and more negatives follow: a triangle up to 0.04, then 1.
    labels = np.concatenate([np.ones(10), np.zeros(1000)])
    scores = np.concatenate([np.ones(50), np.linspace(0.5, 0, 960)])
    shuffled = np.random.default_rng(0).permutation(len(labels))
    expected = (0.04 / 2 + 0.009) / 0.05
    assert auc_005(scores, labels) == pytest.approx(expected)
    assert auc_005(scores[shuffled], labels[shuffled]) == auc_005(scores, labels)


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_are_as_good_as_brute_force(seed: int) -> None:
    scores, labels = tied_scores(seed, size=30)
    if labels.min() == labels.max():
        labels[0] = 1 - labels[0]
    best = best_thresholds(scores, labels)
    every = [*np.unique(scores), np.inf]
    f1 = max(reference.f1_score(labels, scores >= t, zero_division=0) for t in every)
    accuracy = max(reference.accuracy_score(labels, scores >= t) for t in every)
    found = metrics(scores, labels, "binary", best)
    assert (found["f1"], found["accuracy"]) == (pytest.approx(f1), pytest.approx(accuracy))


def test_thresholds_lie_midway_and_the_highest_of_equals_wins() -> None:
    assert best_thresholds(np.array([0.0, 1.0, 3.0]), np.array([0, 1, 1])) == {"f1": 0.5, "accuracy": 0.5}
    # Cutting at 0.5 and at 2.5 is right twice of three times.
    assert best_thresholds(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 1, 0, 1]))["accuracy"] == 2.5


def test_thresholds_do_not_depend_on_the_order_of_pairs() -> None:
    scores, labels = tied_scores(0)
    shuffled = np.random.default_rng(1).permutation(len(scores))
    assert best_thresholds(scores, labels) == best_thresholds(scores[shuffled], labels[shuffled])


def test_thresholds_between_neighbouring_floats_still_separate() -> None:
    low = 0.1
    high = np.nextafter(low, 1)
    best = best_thresholds(np.array([low, high]), np.array([0, 1]))
    assert metrics(np.array([low, high]), np.array([0, 1]), "binary", best)["accuracy"] == 1


def test_thresholds_are_finite_when_no_cut_helps() -> None:
    best = best_thresholds(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 0, 1])[::-1])
    assert all(math.isfinite(value) for value in best.values())
    assert best["accuracy"] > 4  # none is positive
    assert best["f1"] == 1  # all are


def test_half_precision_scores_are_lifted_to_double() -> None:
    scores, gold = tied_scores(0)
    halves = scores.astype(np.float16)
    assert metrics(halves, gold, "regression") == metrics(halves.astype(np.float64), gold, "regression")
    assert best_thresholds(halves, gold) == best_thresholds(halves.astype(np.float64), gold)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.3, 0.3, 0.3], "all 3 scores are 0.3"),
        ([0.3, math.nan, 0.1], "1 of 3 scores are nan or infinite"),
        ([0.3, math.inf, 0.1], "1 of 3 scores are nan or infinite"),
        ([0.3], "1 scored pairs are too few"),
        ([], "0 scored pairs are too few"),
    ],
)
@pytest.mark.parametrize("task", ["regression", "binary"])
def test_scores_that_tell_nothing_give_nan_and_one_warning(
    scores: list[float], said: str, task: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    gold = np.array([0.0, 1.0, 1.0])[: len(scores)]
    with caplog.at_level(logging.WARNING):
        found = metrics(np.array(scores), gold, task, {"f1": 0.5, "accuracy": 0.5})
    assert list(found) == NAMES[task]
    assert all(math.isnan(value) for value in found.values())
    assert len(caplog.records) == 1
    assert said in caplog.text
    assert not recwarn.list


def test_gold_of_one_class_gives_nan_thresholds_and_nan_decisions(caplog: pytest.LogCaptureFixture) -> None:
    best = best_thresholds(np.array([0.1, 0.2]), np.array([1, 1]))
    assert "all 2 gold scores are 1" in caplog.text
    found = metrics(np.array([0.1, 0.2]), np.array([0, 1]), "binary", best)
    assert math.isnan(found["f1"])
    assert math.isnan(found["accuracy"])
    assert found["roc_auc"] == 1


@pytest.mark.parametrize("soft", [[0.6, 0.9, 0.7], [0.1, 0.4, 0.2]])
def test_soft_labels_of_one_class_give_nan_and_no_traceback(
    soft: list[float], caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    scores, gold = np.array([0.1, 0.3, 0.2]), np.array(soft)
    found = metrics(scores, gold, "binary", best_thresholds(scores, gold))
    assert all(math.isnan(value) for value in found.values())
    assert f"all 3 gold scores are {float(soft[0] >= 0.5):g}" in caplog.text
    assert not recwarn.list


def test_without_thresholds_there_are_no_decisions() -> None:
    found = metrics(np.array([0.1, 0.2]), np.array([0, 1]), "binary")
    assert list(found) == [name for name in NAMES["binary"] if name not in ("f1", "accuracy")]


def test_models_are_chosen_by_a_metric_that_is_there() -> None:
    assert PRIMARY == {"regression": "spearman", "binary": "average_precision"}
    assert all(metric in NAMES[task] for task, metric in PRIMARY.items())
