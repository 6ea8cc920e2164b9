"""What AugSBERT gains over the baseline, with the tests of :mod:`augsbert.reporting.significance` over runs' files."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from augsbert.evaluation import best_thresholds
from augsbert.reporting.cells import Cell, compared
from augsbert.reporting.grid import Grid, Text
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
    runs = _of_both(cell, baseline, metric)
    if not runs:
        log.warning("%s %s: no seed has %s of both it and the baseline", cell.label, cell.settings, metric)
        return None
    baselines = [of_run(before, baseline.encoder) for before, _ in runs]
    others = [of_run(after, cell.encoder) for _, after in runs]
    labelled = [labeller.like(after, metric) if labeller else None for _, after in runs]
    uppers = [of_run(run, labeller.encoder) if labeller and run else None for run in labelled]
    result = compare(baselines, others, uppers)
    values = [(baseline.value(before, metric), cell.value(after, metric)) for before, after in runs]
    p_seeds = _over_seeds([before.encoders[baseline.encoder] for before, _ in runs], np.array(values))
    return Gain(cell, result, p_seeds, result.p_pairs, _labels(cell, baseline, runs), len(runs))


def _of_both(cell: Cell, baseline: Cell, metric: str) -> list[tuple[Run, Run]]:
    """The runs of the baseline and of the cell with the same seeds, where both have the metric."""
    pairs = [(baseline.like(run, metric), cell.like(run, metric)) for run in cell.runs.values()]
    return [(before, after) for before, after in pairs if before and after]


def _over_seeds(baselines: Sequence[str], values: np.ndarray) -> float:
    """The paired t-test of values (seeds, 2); those of one baseline, as of ``bi_encoder.fit.seed=1,2``, are one."""
    means = pd.DataFrame(values).groupby(list(baselines), sort=False).mean().to_numpy()
    return over_seeds(means[:, 0], means[:, 1])


def _labels(cell: Cell, baseline: Cell, runs: Sequence[tuple[Run, Run]]) -> float:
    """McNemar's test of the labels; nan for regression, and where dev told no threshold."""
    if not set(runs) <= set(_of_both(cell, baseline, "accuracy")):
        return math.nan
    before = _shares_right([_right(run, baseline.encoder) for run, _ in runs])
    return mcnemar(before, _shares_right([_right(run, cell.encoder) for _, run in runs]))


def _shares_right(rights: Sequence[pd.Series]) -> np.ndarray:
    """The mean over seeds; where seeds draw test sets of other sizes, the pairs that one lacks count as wrong."""
    return pd.concat(rights, axis=1).fillna(0).mean(axis=1).to_numpy()


def _right(run: Run, encoder: str) -> pd.Series:
    """Whether each test pair's label is right at the accuracy threshold of dev, (n,) of 0 and 1."""
    test = run.predictions[run.predictions["split"] == "test"]
    return (_labelled(run, encoder, "accuracy") == (test["score"] >= 0.5)).astype(float).reset_index(drop=True)


def _labelled(run: Run, encoder: str, metric: str) -> np.ndarray:
    """The label of each test pair at the metric's threshold of dev, (n,) of 0 and 1."""
    dev, test = (run.predictions[run.predictions["split"] == split] for split in ("dev", "test"))
    # In domain adaptation dev is silver, whose soft scores count as positive from 0.5 on.
    labels = (dev["score"] >= 0.5).to_numpy(dtype=float)
    threshold = best_thresholds(dev[encoder].to_numpy(dtype=float), labels)[metric]
    # In double precision, as the threshold was found: a float32 column would round it.
    return (test[encoder].to_numpy(dtype=float) >= threshold).astype(float)


def gains_table(gains: Sequence[Gain], seeds: int) -> Grid:
    """A row for each gain: how large, how sure, and how much of the way to the cross-encoder.

    Args:
        gains: over the baseline.
        seeds: of all runs.
    """
    binary = any(not math.isnan(gain.p_labels) for gain in gains)
    p_values = ["p seeds", "p pairs", *(["p labels"] if binary else [])]
    columns = ["against the baseline", "Δ x100", "95 %", *p_values, "gap closed", "95 %"]
    rows = [[Text(text) for text in _row(gain, binary, seeds)] for gain in gains]
    return Grid("AugSBERT against the baseline, test", columns, rows, list(_notes(gains, binary, seeds)))


def _notes(gains: Sequence[Gain], binary: bool, seeds: int) -> Iterator[str]:
    yield "p: paired t-test over seeds, bootstrap over test pairs, raised after Holm over the rows."
    if binary:
        yield "p labels: McNemar's test of accuracy at dev's threshold, whatever the metric."
    if any(gain.seeds > 1 and math.isnan(gain.p_seeds) for gain in gains):
        yield "p seeds is blank where all seeds have one baseline, or gain the same."
    if any(math.isnan(gain.compared.share) for gain in gains):
        unsure = "where more than 2.5 % of the resamples do not show it above the baseline"
        yield f"gap closed is blank where there is no cross-encoder, or {unsure}."
    if any(gain.seeds != seeds for gain in gains):
        yield "In brackets: seeds that have both, where they are fewer than all."


def _row(gain: Gain, binary: bool, seeds: int) -> list[str]:
    result, settings = gain.compared, [f"{key}={value}" for key, value in gain.cell.settings.items()]
    fewer = f" ({gain.seeds})" if gain.seeds != seeds else ""
    row = [", ".join([gain.cell.label, *settings]) + fewer, f"{100 * result.difference:+.2f}"]
    row += [_range(result.interval, 100, "+.2f"), _p(gain.p_seeds), _p(gain.p_pairs)]
    row += [_p(gain.p_labels)] if binary else []
    share = "" if math.isnan(result.share) else f"{100 * result.share:.0f} %"
    return [*row, share, _range(result.share_interval, 100, ".0f")]


def _range(bounds: tuple[float, float], factor: float, form: str) -> str:
    return "" if math.isnan(bounds[0]) else " to ".join(format(factor * bound, form) for bound in bounds)


def _p(value: float) -> str:
    return "" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
