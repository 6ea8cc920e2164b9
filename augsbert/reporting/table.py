"""The last thing on the screen: what each encoder reaches, on how many pairs, in how much time."""

from __future__ import annotations

from collections.abc import Mapping

ENCODERS = {
    "untrained": "untrained",
    "baseline": "baseline (gold alone)",
    "bi_encoder": "AugSBERT",
    "upper_bound": "upper bound",
    "cross_encoder": "cross-encoder",
    "poly_encoder": "poly-encoder",
}
"""Prefix of the encoder's metrics to the name of its row, in the order of the rows."""

COMPARED = {"untrained": "untrained", "baseline": "baseline", "upper_bound": "upper_bound", "poly_encoder": "poly"}
"""Prefix of the metrics of an encoder that may be left out to the key of ``compare`` that decides it."""

METRICS = {
    "spearman": "Spearman",
    "pearson": "Pearson",
    "average_precision": "avg. precision",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "accuracy": "accuracy",
}
"""The metrics that the table shows, in order; the others stand in ``metrics.json``."""

_STAGES = ["dataset", "source", "pool", "candidates", "augmented", "cross_encoder", "labels", "silver"]
_STAGES += ["baseline", "bi_encoder", "upper_bound", "poly_encoder", "evaluation"]
_CELLS_PER_LINE = 3


def table(metrics: Mapping[str, float]) -> str:
    """Lay the flat metrics of a run out as text, at most 100 columns wide, without a line break at the end.

    Args:
        metrics: ``{encoder}/{dev,test}/{metric}`` (0..1, shown x100), ``silver/pairs``, ``silver/gold_pairs``,
            ``time/{stage}`` in seconds and ``found/{stage}``, 0 or 1. What is absent is left out.
    """
    blocks = [_encoders(metrics), _pairs(metrics), _times(metrics)]
    return "\n\n".join(block for block in blocks if block)


def rows(metrics: Mapping[str, float]) -> tuple[list[str], list[list[str | float | None]]]:
    """The encoders' part as data: names of the columns, and a row per encoder that has a metric.

    The values are as given (0..1), None where one is absent.
    """
    shown = [name for name in METRICS if any(key.endswith(f"/{name}") for key in metrics)]
    columns = [f"{split}/{name}" for name in shown for split in ("dev", "test")]
    values: list[list[str | float | None]] = [
        [title, *(metrics.get(f"{encoder}/{column}") for column in columns)]
        for encoder, title in ENCODERS.items()
        if any(f"{encoder}/{column}" in metrics for column in columns)
    ]
    return ["encoder", *columns], values


def _encoders(metrics: Mapping[str, float]) -> str:
    columns, encoders = rows(metrics)
    if not encoders:
        return ""
    label = max(len(str(row[0])) for row in encoders)
    names = [METRICS[column.split("/")[1]] for column in columns[1::2]]
    lines = [" " * label + "".join(f"{name:>18}" for name in names)]
    lines.append(f"{'x100':<{label}}" + "".join(f"{split:>9}" for split in ("dev", "test") * len(names)))
    lines.append("-" * len(lines[0]))
    for title, *values in encoders:
        lines.append(f"{title:<{label}}" + "".join(f"{_hundredfold(value):>9}" for value in values))
    return "\n".join(lines)


def _hundredfold(value: str | float | None) -> str:
    return "-" if value is None else f"{100 * float(value):.2f}"


def _pairs(metrics: Mapping[str, float]) -> str:
    names = {"gold": "silver/gold_pairs", "silver": "silver/pairs"}
    cells = [f"{metrics[key]:,.0f} {name}" for name, key in names.items() if key in metrics]
    return f"pairs   {', '.join(cells)}" if cells else ""


def _times(metrics: Mapping[str, float]) -> str:
    """A cell per stage, in the order of the flow; stages unknown here come last."""
    present = dict.fromkeys(key.split("/", 1)[1] for key in metrics if key.startswith(("time/", "found/")))
    stages = [*filter(present.__contains__, _STAGES), *(stage for stage in present if stage not in _STAGES)]
    cells = [f"{stage:<14}{_time(metrics, stage):>12}" for stage in stages]
    lines = ["    ".join(cells[start : start + _CELLS_PER_LINE]) for start in range(0, len(cells), _CELLS_PER_LINE)]
    return "\n".join(("time    " if number == 0 else " " * 8) + line for number, line in enumerate(lines))


def _time(metrics: Mapping[str, float], stage: str) -> str:
    if metrics.get(f"found/{stage}", 0) == 1:
        return "found"
    return duration(metrics[f"time/{stage}"]) if f"time/{stage}" in metrics else "-"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
