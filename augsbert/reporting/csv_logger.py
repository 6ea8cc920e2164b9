"""A run's figures as csv files in its own folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from augsbert.reporting.silver import figures, histogram


class Csv:
    """Write ``metrics.csv``, ``curves.csv`` and ``silver_histogram.csv`` into a run's folder."""

    @contextmanager
    def run(
        self, config: Mapping[str, Any], keys: Mapping[str, str], folder: Path, group: str | None = None
    ) -> Iterator[CsvRun]:
        """Open the log of one run; config, keys and group have files of their own and are not written again.

        Args:
            config: the resolved config.
            keys: stage to content key.
            folder: the run's output folder, made where it is missing.
            group: the sweep that the run belongs to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        yield CsvRun(folder)


class CsvRun:
    """One run's files, each written anew when there is more to say."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._curves: list[dict[str, Any]] = []
        self._figures: dict[str, float] = {}

    def curve(self, stage: str, rows: list[dict[str, float]]) -> None:
        """Add a stage's training curve to ``curves.csv``: a column ``stage``, then those of the rows."""
        self._curves += [{"stage": stage, **row} for row in rows]
        pd.DataFrame(self._curves).to_csv(self._folder / "curves.csv", index=False)

    def silver(self, silver: pd.DataFrame, gold: pd.DataFrame) -> None:
        """Write ``silver_histogram.csv``: bins of the scores with the counts of silver and gold."""
        self._figures = figures(silver, gold)
        histogram(silver, gold).to_csv(self._folder / "silver_histogram.csv", index=False)

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Write ``metrics.csv``: ``name`` and ``value``, silver's figures among them."""
        table = pd.DataFrame((self._figures | dict(metrics)).items(), columns=["name", "value"])
        table.to_csv(self._folder / "metrics.csv", index=False)
