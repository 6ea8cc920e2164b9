"""What the reproduction's runs reach, beside the paper's cells: ``experiments/results/paper.md``, nothing by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augsbert.errors import UserError
from augsbert.evaluation import best_thresholds, metrics
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.grid import Grid, Text, markdown
from augsbert.reporting.runs import Run, read

RESULT = Path(__file__).parents[1] / "results" / "paper.md"
_SOURCES = "[F] found in a source, [R] remembered only: verify before you cite it."


def write(paper: Mapping[str, Any], size: str, out: Path) -> None:
    """Write the page of all runs below ``out``."""
    settings = paper["sizes"][size]
    grids = [_column(paper, column, out) for column in settings["columns"]]
    grids += [_figure(figure, _runs(out / name)) for name, figure in paper["figures"].items()]
    caption = (
        f"Weights: {settings['weights']}. Test, x100, mean ± standard deviation over seeds {settings['seeds']}, or as "
        f"many as a cell says. The paper's cells are of bert-base-uncased (Spanish: its multilingual kin); {_SOURCES} "
        "A difference is within the spreads if it is at most the sum of both standard deviations."
    )
    command = f"`python experiments/paper/reproduce.py {size} --data FOLDER`"
    tables = [markdown(grid) for grid in grids if grid.rows]
    if not tables:
        raise SystemExit(f"{out}: no run is there yet, so there is nothing to report.")
    text = [f"# The paper's tables, {size}", f"Made by {command}. {caption}", *tables]
    RESULT.write_text("\n\n".join(text) + "\n", encoding="utf8")
    print(f"written: {RESULT}")


def _runs(folder: Path) -> list[Run]:
    try:
        return read([folder])
    except UserError:
        return []


def _column(paper: Mapping[str, Any], column: str, out: Path) -> Grid:
    """A data set: a row for each method, the paper's cell, ours, the difference."""
    metric, rows = paper["columns"][column]["metric"], []
    methods = {"jaccard": {"title": "Jaccard of words"}, **paper["rows"]}
    for row, method in methods.items():
        values = _jaccard(out / column, metric) if row == "jaccard" else _values(out / column / row, method, metric)
        mean, deviation, source = paper["paper"][row][column]
        shown = f"{mean:.2f}{'' if deviation is None else f' ± {deviation:.2f}'} [{source}]"
        rows.append([Text(method["title"]), Text(shown), *map(Text, _beside(values, mean, deviation or 0.0))])
    title = f"{paper['columns'][column]['title']} ({metric.replace('_', ' ')})"
    return Grid(
        title, ["", "paper", "here", "difference", "within the spreads"], rows if any(r[2].text for r in rows) else []
    )


def _values(folder: Path, method: Mapping[str, Any], metric: str) -> np.ndarray:
    runs = _runs(folder)
    return 100 * np.array([run.metrics[f"{method['encoder']}/test/{metric}"] for run in runs], dtype=float)


def _beside(values: np.ndarray, mean: float, deviation: float) -> tuple[str, str, str]:
    if not len(values):
        return "", "", ""
    difference = float(values.mean()) - mean
    if len(values) == 1:
        return f"{values.mean():.2f} (1)", f"{difference:+.2f}", ""
    own = float(values.std(ddof=1))
    shown = f"{values.mean():.2f} ± {own:.2f} ({len(values)})"
    return shown, f"{difference:+.2f}", "yes" if abs(difference) <= own + deviation else "no"


def _jaccard(folder: Path, metric: str) -> np.ndarray:
    """The words that both sentences have, as a share of all that they have; the threshold is found on dev."""
    runs = _runs(folder)
    if not runs:
        return np.array([])
    parts = dict(iter(runs[0].predictions.groupby("split")))
    scores = {split: table.apply(_overlap, axis=1).to_numpy(dtype=float) for split, table in parts.items()}
    gold = {split: table["score"].to_numpy(dtype=float) for split, table in parts.items()}
    binary = metric == "f1"
    thresholds = best_thresholds(scores["dev"], gold["dev"]) if binary else None
    found = metrics(scores["test"], gold["test"], "binary" if binary else "regression", thresholds)
    return np.array([100 * found[metric]])


def _overlap(pair: pd.Series) -> float:
    first, second = (set(re.findall(r"\w+", pair[name].lower())) for name in ("sentence1", "sentence2"))
    return len(first & second) / len(first | second) if first | second else math.nan


def _figure(figure: Mapping[str, Any], runs: list[Run]) -> Grid:
    """A figure's runs as the comparison has them."""
    if not runs:
        return Grid(figure["title"], [], [])
    grid = Comparison(runs, figure["metric"]).table()
    return grid._replace(title=f"{figure['title']} ({grid.title})")
