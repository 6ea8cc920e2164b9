"""The one table of the project: sentence pairs, as a pandas DataFrame.

Columns: ``sentence1`` and ``sentence2`` (non-blank strings); ``score`` (float, 0..1; for a binary task 0.0 or 1.0),
absent from candidates, which nobody has scored; and, for silver, ``origin`` (which part made the row). Pairs are
unordered: (a, b) and (b, a) are one pair wherever duplicates and leaks are looked for. Nothing here knows models or
files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from augsbert.errors import UserError

SENTENCES = ["sentence1", "sentence2"]
Task = Literal["regression", "binary"]
_SEPARATOR = "\x1f"


class Splits(NamedTuple):
    """Gold pairs of one domain: three tables with ``SENTENCES`` and ``score``, and the task that the scores pose."""

    train: pd.DataFrame
    dev: pd.DataFrame
    test: pd.DataFrame
    task: Task


class Pool(NamedTuple):
    """What a sampler may see, without labels: distinct sentences, and pairs (``SENTENCES``) where there are some."""

    sentences: list[str]
    pairs: pd.DataFrame


class Evidence(NamedTuple):
    """What a selector may look at beside the scored pairs: the labeller's side, never the target's labels.

    ``gold`` are the pairs that the labeller learnt from. ``dev()`` gives the source's dev pairs with the labeller's own
    scores in a column ``prediction``, for a selector whose ``reads_dev`` is true.
    """

    gold: pd.DataFrame
    dev: Callable[[], pd.DataFrame]


def unordered_keys(pairs: pd.DataFrame) -> pd.Series:
    """One string per row, equal for (a, b) and (b, a); the index is that of ``pairs``."""
    first, second = (pairs[column].to_numpy(dtype=object) for column in SENTENCES)
    swap = np.array([a > b for a, b in zip(first, second, strict=True)], dtype=bool)
    low, high = np.where(swap, second, first), np.where(swap, first, second)
    return pd.Series(low + _SEPARATOR + high, index=pairs.index, dtype=object)


def unordered_codes(*tables: pd.DataFrame) -> list[np.ndarray]:
    """What :func:`unordered_keys` tells apart as integers (n,), one array a table, comparable among these tables alone.

    Candidates come by the million: as text, a key takes some 150 bytes.
    """
    columns = [table[column] for column in SENTENCES for table in tables]
    places, distinct = pd.factorize(pd.concat(columns, ignore_index=True))
    codes = np.sort(places.reshape(2, -1).T, axis=1) @ [len(distinct), 1]
    return np.split(codes, np.cumsum([len(table) for table in tables])[:-1])


def repeated(pairs: pd.DataFrame) -> np.ndarray:
    """Whether each row's pair stands in an earlier row, in either order: bool (n,)."""
    return pd.Index(unordered_codes(pairs)[0]).duplicated()


def distinct_sentences(pairs: pd.DataFrame) -> list[str]:
    """The different sentences of both columns, in order of first appearance (row by row)."""
    return list(dict.fromkeys(pairs[SENTENCES].to_numpy(dtype=object).ravel()))


def digest(texts: Iterable[str]) -> str:
    """Sha256 (hex) of a sequence of strings: what a content-addressed key is made of. Order counts."""
    state = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "little"))
        state.update(encoded)
    return state.hexdigest()


def places(sentences: Sequence[str], pairs: pd.DataFrame) -> np.ndarray:
    """Where the sentences of ``pairs`` stand in ``sentences``.

    Args:
        sentences: distinct sentences.
        pairs: a table with ``sentence1`` and ``sentence2``.

    Returns:
        Int array (m, 2): a row for each pair of which ``sentences`` holds both ends.
    """
    place = {sentence: index for index, sentence in enumerate(sentences)}
    rows = np.array([[place.get(sentence, -1) for sentence in pairs[column]] for column in SENTENCES], dtype=np.int64).T
    return rows[(rows >= 0).all(axis=1)]


def candidate_pairs(sentences: Sequence[str], rows: np.ndarray, origin: str, exclude: pd.DataFrame) -> pd.DataFrame:
    """Turn index pairs into candidates: unordered, each once, no self-pair, nothing of ``exclude``.

    Args:
        sentences: the pool's distinct sentences.
        rows: int array (n, 2) of indices into ``sentences``; the first occurrence of an unordered pair wins.
        origin: the sampler's name, kept in the ``origin`` column.
        exclude: pairs (any order) that must not come back.

    Returns:
        A table of ``sentence1``, ``sentence2``, ``origin`` with a fresh index.
    """
    # An unordered pair as one integer: a million of them are compared in a fraction of the memory that their text
    # takes.
    codes, excluded = (np.sort(r, axis=1) @ [len(sentences), 1] for r in (rows, places(sentences, exclude)))
    first = np.sort(np.unique(codes, return_index=True)[1])
    rows = rows[first[(rows[first, 0] != rows[first, 1]) & ~np.isin(codes[first], excluded)]]
    texts = np.asarray(sentences, dtype=object)
    return pd.DataFrame({"sentence1": texts[rows[:, 0]], "sentence2": texts[rows[:, 1]], "origin": origin})


def without(pairs: pd.DataFrame, *others: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``pairs`` that are in none of ``others``, whatever the order within a pair; a fresh index."""
    own, *seen = unordered_codes(pairs, *others)
    return pairs[~np.isin(own, np.concatenate([own[:0], *seen]))].reset_index(drop=True)


def guard_leaks(splits: Splits) -> Splits:
    """Drop from train what dev or test holds, and from dev what test holds, in either order.

    STSb itself repeats pairs across its splits; mteb's STSBenchmark v2 drops them the same way. The test table is left
    as it was published, so that figures on it compare.
    """
    return splits._replace(
        train=without(splits.train, splits.dev, splits.test),
        dev=without(splits.dev, splits.test),
    )


def merge_duplicates(pairs: pd.DataFrame, duplicates: Literal["error", "mean"], where: str) -> pd.DataFrame:
    """Keep each unordered pair once, at its first row.

    Args:
        pairs: a scored table.
        duplicates: what a pair with two different scores is: an ``error``, or replaced by the ``mean`` of its scores.
        where: the file and split, for the message.

    Raises:
        UserError: a pair has two scores and ``duplicates`` is ``error``.
    """
    keys = unordered_keys(pairs)
    scores = pairs["score"].groupby(keys, sort=False)
    differ = scores.transform("nunique") > 1
    if duplicates == "error" and differ.any():
        row = pairs[differ].iloc[0]
        places = ", ".join(map(str, pairs.index[keys == keys[differ].iloc[0]]))
        raise UserError(
            f"{where}, {pairs.index.name or 'row'}s {places}: the pair ({row.sentence1!r}, {row.sentence2!r}) stands "
            "there with different scores. "
            "Keep one of the rows, or set dataset.duplicates=mean to train on their mean."
        )
    return pairs.assign(score=scores.transform("mean"))[~keys.duplicated()].reset_index(drop=True)


def draw(pairs: pd.DataFrame, size: int | None, seed: int) -> pd.DataFrame:
    """The first ``size`` rows of a permutation that ``seed`` alone decides: a smaller draw is part of a larger one.

    Args:
        pairs: the table to draw from.
        size: rows to keep; None keeps the table as it is.
        seed: of the permutation.

    Raises:
        UserError: there are fewer rows than ``size``, or ``size`` is below 1.
    """
    if size is None:
        return pairs
    if not 1 <= size <= len(pairs):
        most = len(pairs)
        raise UserError(
            f"gold_size={size}: the train split has {most} pairs. Set gold_size to 1..{most}, or null for all."
        )
    rows = np.random.default_rng(seed).permutation(len(pairs))[:size]
    return pairs.iloc[np.sort(rows)].reset_index(drop=True)


def hold_out(pairs: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set a share (0..1) of the rows aside by ``seed`` alone: those that stay and those set aside, one at least.

    Raises:
        UserError: there are fewer than two rows.
    """
    if len(pairs) < 2:
        raise UserError(f"holdout={share}: of {len(pairs)} silver pairs none can be held out. Select more.")
    size = min(max(round(share * len(pairs)), 1), len(pairs) - 1)
    aside = np.zeros(len(pairs), dtype=bool)
    aside[np.random.default_rng(seed).permutation(len(pairs))[:size]] = True
    return pairs[~aside].reset_index(drop=True), pairs[aside].reset_index(drop=True)


def task_of(pairs: pd.DataFrame) -> Task:
    """The task that scores pose: binary where all of them are 0 or 1."""
    return "binary" if pairs["score"].isin([0.0, 1.0]).all() else "regression"


def mix(gold: pd.DataFrame, silver: pd.DataFrame) -> pd.DataFrame:
    """Gold and silver under one another, each as often as it stands there, gold with origin ``gold``."""
    columns = [*SENTENCES, "score", "origin"]
    return pd.concat([gold.assign(origin="gold")[columns], silver[columns]], ignore_index=True)
