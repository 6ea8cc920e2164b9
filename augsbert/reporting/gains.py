"""What AugSBERT gains over the baseline, with the tests of :mod:`augsbert.reporting.significance` over runs' files."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from augsbert.evaluation import best_thresholds
from augsbert.reporting.cells import Cell, compared
from augsbert.reporting.significance import WEIGHTED, Compared, Scored, holm, mcnemar, over_pairs, over_seeds

log = logging.getLogger(__name__)


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
    """Each cell of AugSBERT against the baseline, over the seeds that both have.

    Raises:
        KeyError: the metric cannot be resampled.
    """
    found = [gain for trio in compared(every) if (gain := _gain(*trio, metric)) is not None]
    if not found:
        return []
    raised = [holm(p) for p in zip(*((gain.p_seeds, gain.p_pairs, gain.p_labels) for gain in found), strict=True)]
    return [
        gain._replace(p_seeds=seeds, p_pairs=pairs, p_labels=labels)
        for gain, seeds, pairs, labels in zip(found, *raised, strict=True)
    ]


def _gain(cell: Cell, baseline: Cell, labeller: Cell | None, metric: str) -> Gain | None:
    seeds = [seed for seed in cell.runs if seed in baseline.runs]
    scored = [_scored(cell, baseline, labeller, seed) for seed in seeds]
    if not scored:
        log.warning("%s %s: no run of the baseline has its seed", cell.label, cell.settings)
        return None
    result = over_pairs(scored, metric)
    values = [
        np.array([c.runs[seed].metrics[f"{c.encoder}/test/{metric}"] for seed in seeds]) for c in (baseline, cell)
    ]
    return Gain(cell, result, over_seeds(*values), result.p_pairs, _labels(cell, baseline, seeds), len(seeds))


def _scored(cell: Cell, baseline: Cell, labeller: Cell | None, seed: str) -> Scored:
    """The test scores of one seed, out of the runs that have them: all list the same pairs."""
    tables = {c.encoder: c.runs[seed].predictions for c in (cell, baseline, labeller) if c and seed in c.runs}
    test = {name: table[table["split"] == "test"] for name, table in tables.items()}
    columns = {name: table[name].to_numpy(dtype=float) for name, table in test.items()}
    gold = test[cell.encoder]["score"].to_numpy(dtype=float)
    return Scored(gold, columns[baseline.encoder], columns[cell.encoder], columns.get("cross_encoder"))


def _labels(cell: Cell, baseline: Cell, seeds: Sequence[str]) -> float:
    """McNemar's test of the labels; nan for regression."""
    if not all(f"{c.encoder}/test/accuracy" in c.runs[seed].metrics for c in (baseline, cell) for seed in seeds):
        return math.nan
    return mcnemar(*(np.mean([_right(c, seed) for seed in seeds], axis=0) for c in (baseline, cell)))


def _right(cell: Cell, seed: str) -> np.ndarray:
    """Whether each test pair's label is right at the accuracy threshold of dev, (n,) of 0 and 1."""
    table = cell.runs[seed].predictions
    dev, test = (table[table["split"] == split] for split in ("dev", "test"))
    # In domain adaptation dev is silver, whose soft scores count as positive from 0.5 on.
    labels = (dev["score"] >= 0.5).to_numpy(dtype=float)
    threshold = best_thresholds(dev[cell.encoder].to_numpy(), labels)["accuracy"]
    return ((test[cell.encoder] >= threshold) == (test["score"] >= 0.5)).to_numpy(dtype=float)


#: The metrics that gains can be told of.
METRICS = tuple(WEIGHTED)
