"""The plots of a comparison, each a function of it that gives an SVG, or None where it has nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augsbert.reporting.cells import Cell
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.drawing import COLOURS, DASHES, drawn
from augsbert.reporting.runs import Run
from augsbert.reporting.table import ENCODERS, METRICS

#: Points of a scatter; more say no more and weigh on the page.
_POINTS = 400
_BINS = 10
#: Encoder -> its colour, the same in every plot that tells encoders apart.
_COLOUR_OF = dict(zip(ENCODERS, COLOURS, strict=False))


def quality_by_columns(comparison: Comparison) -> str | None:
    """The metric against the setting of numbers, a line for each row of the table, its band one standard deviation."""
    key, metric = comparison.axis, comparison.metric
    if key is None:
        return None
    with drawn() as drawing:
        for number, (label, cells) in enumerate(_lines(comparison.cells, key).items()):
            steps = [(float(cell.settings[key]), 100 * cell.values(metric)) for cell in cells]
            steps = sorted((step for step in steps if len(step[1])), key=lambda step: step[0])
            x, mean = [at for at, _ in steps], np.array([values.mean() for _, values in steps])
            spread = np.array([values.std(ddof=1) if len(values) > 1 else 0 for _, values in steps])
            dashes = DASHES[number // len(COLOURS) % len(DASHES)]
            line = drawing.axes.plot(x, mean, dashes, marker="o", label=label)[0]
            drawing.axes.fill_between(x, mean - spread, mean + spread, alpha=0.2, color=line.get_color(), linewidth=0)
        for cell in comparison.cells:
            if key not in cell.settings and len(values := cell.values(metric)):
                drawing.axes.axhline(100 * values.mean(), linestyle=":", color=COLOURS[-1])
                drawing.axes.annotate(cell.label, (0, 100 * values.mean()), xycoords=("axes fraction", "data"))
        drawing.axes.set(xlabel=key, ylabel=f"{_named(metric)} x100, test")
        drawing.legend()
    return drawing.svg


def _lines(cells: Sequence[Cell], key: str) -> dict[str, list[Cell]]:
    lines: dict[str, list[Cell]] = {}
    for cell in cells:
        if key in cell.settings:
            lines.setdefault(_label(cell, without=key), []).append(cell)
    return lines


def _label(cell: Cell, without: str | None = None) -> str:
    return ", ".join([cell.label, *(f"{key}={value}" for key, value in cell.settings.items() if key != without)])


def _named(metric: str) -> str:
    return METRICS.get(metric, metric)


def densities(comparison: Comparison) -> str | None:
    """How gold's and silver's scores are spread: shares of each in bins of 0..1."""
    silver = _first_of_each(comparison, "bi_encoder")
    every = [(label, run.histogram) for label, run in silver if run.histogram is not None]
    told = every[: len(COLOURS)]
    if not told:
        return None
    with drawn() as drawing:
        for label, bins in told:
            drawing.axes.stairs(bins["silver"] / bins["silver"].sum(), [*bins["low"], 1.0], label=f"silver: {label}")
        gold = told[0][1]["gold"]
        drawing.axes.stairs(
            gold / gold.sum(), [*told[0][1]["low"], 1.0], fill=True, alpha=0.3, color="#999999", label="gold"
        )
        drawing.axes.set(xlabel=f"score{_cut(every)}", ylabel="share of pairs")
        drawing.legend()
    return drawing.svg


def _first_of_each(comparison: Comparison, encoder: str) -> list[tuple[str, Run]]:
    """The first seed's run of each cell of an encoder, by what tells the cells apart."""
    cells = [cell for cell in comparison.cells if cell.encoder == encoder]
    return [(", ".join(cell.settings.values()) or cell.label, next(iter(cell.runs.values()))) for cell in cells]


def scatter(comparison: Comparison) -> str | None:
    """What baseline and AugSBERT predict against gold, on test pairs: the first seed of each one's last cell."""
    cells = [cell for cell in comparison.cells if cell.encoder in ("baseline", "bi_encoder")]
    if not cells:
        return None
    with drawn() as drawing:
        for cell in {cell.encoder: cell for cell in cells}.values():
            test = _test(next(iter(cell.runs.values())))
            some = test.sample(min(_POINTS, len(test)), random_state=0)
            style: dict[str, Any] = {"s": 10, "alpha": 0.5, "linewidths": 0, "color": _COLOUR_OF[cell.encoder]}
            drawing.axes.scatter(some["score"], some[cell.encoder], label=_label(cell), **style)
        drawing.axes.set(xlabel="gold", ylabel="cosine")
        drawing.legend()
    return drawing.svg


def _test(run: Run) -> pd.DataFrame:
    return run.predictions[run.predictions["split"] == "test"]


def reliability(comparison: Comparison) -> str | None:
    """How far a labeller's scores can be believed: gold's mean beside each, on dev pairs, which taught it nothing.

    In domain adaptation dev has the labeller's own scores, so test is taken.
    """
    every = [cell for cell in comparison.cells if cell.encoder == "cross_encoder"]
    labellers = every[: len(COLOURS)]
    if not labellers:
        return None
    split = "test" if comparison.adapted else "dev"
    with drawn() as drawing:
        for cell in labellers:
            table = next(iter(cell.runs.values())).predictions
            table = table[(table["split"] == split) & np.isfinite(table["cross_encoder"])]
            bins = (table["cross_encoder"] * _BINS).clip(0, _BINS - 1).astype(int)
            means = table.groupby(bins)[["cross_encoder", "score"]].mean()
            drawing.axes.plot(means["cross_encoder"], means["score"], marker="o", label=_label(cell))
        drawing.axes.plot([0, 1], [0, 1], linestyle=":", color=COLOURS[-1])
        drawing.axes.set(xlabel=f"score of the cross-encoder, {split}{_cut(every)}", ylabel="mean of gold")
        drawing.legend()
    return drawing.svg


def _cut(every: Sequence[object]) -> str:
    """Said where there are more than there are colours."""
    return f" (the first {len(COLOURS)} of {len(every)})" if len(every) > len(COLOURS) else ""


def quality_by_cost(comparison: Comparison) -> str | None:
    """The metric against the seconds that an encoder cost, all that it hangs on counted in."""
    cells = [cell for cell in comparison.cells if len(cell.values(comparison.metric)) and cell.seconds > 0]
    if not cells:
        return None
    with drawn() as drawing:
        for encoder in dict.fromkeys(cell.encoder for cell in cells):
            own = [cell for cell in cells if cell.encoder == encoder]
            quality = [100 * cell.values(comparison.metric).mean() for cell in own]
            drawing.axes.scatter(
                [cell.seconds for cell in own], quality, s=20, color=_COLOUR_OF[encoder], label=own[0].label
            )
        seconds = [cell.seconds for cell in cells]
        scale = "log" if max(seconds) > 30 * min(seconds) else "linear"
        drawing.axes.set(xscale=scale, xlabel="seconds", ylabel=f"{_named(comparison.metric)} x100, test")
        if scale == "log":  # whose own ticks are formulas
            drawing.axes.xaxis.set(major_formatter="{x:g}", minor_formatter="")
        drawing.legend()
    return drawing.svg


def stage_times(comparison: Comparison) -> str | None:
    """Which stages took the time: each distinct stage of all runs counted once."""
    costs: dict[str, float] = {}
    for stage in {stage["key"]: stage for run in comparison.runs for stage in run.stages}.values():
        name = stage["name"].partition("/")[0]
        costs[name] = costs.get(name, 0.0) + stage["cost"]
    shown = {name: seconds for name, seconds in sorted(costs.items(), key=lambda item: item[1]) if seconds > 0}
    if not shown:
        return None
    with drawn(height=0.6 + 0.24 * len(shown)) as drawing:
        drawing.axes.barh(list(shown), list(shown.values()), color=COLOURS[0])
        drawing.axes.set(xlabel="seconds, each stage once")
    return drawing.svg


#: Heading -> plot, in the order of the page.
PLOTS: dict[str, Callable[[Comparison], str | None]] = {
    "Quality over a setting": quality_by_columns,
    "Quality against cost": quality_by_cost,
    "Scores of gold and silver": densities,
    "Predicted against gold": scatter,
    "Reliability of silver": reliability,
    "Where the time went": stage_times,
}
