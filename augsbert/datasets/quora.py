"""Quora Question Pairs, in the split of the article's scripts: do two questions ask the same?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from augsbert.archives import member_lines, raw_file, raw_path, text_lines
from augsbert.datasets.checks import SPLITS, Duplicates, Layout, complete, scored_pairs
from augsbert.datasets.download import DOWNLOADS, Download
from augsbert.datasets.tabular import from_delimited
from augsbert.pairs import Splits
from augsbert.ranges import check_choice

LAYOUT = Layout("question1", "question2", "is_duplicate", task="binary")


class Quora:
    """The ``classification`` part of quora-IR-dataset.zip: three tab-separated files, quotes as plain characters.

    Args:
        path: the zip on this disk, or the folder that it was unpacked into; None fetches the zip.
        url: where it is fetched from.
        mirrors: further addresses, tried in turn.
        sha256: hash that a fetched zip must have; None takes what reads as the data set.
        download_dir: folder for what is fetched.
        duplicates: what a pair with both labels is: an ``error``, or given the label of most (``mean``; a tie is 1).

    Raises:
        UserError: a value that is not allowed.
    """

    VERSION = 1
    UNKEYED = ("path", "url", "mirrors", "sha256", "download_dir")

    def __init__(
        self,
        path: str | None = None,
        url: str = "https://sbert.net/datasets/quora-IR-dataset.zip",
        mirrors: Sequence[str] = (),
        sha256: str | None = None,
        download_dir: str = DOWNLOADS,
        duplicates: Duplicates = "mean",
    ) -> None:
        check_choice("dataset.duplicates", duplicates, ("error", "mean"))
        self.path, self.duplicates = path, duplicates
        self.download = Download(url, mirrors, sha256, download_dir)

    def files(self) -> list[Path] | None:
        """The zip, or the three files of the folder (train, dev, test); None where the zip must be fetched first.

        Raises:
            UserError: ``path`` is set and the zip, or a file of the folder, is not there.
        """
        if self.path is None:
            found = self.download.found()
            return [found] if found else None
        path = raw_path("dataset.path", self.path)
        return [raw_file("dataset.path", path / _member(name)) for name in SPLITS] if path.is_dir() else [path]

    def __call__(self) -> Splits:
        """Fetch if needed, read, check, merge repeated pairs and guard against leaks.

        Raises:
            UserError: the zip cannot be fetched, or is not what it should be.
        """
        files = self.files() or [self.download.fetch(lambda archive: _tables([archive]))]
        where = {name: source for name, (source, _) in zip(SPLITS, _sources(files), strict=True)}
        return complete(_tables(files), LAYOUT.task, self.duplicates, where)


def _member(split: str) -> str:
    return f"classification/{split}_pairs.tsv"


def _tables(files: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Checked pairs of train, dev and test."""
    return {
        name: scored_pairs(from_delimited(lines, LAYOUT.columns, source), LAYOUT, source)
        for name, (source, lines) in zip(SPLITS, _sources(files), strict=True)
    }


def _sources(files: Sequence[Path]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The name, for messages, and the lines of train, dev and test."""
    if len(files) == 1:
        for member in map(_member, SPLITS):
            yield f"{files[0]}/{member}", member_lines(files[0], member)
    else:
        for path in files:
            yield str(path), text_lines(path)
