"""The work of each stage: writes its folder, of what the flow (pipeline.py) gives it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augsbert import launch
from augsbert.config import make
from augsbert.datasets.checks import SPLITS
from augsbert.errors import UserError
from augsbert.evaluation import best_thresholds, metrics
from augsbert.job import Job
from augsbert.pairs import SENTENCES, Splits, digest, repeated, without
from augsbert.run_files import write_whole
from augsbert.store.files import drop_hidden, wait_until_free
from augsbert.store.rows import Rows

log = logging.getLogger(__name__)


def write_splits(folder: Path, splits: Splits) -> None:
    """A dataset as ``train.parquet``, ``dev.parquet``, ``test.parquet`` and ``task.json``."""
    for name in SPLITS:
        getattr(splits, name).to_parquet(folder / f"{name}.parquet")
    (folder / "task.json").write_text(json.dumps(splits.task))


def read_splits(folder: Path) -> Splits:
    """What :func:`write_splits` wrote."""
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in SPLITS}
    return Splits(**tables, task=json.loads((folder / "task.json").read_text()))


def as_promised(found: pd.DataFrame, sampler: str) -> pd.DataFrame:
    """A sampler's pairs as every sampler promises them, which one of a user's own may not: distinct, no self-pair.

    Raises:
        UserError: a column is missing, without which silver could not be written after hours of labelling.
    """
    if missing := [name for name in (*SENTENCES, "origin") if name not in found]:
        raise UserError(
            f"sampler: {sampler} gives pairs without {', '.join(missing)}. "
            "Return what augsbert.pairs.candidate_pairs makes."
        )
    doubtful = repeated(found) | (found["sentence1"] == found["sentence2"])
    return found[~doubtful].reset_index(drop=True)


def write_candidates(folder: Path, before: Sequence[pd.DataFrame], candidates: pd.DataFrame, sampler: str) -> None:
    """A sampler's pairs, after those of earlier rounds and without them, as ``pairs.parquet``.

    Raises:
        UserError: there are none.
    """
    if candidates.empty:
        raise UserError(
            f"sampler: {sampler} found no pairs in the pool. "
            "Raise its top_k or num_pairs, or give it more sentences (pool=...)."
        )
    every = pd.concat([*before, without(candidates, *before)], ignore_index=True) if before else candidates
    every.to_parquet(folder / "pairs.parquet")


def write_augmented(folder: Path, augmented: pd.DataFrame, augmenter: str) -> None:
    """An augmenter's pairs, scored already, as ``pairs.parquet``.

    Raises:
        UserError: there are none.
    """
    if augmented.empty:
        raise UserError(
            f"augmenter: {augmenter} changed none of the gold sentences. Raise its share, or choose another one."
        )
    augmented[[*SENTENCES, "score", "origin"]].to_parquet(folder / "pairs.parquet")


def write_silver(folder: Path, silver: pd.DataFrame) -> None:
    """What the selector took, as ``pairs.parquet``.

    Raises:
        UserError: it took nothing.
    """
    if silver.empty:
        raise UserError(
            "selector: it keeps none of the scored pairs. Choose another one (selector=all keeps them all)."
        )
    silver[[*SENTENCES, "score", "origin"]].reset_index(drop=True).to_parquet(folder / "pairs.parquet")


def fit(folder: Path, job: Mapping[str, Any], train: pd.DataFrame, dev: pd.DataFrame) -> None:
    """Fit an encoder; ``model/`` and ``curve.json`` are what it leaves."""
    launch.run(Job("fit", folder=str(folder), **job), train=train[[*SENTENCES, "score"]], dev=dev)


def scores(folder: Path, job: Mapping[str, Any], pairs: pd.DataFrame) -> np.ndarray:
    """An encoder's scores (n,) of pairs."""
    from augsbert import scoring

    launch.run(Job("score", folder=str(folder), **job), pairs=pairs[SENTENCES])
    return scoring.read_scores(make(job["encoder"]), pairs, make(job["hardware"]), folder)


def label(
    folder: Path, labellers: Sequence[tuple[Callable[[], Mapping[str, Any]], Rows]], candidates: pd.DataFrame
) -> None:
    """Score candidates with the labellers; ``pairs.parquet`` gains a ``score``, the mean of theirs.

    Args:
        folder: of the stage.
        labellers: for each, what a job needs to know, and the labels that it gave in earlier runs.
        candidates: pairs.
    """
    columns = []
    for number, (job, kept) in enumerate(labellers):
        columns.append(_labels(_inner(folder, number), job, kept, candidates))
    mean = columns[0] if len(columns) == 1 else np.mean(columns, axis=0, dtype=np.float64)
    candidates.assign(score=mean).to_parquet(folder / "pairs.parquet")


def _labels(folder: Path, job: Callable[[], Mapping[str, Any]], kept: Rows, candidates: pd.DataFrame) -> np.ndarray:
    """One labeller's scores (n,).

    A pair that another sampler's run had labelled is taken from ``kept``, where new labels go too. Which pairs are
    missing is decided once and written down, so that the shards that a kill leaves still belong to the same rows; it is
    decided anew where labels that were there then have been damaged since.
    """
    digests = [digest(pair) for pair in candidates[SENTENCES].itertuples(index=False)]
    values = kept.get(digests)
    noted = folder / ".missing.json"
    if noted.exists() and np.isnan(np.delete(values, _read_rows(noted))).any():
        drop_hidden(folder)
    if not noted.exists():
        write_whole(noted, json.dumps(np.flatnonzero(np.isnan(values)).tolist()))
    missing = _read_rows(noted)
    if len(missing):
        values[missing] = _new_labels(folder, job(), candidates.iloc[missing].reset_index(drop=True))
        kept.put([digests[i] for i in missing], values[missing])
    log.info("labelled %d pairs, %d of them by earlier runs", len(values), len(values) - len(missing))
    return values


def _new_labels(folder: Path, job: Mapping[str, Any], pairs: pd.DataFrame) -> np.ndarray:
    """An encoder's scores (n,) of pairs.

    Raises:
        UserError: some are nan or infinite, of which a bi-encoder would learn nothing.
    """
    found = scores(folder, job, pairs)
    if bad := int((~np.isfinite(found)).sum()):
        raise UserError(
            f"cross_encoder: {bad} of the {len(found)} labels that it gives are nan or infinite: its fit has diverged, "
            "or its weights are damaged. Lower cross_encoder.fit.learning_rate, or choose another encoder."
        )
    return found


def _read_rows(noted: Path) -> np.ndarray:
    return np.array(json.loads(noted.read_text()), dtype=int)


def evaluate(folder: Path, jobs: Sequence[Mapping[str, Any]], splits: Splits) -> None:
    """Score dev and test; ``predictions.parquet`` (split, score) and ``metrics.json`` (``dev/spearman``, ...).

    Several encoders score by their mean. The thresholds of F1 and accuracy are found on dev, used on both, and left
    as ``dev/threshold_f1`` and ``dev/threshold_accuracy``; soft scores of a binary task are positive from 0.5 on.
    """
    pairs = pd.concat([splits.dev.assign(split="dev"), splits.test.assign(split="test")], ignore_index=True)
    pairs["prediction"] = np.mean([scores(_inner(folder, i), job, pairs) for i, job in enumerate(jobs)], axis=0)
    pairs[["split", "prediction"]].to_parquet(folder / "predictions.parquet")
    part = {split: pairs[pairs["split"] == split] for split in ("dev", "test")}
    dev, thresholds = part["dev"], None
    if splits.task == "binary":
        thresholds = best_thresholds(dev["prediction"].to_numpy(), dev["score"].to_numpy())
    values = {
        f"{split}/{name}": value
        for split, rows in part.items()
        for name, value in metrics(
            rows["prediction"].to_numpy(), rows["score"].to_numpy(), splits.task, thresholds
        ).items()
    }
    values |= {f"dev/threshold_{name}": value for name, value in (thresholds or {}).items()}
    (folder / "metrics.json").write_text(json.dumps(values, indent=1))


def _inner(folder: Path, number: int) -> Path:
    """A folder for the shards of one encoder of several, free of the workers of a run that was killed."""
    inner = folder / f".encoder-{number}"
    inner.mkdir(exist_ok=True)
    wait_until_free(inner)
    return inner
