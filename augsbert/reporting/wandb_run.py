"""What a live run of W&B is told; what it cannot take is a line of warning."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augsbert.reporting.silver import figures, histogram
from augsbert.reporting.table import rows as table_rows

log = logging.getLogger(__name__)


class WandbRun:
    """What a run says to W&B."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def curve(self, stage: str, rows: list[dict[str, float]]) -> None:
        """Log a stage's training curve as ``curve/{stage}/{name}`` over its own steps."""
        with forgiving(f"the curve of {stage}"):
            prefix = f"curve/{stage}/"
            self._run.define_metric(f"{prefix}step", hidden=True)
            self._run.define_metric(f"{prefix}*", step_metric=f"{prefix}step")
            for row in rows:
                self._run.log({prefix + name: value for name, value in row.items()})

    def silver(self, silver: pd.DataFrame, gold: pd.DataFrame) -> None:
        """Log the histograms of silver's and gold's scores, as such and as a table, and silver's figures."""
        with forgiving("silver's histogram"):
            import wandb

            bins = histogram(silver, gold)
            edges = np.append(bins["low"], 1.0)
            for name in ("silver", "gold"):
                counts = bins[name].to_numpy()
                self._run.log({f"{name}/scores": wandb.Histogram(np_histogram=(counts, edges))})
            self._run.log({"silver/histogram": wandb.Table(dataframe=bins), **figures(silver, gold)})

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics and the table of the encoders."""
        with forgiving("the metrics"):
            import wandb

            columns, data = table_rows(metrics)
            self._run.log({**metrics, "table": wandb.Table(dataframe=pd.DataFrame(data, columns=columns))})

    def comparison(self, figures: pd.DataFrame, page: Path) -> None:
        """Log what a sweep comes to: every figure as a table, and the page with its tables and plots."""
        with forgiving("the comparison"):
            import wandb

            self._run.log({"figures": wandb.Table(dataframe=figures), "report": wandb.Html(page.read_text("utf8"))})


@contextmanager
def forgiving(what: str) -> Iterator[None]:
    """What fails inside is a line of warning: W&B could not take it."""
    try:
        yield
    except Exception as error:
        log.warning("W&B could not take %s: %s", what, first_line(error))


def first_line(error: Exception) -> str:
    """The error's first line, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
