"""What the reproduction's runs reach, beside the paper's cells: ``experiments/results/paper.md``, nothing by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augsbert.errors import UserError
from augsbert.evaluation import metrics
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.grid import Grid, Text, markdown
from augsbert.reporting.runs import Run, read

RESULTS = Path(__file__).parents[1] / "results"


def write(paper: Mapping[str, Any], size: str, out: Path, page: Path, overrides: Sequence[str] = ()) -> None:
    """Write the page of all runs below ``out`` with the size's seeds; none where there is no run yet."""
    settings = paper["sizes"][size]
    grids = [_column(paper, settings, column, out) for column in settings["columns"]]
    figures = {name: figure for name, figure in paper["figures"].items() if size in figure.get("sizes", [size])}
    grids += [_figure(figure, _runs(out / name, settings["seeds"])) for name, figure in figures.items()]
    tables = [markdown(grid) for grid in grids if grid.rows]
    if not tables:
        print(f"{out}: no run is there yet, so there is nothing to report.")
        return
    lacking = ", ".join(grid.title for grid in grids if not grid.rows)
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [*_head(paper, size, overrides), *([f"Not run yet: {lacking}."] if lacking else []), *tables]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf8")
    print(f"written: {page}")


def _head(paper: Mapping[str, Any], size: str, overrides: Sequence[str]) -> list[str]:
    """The title, the command, and what all tables have in common."""
    settings, further = paper["sizes"][size], f" --overrides {' '.join(overrides)}" if overrides else ""
    sources = "; ".join(f"[{letter}] {about}" for letter, about in paper["sources"].items())
    return [
        f"# The paper's tables, {size}",
        f"Made by `python experiments/paper/reproduce.py {size} --data FOLDER{further}`. {settings['about']}",
        f"Test, x100, mean ± standard deviation over seeds {settings['seeds']}, or as many as a cell says. The paper's "
        f"cells are of bert-base-uncased (Spanish: its multilingual kin) and all of a column's gold pairs. {sources}. "
        "A difference is within the spreads if it is at most the sum of both standard deviations.",
    ]


def _runs(folder: Path, seeds: Sequence[int]) -> list[Run]:
    try:
        return [run for run in read([folder]) if run.seed in map(str, seeds)]
    except UserError:
        return []


def _column(paper: Mapping[str, Any], settings: Mapping[str, Any], column: str, out: Path) -> Grid:
    """A data set: a row for each method, the paper's cell, ours, the difference."""
    about, rows, found = paper["columns"][column], [], 0
    for row, method in paper["rows"].items():
        runs = _runs(out / column / method.get("from", row), settings["seeds"])
        values = (_values if "encoder" in method else _without_model)(runs, method, about["metric"])
        found += len(values)
        title = method.get("titles", {}).get(about["metric"], method["title"])
        cell = paper["paper"].get(row, {}).get(column)
        rows.append([Text(text) for text in (title, *_beside(values, cell))])
    title = f"{about['title']} ({about['metric'].replace('_', ' ')})"
    names = ["", "paper", "here", "difference", "within the spreads"]
    return Grid(title, names, rows if found else [], [f"Data: {about['data']}."])


def _values(runs: list[Run], method: Mapping[str, Any], metric: str) -> np.ndarray:
    values = np.array([run.metrics.get(f"{method['encoder']}/test/{metric}", math.nan) for run in runs], dtype=float)
    return 100 * values[~np.isnan(values)]


def _beside(values: np.ndarray, cell: Sequence[Any] | None) -> list[str]:
    """The paper's cell, ours, the difference, and whether it is within the spreads."""
    mean, deviation, source = cell or (math.nan, None, "")
    paper = f"{mean:.2f}{'' if deviation is None else f' ± {deviation:.2f}'} [{source}]" if cell else ""
    if not len(values):
        return [paper, "not run", "", ""]
    own = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    here = f"{values.mean():.2f}{'' if math.isnan(own) else f' ± {own:.2f}'} ({len(values)})"
    difference = float(values.mean()) - mean
    within = "" if math.isnan(own + difference) else "yes" if abs(difference) <= own + (deviation or 0.0) else "no"
    return [paper, here, f"{difference:+.2f}" if cell else "", within]


def _without_model(runs: list[Run], _: Mapping[str, Any], metric: str) -> np.ndarray:
    """The correlation with the share of common words, or F1 of calling each test pair positive."""
    if not runs:
        return np.array([])
    test = runs[0].predictions.query("split == 'test'")
    gold = test["score"].to_numpy(dtype=float)
    if metric == "f1":
        return np.array([200 * gold.mean() / (1 + gold.mean())])
    scores = test.apply(_overlap, axis=1).to_numpy(dtype=float)
    return np.array([100 * metrics(scores, gold, "regression")[metric]])


def _overlap(pair: pd.Series) -> float:
    first, second = (set(re.findall(r"\w+", pair[name].lower())) for name in ("sentence1", "sentence2"))
    return len(first & second) / len(first | second) if first | second else math.nan


def _figure(figure: Mapping[str, Any], runs: list[Run]) -> Grid:
    """A figure's runs as the comparison has them."""
    if not runs:
        return Grid(figure["title"], [], [])
    grid = Comparison(runs, figure["metric"]).table()
    return grid._replace(title=f"{figure['title']} ({grid.title})")
