"""The graph of a sweep's stages: a column for each step of the flow, a dot for each stage, larger where runs share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.drawing import COLOURS, drawn

_COLUMNS = ("dataset", "pool", "candidates", "cross_encoder", "labels", "silver", "bi_encoder", "evaluation")
#: The kinds that stand in another's column.
_IN = {"augmented": "candidates"}
#: Stages of a kind that are drawn; a sweep of hundreds would be a blot.
_MOST = 40


def stage_graph(comparison: Comparison) -> str | None:
    """Which stages the runs share: the number beside a dot is that of the runs that hang on it, where several do."""
    stages = {stage["key"]: stage for run in comparison.runs for stage in run.stages}
    # Of a run's own roles several may be one stage.
    shared = Counter(key for run in comparison.runs for key in {stage["key"] for stage in run.stages})
    places = _places(stages)
    rows = max((y for _, y in places.values()), default=0) + 1
    with drawn(width=8, height=min(12, 0.9 + 0.22 * rows)) as drawing:
        axes = drawing.axes
        for key, (x, y) in places.items():
            for upstream in stages[key]["inputs"].values():
                if upstream in places:
                    axes.plot(
                        [places[upstream][0], x], [places[upstream][1], y], color="#999999", linewidth=0.4, zorder=1
                    )
        for key, (x, y) in places.items():
            axes.scatter([x], [y], s=12 + 6 * shared[key], color=COLOURS[shared[key] > 1], zorder=2, linewidths=0)
            if shared[key] > 1:
                axes.annotate(str(shared[key]), (x, y), (5, 2), textcoords="offset points", fontsize=6)
        axes.set_xticks(range(len(_COLUMNS)), _named(stages), fontsize=7)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.invert_yaxis()
    return drawing.svg


def _places(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[int, float]]:
    """Where each stage's dot is, (column, row)."""
    places: dict[str, tuple[int, float]] = {}
    filled: Counter[int] = Counter()
    for key, stage in stages.items():
        column = _column(stage)
        if filled[column] < _MOST:
            places[key] = (column, filled[column])
            filled[column] += 1
    return places


def _column(stage: Mapping[str, Any]) -> int:
    kind = _IN.get(stage["kind"], stage["kind"])
    return _COLUMNS.index(kind) if kind in _COLUMNS else 0


def _named(stages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The columns' names, with how many stages stand in one that has no room for all."""
    counts = Counter(map(_column, stages.values()))
    cut = {i: f"\n{_MOST} of {count}" for i, count in counts.items() if count > _MOST}
    return [f"{name}{cut.get(i, '')}" for i, name in enumerate(_COLUMNS)]
