"""What every data set must satisfy, in one place: rows become scored pairs, tables become splits that do not leak."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from augsbert import pairs
from augsbert.datasets.tabular import read_columns
from augsbert.errors import UserError

Duplicates = Literal["error", "mean"]
SPLITS = ("train", "dev", "test")
EMPTY = pd.DataFrame(columns=[*pairs.SENTENCES, "score"])
_SPELLINGS = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
_log = logging.getLogger(__name__)


class Layout(NamedTuple):
    """How the columns of a file become the pairs table.

    ``score_range`` is mapped to 0..1 and is for regression; a binary score is 0 or 1 as it stands. Without a ``score``
    column pairs have none (nan). ``split`` names the column that says train, dev or test, where one file holds all
    three.
    """

    sentence1: str = "sentence1"
    sentence2: str = "sentence2"
    score: str | None = "score"
    split: str | None = None
    score_range: tuple[float, float] = (0.0, 1.0)
    task: pairs.Task = "regression"

    @property
    def columns(self) -> list[str]:
        """The names of the columns to read."""
        names = [self.sentence1, self.sentence2, self.score, self.split]
        return [name for name in names if name is not None]


def read_pairs(path: Path, layout: Layout) -> pd.DataFrame:
    """Read and check a file of scored pairs; see ``read_columns`` for the formats, ``scored_pairs`` for the checks."""
    return scored_pairs(read_columns(path, layout.columns), layout, str(path))


def read_splits(path: Path, layout: Layout) -> dict[str, pd.DataFrame]:
    """As ``read_pairs``, for a file with a split column: a table for each of train, dev and test that has rows.

    Raises:
        UserError: also when the split column holds another word (``valid`` and ``validation`` are dev).
    """
    if layout.split is None:
        raise ValueError("layout.split is needed: the name of the column that says train, dev or test")
    raw = read_columns(path, layout.columns)
    names = raw[layout.split].map(_SPELLINGS)
    _refuse(raw[layout.split], names.isna(), "{} is not one of " + ", ".join(_SPELLINGS), str(path))
    table = scored_pairs(raw, layout, str(path))
    return {name: table[names == name] for name in SPLITS if (names == name).any()}


def scored_pairs(raw: pd.DataFrame, layout: Layout, where: str) -> pd.DataFrame:
    """Check each row and keep the pairs table of it.

    Args:
        raw: the layout's columns, indexed by line or row.
        layout: the columns' names, the task and the range of its scores.
        where: the file, for messages.

    Returns:
        ``sentence1``, ``sentence2`` (without outer whitespace) and ``score`` (0..1, or nan where the layout has none),
        with the index of ``raw``.

    Raises:
        UserError: a value is missing; a sentence is not text, or blank; a score is not a number or out of range.
    """
    columns = {
        "sentence1": _texts(raw[layout.sentence1], where),
        "sentence2": _texts(raw[layout.sentence2], where),
        "score": np.nan if layout.score is None else _scores(raw[layout.score], layout, where),
    }
    return pd.DataFrame(columns, index=raw.index)


def complete(
    tables: Mapping[str, pd.DataFrame],
    task: pairs.Task,
    duplicates: Duplicates,
    where: Mapping[str, str],
    unlabelled: Collection[str] = (),
) -> pairs.Splits:
    """Checked tables in, splits out: duplicates merged in train and dev, nothing of test in dev, of either in train.

    Args:
        tables: ``train``, ``dev`` and ``test``. Test comes back as it was published.
        task: what the scores pose.
        duplicates: what a pair with two scores is (see ``merged``). Under ``error`` test must have none either.
        where: the file and split of each table, for messages.
        unlabelled: splits without scores, whose scores are not looked at.

    Raises:
        UserError: a split has no pairs or one score only, before or after the leak guard; a pair has two scores.
    """
    for name in SPLITS:
        check_scores(tables[name], task, where[name], unlabelled=name in unlabelled)
    kept = {name: merged(tables[name], task, duplicates, where[name]) for name in SPLITS}
    published = tables["test"].reset_index(drop=True)
    splits = pairs.guard_leaks(pairs.Splits(kept["train"], kept["dev"], published, task))
    for name, table in zip(SPLITS, splits[:2], strict=False):
        rest = f"{where[name]}, without the pairs that a later split holds too"
        check_scores(table, task, rest, unlabelled=name in unlabelled)
        repeats, leaks = len(tables[name]) - len(kept[name]), len(kept[name]) - len(table)
        if repeats or leaks:
            _log.info("%s: %d repeated pairs merged, %d dropped that a later split holds", where[name], repeats, leaks)
    return splits


def merged(table: pd.DataFrame, task: pairs.Task, duplicates: Duplicates, where: str) -> pd.DataFrame:
    """``pairs.merge_duplicates``; the mean of binary labels is the majority, a tie counting as 1.

    Raises:
        UserError: a pair has two scores and ``duplicates`` is ``error``.
    """
    table = pairs.merge_duplicates(table, duplicates, where)
    labels = (table["score"] >= 0.5).where(table["score"].notna())
    return table.assign(score=labels.astype(float)) if task == "binary" else table


def check_scores(table: pd.DataFrame, task: pairs.Task, where: str, *, unlabelled: bool = False) -> None:
    """Refuse a split on which no metric is defined, or, if it is to be ``unlabelled``, one without pairs.

    Raises:
        UserError: no pairs, no scores, or one score only: no rank correlation or ROC curve has a value then.
    """
    if table.empty:
        raise UserError(f"{where}: no pairs. Give it some, or draw it from train where the part can.")
    if unlabelled:
        return
    if table["score"].isna().any():
        raise UserError(
            f"{where}: its pairs have no scores (dataset.unlabelled), and are to be learnt from. Name a data set that "
            "has them as the source: scenario=domain_adaptation dataset@source=NAME."
        )
    if table["score"].nunique() == 1:
        kind, needed = (
            ("label", "both 0 and 1") if task == "binary" else ("score (mapped to 0..1)", "two different scores")
        )
        raise UserError(
            f"{where}: every {kind} is {table['score'].iloc[0]:g}. A {task} task needs {needed} in each split."
        )


def _texts(column: pd.Series, where: str) -> list[str]:
    _refuse(column, column.isna(), "the sentence is missing", where)
    _refuse(column, [not isinstance(value, str) for value in column], "{} is not text", where)
    _refuse(column, [not is_unicode(value) for value in column], "{} holds half a surrogate pair", where)
    _refuse(column, [not value.strip() for value in column], "the sentence is empty or blank", where)
    return [value.strip() for value in column]


def _scores(column: pd.Series, layout: Layout, where: str) -> np.ndarray:
    low, high = layout.score_range
    numbers = np.array([_number(value) for value in column])
    _refuse(column, column.isna() | (column == ""), "the score is missing", where)
    _refuse(column, np.isnan(numbers), "the score {} is not a number", where)
    if layout.task == "binary":
        _refuse(column, ~np.isin(numbers, (0, 1)), "the label {} is not 0 or 1", where)
        return numbers
    remedy = "(another range: dataset=table, dataset.score_range=[LOW,HIGH])"
    _refuse(column, (numbers < low) | (numbers > high), f"the score {{}} is not in {low:g}..{high:g} {remedy}", where)
    return (numbers - low) / (high - low)


def _refuse(column: pd.Series, bad: Any, complaint: str, where: str) -> None:
    """Raise for the first row that ``bad`` marks; ``{}`` in the complaint is its value."""
    bad = np.asarray(bad, dtype=bool)
    if bad.any():
        value, place = column[bad].iloc[0], f"{column.index.name} {column.index[bad][0]}"
        others = f" (and {bad.sum() - 1} more rows)" if bad.sum() > 1 else ""
        complaint = complaint.format(repr(value)[:80])
        raise UserError(f"{where}, {place}, column {column.name!r}: {complaint}{others}. Mend or drop the row.")


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can write a text: half a surrogate pair, which JSON may hold, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
