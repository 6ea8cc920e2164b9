"""Runs of two data sets or tasks in one report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from augsbert.errors import UserError
from augsbert.reporting.__main__ import main
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import read
from tests.reporting.left import change, on_both

Leave = Callable[..., Path]
LABELS = ("untrained", "baseline (gold alone)", "AugSBERT", "cross-encoder")


@pytest.fixture
def tasks(leave: Leave, tmp_path: Path) -> Path:
    """Two seeds of a regression and two of a binary task."""
    for number, (dataset, seed) in enumerate((d, s) for d in ("stsb", "mrpc") for s in ("0", "1")):
        folder = leave(number, dataset=dataset, seed=seed)
        if dataset == "mrpc":
            quality = {"untrained": 0.6, "baseline": 0.7, "bi_encoder": 0.8, "cross_encoder": 0.9}
            (folder / "metrics.json").write_text(json.dumps(on_both("average_precision", quality)))
    return tmp_path / "sweep"


def test_without_a_metric_in_common_they_are_not_compared(tasks: Path) -> None:
    with pytest.raises(UserError, match=r"no metric in common \(average_precision, spearman\)"):
        Comparison(read([tasks]))


def test_by_a_metric_of_one_task_the_other_ones_cells_are_empty(
    tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tasks), "--metric", "spearman"])
    comparison = Comparison(read([tasks]), "spearman")
    table = comparison.table()
    cells = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert list(cells) == [f"{label}, dataset={dataset}" for label in LABELS for dataset in ("stsb", "mrpc")]
    for label, texts in cells.items():
        assert texts == ["", ""] if "mrpc" in label else all(" ± " in text for text in texts)
    assert table.notes == []
    assert [gain.cell.settings for gain in comparison.gains] == [{"dataset": "stsb"}]
    assert f"written: {tasks / 'report.html'}" in capsys.readouterr().out


def test_of_each_data_set_the_best_is_bold(leave: Leave, tmp_path: Path) -> None:
    best = {"a": "baseline", "b": "bi_encoder"}
    for number, (dataset, encoder) in enumerate(best.items()):
        path = leave(number, dataset=dataset) / "metrics.json"
        other = {"baseline": "bi_encoder", "bi_encoder": "baseline"}[encoder]
        # The worse one of b is better than the best of a.
        low = 0.3 * number
        change(path, **{f"{encoder}/test/spearman": 0.5 + low, f"{other}/test/spearman": 0.4 + low})
    rows = Comparison(read([tmp_path / "sweep"])).table().rows
    assert {row[0].text for row in rows if row[2].bold} == {"baseline (gold alone), dataset=a", "AugSBERT, dataset=b"}
