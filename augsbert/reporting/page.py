"""``report.html``: one file that loads nothing from elsewhere, with the tables, the plots and the worst pairs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import pandas as pd

from augsbert.errors import UserError
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.drawing import without_matplotlib
from augsbert.reporting.plots import PLOTS
from augsbert.reporting.stage_graph import stage_graph
from augsbert.reporting.table import duration
from augsbert.reporting.worst import worst_pairs

_TEMPLATE = "page.html.jinja"


def plots(comparison: Comparison) -> dict[str, str]:
    """Heading -> SVG of each plot that has something to show.

    Raises:
        UserError: matplotlib is not installed.
    """
    if lacking := without_matplotlib():
        raise UserError(lacking)
    every = {**PLOTS, "Stages, and how many runs share them": stage_graph}
    return {heading: svg for heading, plot in every.items() if (svg := plot(comparison))}


def page(
    comparison: Comparison, drawn: Mapping[str, str], failed: Sequence[tuple[Path, str]], folders: Sequence[Path]
) -> str:
    """The page as text.

    Args:
        comparison: what it shows.
        drawn: heading -> SVG.
        failed: folder and reason of the jobs that have no result.
        folders: whose runs they are, for the heading.
    """
    from jinja2 import Environment

    template = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf8")
    made = {stage["key"]: stage["cost"] for run in comparison.runs for stage in run.stages}
    listed = sum(stage["cost"] for run in comparison.runs for stage in run.stages)
    return (
        Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(template)
        .render(
            title=", ".join(folder.resolve().name for folder in folders),
            folders=folders,
            written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
            runs=len(comparison.runs),
            stages=len(made),
            cost=duration(sum(made.values())),
            saved=duration(listed - sum(made.values())),
            grids=[grid for grid in (comparison.table(), comparison.gains_table()) if grid.rows],
            figures=_shown(comparison.figures()).to_dict(orient="split"),
            plots=drawn,
            worst={name: table.to_dict(orient="records") for name, table in worst_pairs(comparison).items()},
            failed=failed,
        )
    )


def _shown(figures: pd.DataFrame) -> pd.DataFrame:
    """Every figure as text; what is absent is empty."""
    forms = {"dev": "{:.4f}", "test": "{:.4f}", "seconds": "{:.1f}"}
    columns = {name: figures[name].map(form.format, na_action="ignore") for name, form in forms.items()}
    return figures.assign(**columns).drop(columns=["run"]).astype(object).fillna("")
