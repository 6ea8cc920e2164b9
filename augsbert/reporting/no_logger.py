"""No log: for those who read a run's own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd


class NoLogger:
    """Log nowhere. A run still leaves ``metrics.json`` and its tables."""

    @contextmanager
    def run(
        self, config: Mapping[str, Any], keys: Mapping[str, str], folder: Path, group: str | None = None
    ) -> Iterator[NoRun]:
        """Open nothing; the arguments are those of the other loggers."""
        yield NoRun()


class NoRun:
    """Takes what the other loggers' runs take, and drops it."""

    def curve(self, stage: str, rows: list[dict[str, float]]) -> None:
        """Drop a training curve."""

    def silver(self, silver: pd.DataFrame, gold: pd.DataFrame) -> None:
        """Drop silver's scores."""

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Drop the metrics."""
