"""What AugSBERT gains over the baseline, with the tests of :mod:`augsbert.reporting.significance` over runs' files."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from augsbert.evaluation import best_thresholds
from augsbert.reporting.cells import Cell, compared
from augsbert.reporting.resampling import resampled
from augsbert.reporting.runs import Run
from augsbert.reporting.significance import Compared, compare, holm, mcnemar, over_seeds

log = logging.getLogger(__name__)

#: A run and an encoder to the resampled metric of its test scores.
Resampled = Callable[[Run, str], np.ndarray]


class Gain(NamedTuple):
    """A cell against its baseline on test; p-values are raised after Holm over all gains of the table.

    ``p_labels`` is McNemar's test of the labels at the thresholds of dev, nan for regression.
    """

    cell: Cell
    compared: Compared
    p_seeds: float
    p_pairs: float
    p_labels: float
    seeds: int


def gains(every: Sequence[Cell], metric: str) -> list[Gain]:
    """Each cell of AugSBERT against the baseline, over the seeds that both have."""

    @cache
    def of_run(run: Run, encoder: str) -> np.ndarray:
        test = run.predictions[run.predictions["split"] == "test"]
        decided = metric in ("f1", "accuracy")
        scores = _labelled(run, encoder, metric) if decided else test[encoder].to_numpy(dtype=float)
        return resampled(test["score"].to_numpy(dtype=float), scores, metric)

    trios = compared(every, metric)
    found = [gain for trio in trios if (gain := _gain(*trio, metric, of_run)) is not None]
    if not found:
        return []
    raised = [holm(p) for p in zip(*((gain.p_seeds, gain.p_pairs, gain.p_labels) for gain in found), strict=True)]
    return [
        gain._replace(p_seeds=seeds, p_pairs=pairs, p_labels=labels)
        for gain, seeds, pairs, labels in zip(found, *raised, strict=True)
    ]


def _gain(cell: Cell, baseline: Cell, labeller: Cell | None, metric: str, of_run: Resampled) -> Gain | None:
    seeds = [seed for seed in cell.runs if _has(cell, seed, metric) and _has(baseline, seed, metric)]
    if not seeds:
        log.warning("%s %s: no seed has %s of both it and the baseline", cell.label, cell.settings, metric)
        return None
    baselines, others = ([of_run(c.runs[seed], c.encoder) for seed in seeds] for c in (baseline, cell))
    uppers = [
        of_run(labeller.runs[seed], labeller.encoder) if labeller and _has(labeller, seed, metric) else None
        for seed in seeds
    ]
    result = compare(baselines, others, uppers)
    values = [np.array([c.runs[s].metrics[f"{c.encoder}/test/{metric}"] for s in seeds]) for c in (baseline, cell)]
    return Gain(cell, result, over_seeds(*values), result.p_pairs, _labels(cell, baseline, seeds), len(seeds))


def _has(cell: Cell, seed: str, metric: str) -> bool:
    value = cell.runs[seed].metrics.get(f"{cell.encoder}/test/{metric}") if seed in cell.runs else None
    return value is not None and value == value


def _labels(cell: Cell, baseline: Cell, seeds: Sequence[str]) -> float:
    """McNemar's test of the labels; nan for regression, and where dev told no threshold."""
    if not all(_has(c, seed, "accuracy") for c in (baseline, cell) for seed in seeds):
        return math.nan
    return mcnemar(*(np.mean([_right(c.runs[seed], c.encoder) for seed in seeds], axis=0) for c in (baseline, cell)))


def _right(run: Run, encoder: str) -> np.ndarray:
    """Whether each test pair's label is right at the accuracy threshold of dev, (n,) of 0 and 1."""
    test = run.predictions[run.predictions["split"] == "test"]
    return (_labelled(run, encoder, "accuracy") == (test["score"] >= 0.5)).astype(float)


def _labelled(run: Run, encoder: str, metric: str) -> np.ndarray:
    """The label of each test pair at the metric's threshold of dev, (n,) of 0 and 1."""
    dev, test = (run.predictions[run.predictions["split"] == split] for split in ("dev", "test"))
    # In domain adaptation dev is silver, whose soft scores count as positive from 0.5 on.
    labels = (dev["score"] >= 0.5).to_numpy(dtype=float)
    threshold = best_thresholds(dev[encoder].to_numpy(dtype=float), labels)[metric]
    # In double precision, as the threshold was found: a float32 column would round it.
    return (test[encoder].to_numpy(dtype=float) >= threshold).astype(float)
