"""The STS benchmark (Cer et al., SemEval-2017 task 1): English sentence pairs scored 0..5 by people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from augsbert.archives import raw_file
from augsbert.datasets.checks import EMPTY, SPLITS, Duplicates, Layout, complete, read_splits
from augsbert.datasets.download import DOWNLOADS, Download
from augsbert.errors import UserError
from augsbert.pairs import Splits
from augsbert.ranges import check_choice

LAYOUT = Layout(split="split", score_range=(0.0, 5.0))
ROWS = {"train": 5749, "dev": 1500, "test": 1379}  # as published, repeated pairs included


class Stsb:
    """STSb as the article's scripts read it: one tab-separated file with a split column, quotes as plain characters.

    Scores are divided by 5. The benchmark repeats pairs, some with two scores, within and across its splits: in train
    and dev they are merged, and what a later split holds is dropped from the earlier one; test stays as published.

    Args:
        path: the archive on this disk (``.tsv.gz`` or ``.tsv``); None fetches it.
        url: where it is fetched from.
        mirrors: further addresses, tried in turn.
        sha256: hash that a fetched file must have; None checks the numbers of its rows instead.
        download_dir: folder for what is fetched.
        duplicates: what a pair with two scores is: an ``error``, or given their ``mean``.

    Raises:
        UserError: a value that is not allowed.
    """

    VERSION = 1
    UNKEYED = ("path", "url", "mirrors", "sha256", "download_dir")

    def __init__(
        self,
        path: str | None = None,
        url: str = "https://sbert.net/datasets/stsbenchmark.tsv.gz",
        mirrors: Sequence[str] = (),
        sha256: str | None = None,
        download_dir: str = DOWNLOADS,
        duplicates: Duplicates = "mean",
    ) -> None:
        check_choice("dataset.duplicates", duplicates, ("error", "mean"))
        self.path, self.duplicates = path, duplicates
        self.download = Download(url, mirrors, sha256, download_dir)

    def files(self) -> list[Path] | None:
        """The archive on this disk; None where it must be fetched first.

        Raises:
            UserError: ``path`` is set and no file is there.
        """
        if self.path is not None:
            return [raw_file("dataset.path", self.path)]
        found = self.download.found()
        return [found] if found else None

    def __call__(self) -> Splits:
        """Fetch if needed, read, check, merge repeated pairs and guard against leaks.

        Raises:
            UserError: the archive cannot be fetched, or is not what it should be.
        """
        # What was fetched earlier is read the same way: a hash may have been asked for then.
        read = _benchmark if self.path is None and self.download.sha256 is None else _tables
        [path] = self.files() or [self.download.fetch(read)]
        tables = read(path)
        where = {name: f"{path}, split {name}" for name in SPLITS}
        return complete(tables, LAYOUT.task, self.duplicates, where)


def _tables(path: Path) -> dict[str, pd.DataFrame]:
    return dict.fromkeys(SPLITS, EMPTY) | read_splits(path, LAYOUT)


def _benchmark(path: Path) -> dict[str, pd.DataFrame]:
    """The tables, with the numbers of rows that the benchmark has."""
    tables = _tables(path)
    rows = {name: len(table) for name, table in tables.items()}
    if rows != ROWS:
        raise UserError(
            f"{path}: fetched, but not the STS benchmark: {_counts(rows)} rows instead of {_counts(ROWS)}. "
            "Delete the file and set another dataset.url, or set dataset.sha256 if this is the file you mean."
        )
    return tables


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in rows.items())
