"""Metrics of a sample whose pairs are drawn again with replacement: what a bootstrap over test pairs is made of.

Each function takes rows of weights, how often each pair was drawn, and gives the metric of each row: what
:mod:`augsbert.evaluation` gives of the sample that repeats its pairs so often, nan where only one class was drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from augsbert.evaluation import MAX_FPR

#: Resamples of the bootstrap, and the fewest where the test set is so large that fewer must do.
RESAMPLES, FEWEST = 2000, 200
_WORK = 20_000_000
_CHUNK = 2_000_000


def resampled(gold: np.ndarray, scores: np.ndarray, metric: str, seed: int = 0) -> np.ndarray:
    """The metric of scores (n,) as they are, and under each resample: (1 + resamples,).

    Of the same number of pairs and ``seed``, the resamples are the same.
    """
    weights = _resamples(len(gold), max(FEWEST, min(RESAMPLES, _WORK // len(gold))), seed)
    rows = max(1, _CHUNK // len(gold))
    chunks = [weights[start : start + rows].astype(float) for start in range(0, len(weights), rows)]
    return np.concatenate([WEIGHTED[metric](scores, gold, chunk) for chunk in chunks])


@cache
def _resamples(size: int, count: int, seed: int) -> np.ndarray:
    """How often each pair is drawn, (1 + count, size); the first row is the sample itself."""
    random = np.random.default_rng(seed)
    drawn = [np.bincount(random.integers(size, size=size), minlength=size) for _ in range(count)]
    return np.stack([np.ones(size, dtype=np.int64), *drawn]).astype(np.float32)


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation of x and y, (n,) or (rows, n), under each row of weights (rows, n)."""
    total = weights.sum(axis=1, keepdims=True)
    x, y = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    products = [(weights * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y))]
    with np.errstate(invalid="ignore", divide="ignore"):
        return products[0] / np.sqrt(products[1] * products[2])


def weighted_spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation of x and y (n,) under each row of whole weights (rows, n): that of the repeated sample."""
    return weighted_pearson(_ranks(x, weights), _ranks(y, weights), weights)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mid-ranks (rows, n) of the values in the sample that the weights repeat."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = counts.cumsum(axis=1) - counts / 2 + 0.5
    group = np.empty(len(values), dtype=int)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(values)]))
    return ranks[:, group]


def weighted_average_precision(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision (scikit-learn's) of scores and labels (n,) under each row of weights (rows, n)."""
    positive, negative = _counts(scores, labels, weights)
    found = positive.cumsum(axis=1)
    drawn = found + negative.cumsum(axis=1)
    precision = np.divide(found, drawn, out=np.zeros_like(found), where=drawn > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _where_both((positive * precision).sum(axis=1) / found[:, -1], labels, weights)


def weighted_roc_auc(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the ROC of scores and labels (n,) under each row of weights (rows, n)."""
    return _area(scores, labels, weights, lambda negatives: np.ones_like(negatives))


def weighted_auc_005(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC(0.05), as :func:`augsbert.evaluation.auc_005` defines it, under each row of weights (rows, n)."""

    def last_rate_below(negatives: np.ndarray) -> np.ndarray:
        count = np.ceil(MAX_FPR * negatives) - 1
        return (count - (count / negatives >= MAX_FPR)) / negatives

    return _area(scores, labels, weights, last_rate_below) / MAX_FPR


def weighted_roc_auc_max_fpr_005(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """scikit-learn's partial area, standardised after McClish (1989), under each row of weights (rows, n)."""
    area = _area(scores, labels, weights, lambda negatives: np.full_like(negatives, MAX_FPR))
    least, most = MAX_FPR**2 / 2, MAX_FPR
    return (1 + (area - least) / (most - least)) / 2


def weighted_f1(predicted: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """F1 of predicted and true labels (n,) under each row of weights (rows, n)."""
    positive = labels >= 0.5
    both = weights @ (predicted * positive)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _where_both(2 * both / (weights @ predicted + weights @ positive), labels, weights)


def weighted_accuracy(predicted: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The share of right labels (n,) under each row of weights (rows, n)."""
    return _where_both(weights @ ((predicted >= 0.5) == (labels >= 0.5)) / weights.sum(axis=1), labels, weights)


def _where_both(values: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The values (rows,), nan where no positive or no negative was drawn."""
    positives = weights @ (labels >= 0.5)
    return np.where((positives > 0) & (positives < weights.sum(axis=1)), values, np.nan)


def _area(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, end: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The area under the ROC up to a false-positive rate, of the number of negatives (rows,) a function of it."""
    positive, negative = (np.pad(c.cumsum(axis=1), ((0, 0), (1, 0))) for c in _counts(scores, labels, weights))
    with np.errstate(invalid="ignore", divide="ignore"):
        true, false = positive / positive[:, -1:], negative / negative[:, -1:]
        last = end(negative[:, -1])[:, None]
    width, rise = np.diff(false, axis=1), np.diff(true, axis=1)
    inside = np.clip(last - false[:, :-1], 0, width)
    part = np.divide(inside, width, out=np.zeros_like(width), where=width > 0)
    return (inside * (true[:, :-1] + rise * part / 2)).sum(axis=1)


def _counts(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives that were drawn of each score, the highest first: (rows, distinct scores) each."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    positive = labels[order] >= 0.5
    kinds = (weights[:, order] * positive, weights[:, order] * ~positive)
    return np.add.reduceat(kinds[0], starts, axis=1), np.add.reduceat(kinds[1], starts, axis=1)


WEIGHTED: dict[str, Callable[..., np.ndarray]] = {
    "spearman": weighted_spearman,
    "pearson": weighted_pearson,
    "average_precision": weighted_average_precision,
    "roc_auc": weighted_roc_auc,
    "auc_005": weighted_auc_005,
    "roc_auc_max_fpr_005": weighted_roc_auc_max_fpr_005,
    "f1": weighted_f1,
    "accuracy": weighted_accuracy,
}
"""Each metric of :mod:`augsbert.evaluation`; ``f1`` and ``accuracy`` take labels in the place of scores."""
