"""Anybody's scored pairs: files of one's own, or a data set of the Hugging Face hub."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from augsbert.archives import raw_file
from augsbert.datasets.checks import (
    EMPTY,
    SPLITS,
    Duplicates,
    Layout,
    check_scores,
    complete,
    merged,
    read_pairs,
    read_splits,
)
from augsbert.datasets.hub import HubFiles
from augsbert.errors import UserError
from augsbert.pairs import Splits, Task
from augsbert.ranges import check_choice

COLUMNS = {"sentence1": "sentence1", "sentence2": "sentence2", "score": "score", "split": None}
DRAW = {"dev_size": None, "test_size": None, "seed": 0}
_HUB = ("hub", "config", "revision", "download_dir")


class Table:
    """Scored pairs from csv, tsv, jsonl or parquet files, or from the hub; see ``read_columns`` for the formats.

    Args:
        train: a file, or ``{hub: ID, config: ..., revision: ...}``, whose own dev and test splits are then taken too.
        dev: a file; None where the hub, the split column or ``draw`` provides the pairs.
        test: a file; None likewise.
        columns: names of the columns ``sentence1``, ``sentence2``, ``score``; where ``train`` is one file with all
            splits, ``split`` names the column that says train, dev (or validation) or test.
        score_range: lowest and highest score, mapped to 0 and 1; a binary task has labels 0 and 1.
        task: ``regression`` or ``binary``.
        duplicates: what a pair with two scores is: an ``error``, or given their ``mean`` (of labels: the more frequent,
            a tie being 1).
        draw: ``dev_size`` and ``test_size``, rows (1 or more) or a share (below 1) of train to set aside, by ``seed``.
        unlabelled: files without scores, ``train`` or both ``train`` and ``dev``: the target of a domain adaptation.

    Raises:
        UserError: a value that is not allowed.
    """

    VERSION = 1
    UNKEYED = ("train", "dev", "test")
    LATER: ClassVar[dict[str, Any]] = {"unlabelled": []}

    def __init__(
        self,
        train: str | Mapping[str, Any],
        dev: str | None = None,
        test: str | None = None,
        columns: Mapping[str, str | None] = COLUMNS,
        score_range: Sequence[float] = (0, 1),
        task: Task = "regression",
        duplicates: Duplicates = "error",
        draw: Mapping[str, Any] = DRAW,
        unlabelled: Sequence[str] = (),
    ) -> None:
        check_choice("dataset.task", task, ("regression", "binary"))
        check_choice("dataset.duplicates", duplicates, ("error", "mean"))
        self.layout = _layout(columns, score_range, task)
        self.duplicates = duplicates
        self.draw = _sizes(draw)
        self.hub = _hub(train)
        self.paths = {name: path for name, path in zip(SPLITS, (train, dev, test), strict=True) if path is not None}
        if len(self.paths) > 1 and (self.hub or self.layout.split):
            whole = "a hub data set" if self.hub else "one file with a split column (dataset.columns.split)"
            raise UserError(f"dataset.train is {whole}: leave dataset.dev and dataset.test out.")
        self.unlabelled = _unlabelled(unlabelled, self.paths)

    def files(self) -> list[Path] | None:
        """The files of train, dev and test, of those there are; None where they must be fetched from the hub first.

        Raises:
            UserError: a file is not there.
        """
        found = self._found()
        return None if found is None else list(found.values())

    def __call__(self) -> Splits:
        """Fetch if needed, read, check, draw dev and test, merge repeated pairs and guard against leaks.

        Raises:
            UserError: a file is not what it should be, or cannot be fetched; a split is given and drawn, or neither.
        """
        tables, where = self._read()
        drawn = [name for name in ("dev", "test") if self._is_drawn(name, tables)]
        if drawn:
            where |= {name: f"{where['train']}, {name} drawn from it" for name in drawn}
            check_scores(tables["train"], self.layout.task, where["train"], unlabelled="train" in self.unlabelled)
            train = merged(tables["train"], self.layout.task, self.duplicates, where["train"])
            tables |= self._parts(train, drawn)
        return complete(tables, self.layout.task, self.duplicates, where, self.unlabelled)

    def _read(self) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
        """The tables of the splits that are given, checked by row, and their places for messages."""
        paths = self._found() or self._chosen(self.hub.fetch() if self.hub else {})
        if not self.layout.split:
            bare = self.layout._replace(score=None)
            tables = {
                name: read_pairs(path, bare if name in self.unlabelled else self.layout) for name, path in paths.items()
            }
            return tables, {name: str(path) for name, path in paths.items()}
        tables = {"train": EMPTY} | read_splits(paths["train"], self.layout)
        return tables, {name: f"{paths['train']}, split {name}" for name in SPLITS}

    def _found(self) -> dict[str, Path] | None:
        if self.hub:
            found = self.hub.found()
            return self._chosen(found) if found else None
        return {name: raw_file(f"dataset.{name}", path) for name, path in self.paths.items()}

    def _chosen(self, hub_files: Mapping[str, Path]) -> dict[str, Path]:
        """Of a hub data set, the splits that are not drawn: on the hub, a test split may have no labels."""
        return {name: path for name, path in hub_files.items() if name == "train" or self._size(name) is None}

    def _size(self, name: str) -> float | None:
        return self.draw[f"{name}_size"]

    def _is_drawn(self, name: str, tables: Mapping[str, pd.DataFrame]) -> bool:
        setting, given, size = f"dataset.draw.{name}_size", name in tables, self._size(name)
        if given and size is not None:
            raise UserError(
                f"{setting}={size}: there are {name} pairs already. Set one of dataset.{name} and {setting}."
            )
        if not given and size is None:
            raise UserError(
                f"dataset=table has no {name} pairs. Set dataset.{name}=FILE, or {setting}=0.1 to draw them."
            )
        return not given

    def _parts(self, train: pd.DataFrame, drawn: Iterable[str]) -> dict[str, pd.DataFrame]:
        """Cut ``train`` along a permutation that the seed alone decides; each part keeps the order of the file."""
        order, parts = np.random.default_rng(self.draw["seed"]).permutation(len(train)), {}
        for name in drawn:
            size = self._size(name) or 0
            rows = max(1, round(size * len(train))) if size < 1 else int(size)
            parts[name], order = train.iloc[np.sort(order[:rows])], order[rows:]
        if not len(order):
            sizes = ", ".join(f"dataset.draw.{name}_size={self._size(name)}" for name in drawn)
            raise UserError(f"{sizes}: nothing is left to train on, of {len(train)} pairs. Set smaller sizes.")
        return parts | {"train": train.iloc[np.sort(order)]}


def _layout(columns: Mapping[str, str | None], score_range: Sequence[float], task: Task) -> Layout:
    named = _known("dataset.columns", columns, COLUMNS)
    names = [name for key, name in named.items() if key != "split" or name is not None]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise UserError(f"dataset.columns={named}: each must be the name of another column (split may be null).")
    try:
        low, high = map(float, score_range)
    except (TypeError, ValueError):
        low = high = 0.0
    if not -np.inf < low < high < np.inf:
        raise UserError(f"dataset.score_range={score_range}: two numbers are expected, the lower first, as [0, 5].")
    if task == "binary" and (low, high) != (0, 1):
        raise UserError(f"dataset.score_range={score_range}: a binary task has labels 0 and 1, leave it at [0, 1].")
    return Layout(**named, score_range=(low, high), task=task)


def _unlabelled(names: Sequence[str], paths: Mapping[str, Any]) -> list[str]:
    """The splits without scores; what is drawn from one has none either, so test needs a file of its own."""
    if not set(names) <= {"train", "dev"} or ("train" not in names and names):
        raise UserError(f"dataset.unlabelled={list(names)}: it must be [], [train] or [train, dev].")
    if names and "test" not in paths:
        raise UserError(f"dataset.unlabelled={list(names)}: test needs scores. Set dataset.test=FILE.")
    if names and "dev" not in names and "dev" not in paths:
        raise UserError(f"dataset.unlabelled={list(names)}: dev drawn from it has none. Set it to [train, dev].")
    return list(names)


def _sizes(draw: Mapping[str, Any]) -> dict[str, Any]:
    sizes = _known("dataset.draw", draw, DRAW)
    for name in ("dev_size", "test_size"):
        size = sizes[name]
        whole = isinstance(size, int) and not isinstance(size, bool) and size >= 1
        if not (size is None or whole or (isinstance(size, float) and 0 < size < 1)):
            raise UserError(f"dataset.draw.{name}={size}: rows (1 or more), a share (between 0 and 1), or null.")
    if not isinstance(sizes["seed"], int) or sizes["seed"] < 0:
        raise UserError(f"dataset.draw.seed={sizes['seed']}: a whole number of 0 or more is expected.")
    return sizes


def _hub(train: object) -> HubFiles | None:
    if not isinstance(train, Mapping):
        return None
    return HubFiles(**{"hub": "", **_known("dataset.train", train, dict.fromkeys(_HUB), fill=False)})


def _known(setting: str, given: object, defaults: Mapping[str, Any], fill: bool = True) -> dict[str, Any]:
    """The defaults with what is given laid over them; only known keys."""
    if not isinstance(given, Mapping):
        raise UserError(f"{setting}={given}: a mapping is expected, with the keys {', '.join(defaults)}.")
    for key in given:
        if key not in defaults:
            near = difflib.get_close_matches(str(key), defaults, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UserError(f"{setting}: no key {key!r}.{hint} The keys are {', '.join(defaults)}.")
    return {**(defaults if fill else {}), **given}
