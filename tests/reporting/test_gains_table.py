"""The table of gains: what its notes say of columns and of cells that are blank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import read
from tests.reporting.left import change, leave_predictions, scored

Leave = Callable[..., Path]
P = "p: paired t-test over seeds, bootstrap over test pairs, raised after Holm over the rows."
BLANK = (
    "gap closed is blank where there is no cross-encoder, or where more than 2.5 % of the resamples do not show it "
    "above the baseline."
)


def test_where_all_is_known_the_notes_are_of_the_p_values_alone(leave: Leave) -> None:
    assert Comparison(read([leave(0)])).gains_table().notes == [P]


@pytest.mark.parametrize("labeller", ["baseline", "noise", None])
def test_a_blank_share_of_the_gap_is_explained(leave: Leave, labeller: str | None) -> None:
    folder = leave(0)
    table = scored(0)
    table["cross_encoder"] = table["baseline"] if labeller == "baseline" else np.random.default_rng(1).random(120)
    leave_predictions(folder, table)
    if labeller is None:
        stages = folder / "stages.json"
        stages.write_text(stages.read_text().replace("evaluation/cross_encoder", "evaluation/none"))
    gains = Comparison(read([folder])).gains_table()
    assert [cell.text for cell in gains.rows[0][-2:]] == ["", ""]
    assert gains.notes == [P, BLANK]


def test_the_p_value_of_labels_is_explained(leave: Leave) -> None:
    folder = leave(0)
    table = scored(0).assign(score=lambda pairs: (pairs["score"] > 0.5).astype(float))
    leave_predictions(folder, table)
    for name in ("baseline", "bi_encoder"):
        change(folder / "metrics.json", **{f"{name}/test/accuracy": 0.5, f"{name}/test/spearman": 0.5})
    gains = Comparison(read([folder])).gains_table()
    assert "p labels" in gains.columns
    assert gains.notes == [P, "p labels: McNemar's test of accuracy at dev's threshold, whatever the metric."]


def test_the_interval_of_the_share_is_of_the_resamples_that_tell_something(leave: Leave, tmp_path: Path) -> None:
    for seed in ("0", "1"):
        table = scored(int(seed))
        # Four positives among sixty, of which some resamples draw none.
        table["score"] = (table["score"] > 0.94).astype(float)
        table["cross_encoder"] = table["score"]
        folder = leave(int(seed), seed=seed)
        leave_predictions(folder, table)
        test = table[table["split"] == "test"]
        change(folder / "metrics.json", **{f"{name}/test/roc_auc": _area(test, name) for name in table.columns[4:]})
    (gain,) = Comparison(read([tmp_path / "sweep"]), "roc_auc").gains
    low, high = gain.compared.share_interval
    assert low < gain.compared.share < high


def _area(test: pd.DataFrame, encoder: str) -> float:
    positive, negative = (test.loc[test["score"] == label, encoder].to_numpy() for label in (1, 0))
    return float((positive[:, None] > negative).mean())
