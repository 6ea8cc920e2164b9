"""Runs beside each other: the table of their figures, and that of the gains over the baseline."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from augsbert.errors import UserError
from augsbert.reporting.cells import Cell, Split, cells, primary
from augsbert.reporting.gains import Gain, gains, gains_table
from augsbert.reporting.grid import Grid, Text
from augsbert.reporting.runs import Run
from augsbert.reporting.settings import differing
from augsbert.reporting.table import METRICS

_MOST_COLUMNS = 8
_BOUNDS = ("untrained", "upper_bound", "cross_encoder")


class Comparison:
    """Runs compared by one metric.

    Args:
        runs: of one or several sweeps.
        metric: None takes the one that models are chosen by.
        columns: the setting whose values are the columns; None takes one of numbers where the runs differ in one, else
            the columns are dev and test.

    Raises:
        UserError: no run has the metric, or all runs have the same value of ``columns``.
    """

    def __init__(self, runs: Sequence[Run], metric: str | None = None, columns: str | None = None) -> None:
        self.runs = list(runs)
        self.cells = cells(runs, differing(runs))
        self.keys = list(dict.fromkeys(key for cell in self.cells for key in cell.settings))
        self.metric = metric or primary(runs)
        if not any(key.endswith(f"/test/{self.metric}") for run in runs for key in run.metrics):
            raise UserError(f"--metric {self.metric}: no run has it. There are: {', '.join(_metrics(runs))}.")
        if columns is not None and columns not in self.keys:
            raise UserError(f"--columns {columns}: the runs do not differ in it. They do in: {', '.join(self.keys)}.")
        self.columns = columns or self._numbers(_MOST_COLUMNS)

    @property
    def axis(self) -> str | None:
        """The setting of numbers to draw the metric against: that of the columns, else the one with the most values."""
        if self.columns is not None:
            return self.columns if all(map(is_number, self._values(self.columns))) else None
        return self._numbers()

    def _numbers(self, most: float = math.inf) -> str | None:
        """The setting of numbers with the most values, if they are not more than a page is wide enough for."""
        counts = {key: len(self._values(key)) for key in self.keys if all(map(is_number, self._values(key)))}
        fit = {key: count for key, count in counts.items() if count <= most}
        return max(fit, key=lambda key: fit[key], default=None)

    def _values(self, key: str) -> list[str]:
        values = dict.fromkeys(run.setting(key) for run in self.runs)
        return sorted(values, key=float) if all(map(is_number, values)) else list(values)

    @property
    def adapted(self) -> bool:
        """Whether dev is held-out silver in some of the runs."""
        return any(run.adapted for run in self.runs)

    @property
    def seeds(self) -> list[str]:
        """All seeds of the runs, as cells have them."""
        return list(dict.fromkeys(run.repetition(self._further) for run in self.runs))

    @cached_property
    def _further(self) -> list[str]:
        """The settings that are seeds beside the run's own."""
        return list(dict.fromkeys(key for cell in self.cells for key in cell.further))

    @cached_property
    def gains(self) -> list[Gain]:
        """AugSBERT against the baseline."""
        return gains(self.cells, self.metric)

    def figures(self) -> pd.DataFrame:
        """All figures: a row for each cell, seed and metric, with dev and test (0..1), cost and the run's folder."""
        return pd.DataFrame(
            [
                {"encoder": cell.encoder, **dict.fromkeys(self.keys), **cell.settings, "seed": seed, "metric": metric}
                | {split: run.metrics.get(f"{cell.encoder}/{split}/{metric}") for split in ("dev", "test")}
                | {"seconds": sum(s["cost"] for s in run.behind(cell.encoder)), "run": str(run.folder)}
                for cell in self.cells
                for seed, run in cell.runs.items()
                for metric in _metrics([run])
            ]
        )

    def table(self) -> Grid:
        """Mean ± standard deviation over seeds, x100; a row for each encoder and its settings."""
        columns = self._values(self.columns) if self.columns else ["dev", "test"]
        rows: dict[tuple[str, ...], dict[str, Text]] = {}
        for cell in self.cells:
            own = {key: value for key, value in cell.settings.items() if key != self.columns}
            row = rows.setdefault((cell.label, *(f"{key}={value}" for key, value in own.items())), {})
            for column in self._columns_of(cell, columns):
                split: Split = "dev" if not self.columns and column == "dev" else "test"
                row[column] = Text(self._shown(cell, split), self._is_best(cell, column, split))
        head = [f"{self.columns}={value}" for value in columns] if self.columns else columns
        title = f"{METRICS.get(self.metric, self.metric)} x100{', test' if self.columns else ''}"
        lines = [
            [Text(", ".join(label)), *(row.get(column, Text()) for column in columns)] for label, row in rows.items()
        ]
        return Grid(title, [self._head(), *head], lines, self._notes())

    def _head(self) -> str:
        """Which seeds the table is over."""
        if len(self.seeds) == 1:
            return f"seed {self.seeds[0]}"
        names = f" ({'/'.join(['seed', *self._further])})" if self._further else ""
        return f"{len(self.seeds)} seeds{names}: {', '.join(self.seeds)}"

    def _columns_of(self, cell: Cell, columns: Sequence[str]) -> Sequence[str]:
        """The columns in which a cell stands: all where it does not hang on their setting."""
        return [cell.settings[self.columns]] if self.columns and self.columns in cell.settings else columns

    def _shown(self, cell: Cell, split: Split) -> str:
        values = 100 * cell.values(self.metric, split)
        if not len(values):
            return ""
        spread = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
        fewer = f" ({len(values)})" if len(values) != len(self.seeds) else ""
        return f"{values.mean():.2f}{spread}{fewer}{'†' if cell.environments - self._usual else ''}"

    def _is_best(self, cell: Cell, column: str, split: Split) -> bool:
        """Whether no other trained bi-encoder of the column and data is better; the bounds stand apart.

        On held-out silver none is: other selectors hold out other pairs.
        """
        if split == "dev" and self.adapted:
            return False
        data = [key for key in self.keys if key.startswith("dataset")]
        rivals = [c for c in self.cells if c.encoder not in _BOUNDS and column in self._columns_of(c, [column])]
        rivals = [c for c in rivals if all(c.settings.get(key) == cell.settings.get(key) for key in data)]
        means = {id(c): c.values(self.metric, split).mean() for c in rivals if len(c.values(self.metric, split))}
        return len(means) > 1 and means.get(id(cell), -math.inf) == max(means.values())

    @cached_property
    def _usual(self) -> set[tuple[str, ...]]:
        """The versions and device that most cells were made with."""
        counts = Counter(made for cell in self.cells for made in cell.environments)
        return {counts.most_common(1)[0][0]} if counts else set()

    def _notes(self) -> list[str]:
        notes = ["In brackets: seeds, where a cell has fewer or more."] if self._uneven else []
        if self.adapted:
            notes.append("dev is held-out silver: how far an encoder follows the labeller, whose own row is 100 there.")
        others = sorted({made for cell in self.cells for made in cell.environments} - self._usual)
        if others:
            usual = next(iter(self._usual))
            differ = ["; ".join(sorted(set(other) - set(usual))) or "fewer versions known" for other in others]
            notes.append(f"†: made in part with other versions or on another device ({' | '.join(differ)}).")
        return notes

    @property
    def _uneven(self) -> bool:
        splits: tuple[Split, ...] = ("test",) if self.columns else ("dev", "test")
        counts = {len(cell.values(self.metric, split)) for cell in self.cells for split in splits}
        return bool(counts - {0, len(self.seeds)})

    def gains_table(self) -> Grid:
        """A row for each gain."""
        return gains_table(self.gains, len(self.seeds))


def _metrics(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(key.split("/")[2] for run in runs for key in run.metrics if "/test/" in key))


def is_number(text: str) -> bool:
    """Whether a setting's text is a finite number."""
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False
