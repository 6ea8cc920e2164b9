"""A run's figures as TensorBoard events in its own folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from augsbert.errors import UserError
from augsbert.reporting.silver import figures
from augsbert.reporting.table import table

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """Write events into ``tensorboard/`` in a run's folder; ``tensorboard --logdir`` on a folder above shows a sweep.

    Raises:
        UserError: the package tensorboard is not installed.
    """

    def __init__(self) -> None:
        if find_spec("tensorboard") is None:
            raise UserError(
                "logger=tensorboard: the package tensorboard is not installed. "
                "Type `pip install tensorboard`, or set logger=csv."
            )

    @contextmanager
    def run(
        self, config: Mapping[str, Any], keys: Mapping[str, str], folder: Path, group: str | None = None
    ) -> Iterator[TensorBoardRun]:
        """Open the log of one run, and close it however it ends.

        Args:
            config: the resolved config, kept as a text.
            keys: stage to content key, kept as a text.
            folder: the run's output folder.
            group: the sweep that the run belongs to; the folders say it already.
        """
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder / "tensorboard")) as writer:
            writer.add_text("config", _code(_lines(config)))
            writer.add_text("keys", _code(_lines(keys)))
            yield TensorBoardRun(writer)


class TensorBoardRun:
    """One run's events."""

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def curve(self, stage: str, rows: list[dict[str, float]]) -> None:
        """Log a stage's training curve as ``curve/{stage}/{name}`` over its steps."""
        for row in rows:
            for name, value in row.items():
                if name != "step":
                    self._writer.add_scalar(f"curve/{stage}/{name}", value, int(row["step"]))

    def silver(self, silver: pd.DataFrame, gold: pd.DataFrame) -> None:
        """Log the histograms of silver's and gold's scores, and silver's figures."""
        for name, pairs in (("silver", silver), ("gold", gold)):
            self._writer.add_histogram(f"{name}/scores", pairs["score"].to_numpy(dtype=float))
        self._scalars(figures(silver, gold))

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics as scalars, and the table as a text."""
        self._scalars(metrics)
        self._writer.add_text("table", _code(table(metrics)))

    def _scalars(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, 0)


def _lines(values: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in values.items())


def _code(text: str) -> str:
    """A markdown block that keeps its spaces."""
    return "\n".join(f"    {line}" for line in text.splitlines())
