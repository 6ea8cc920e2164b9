"""Runs compared by the files that they left: cells shared by key, empty cells, marks, tables, the page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.evaluation import best_thresholds, metrics
from augsbert.reporting.__main__ import main
from augsbert.reporting.cells import compared
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.grid import Grid, Text, latex, markdown, screen
from augsbert.reporting.runs import read
from augsbert.reporting.significance import holm
from tests.reporting.left import HERE, QUALITY, change, on_both, scored

Leave = Callable[..., Path]


def test_settings_that_change_no_figure_are_no_difference(grid: Path) -> None:
    assert Comparison(read([grid])).keys == ["gold_size", "sampler"]


def test_one_value_in_two_spellings_is_one_value(leave: Leave, tmp_path: Path) -> None:
    leave(0, seed="0")
    leave(1, seed="1", relabel_gold="false", gold_size="1e2")
    assert Comparison(read([tmp_path / "sweep"])).keys == []


def test_two_runs_that_say_the_same_and_are_not_are_refused(leave: Leave, tmp_path: Path) -> None:
    leave(0, seed="0")
    stages = leave(1, seed="0") / "stages.json"
    stages.write_text(stages.read_text().replace("baseline100", "other100"))
    with pytest.raises(UserError, match="have the same settings and seed, and other stages behind baseline"):
        Comparison(read([tmp_path / "sweep"]))


def test_a_baseline_that_was_run_apart_is_found(leave: Leave, tmp_path: Path) -> None:
    for seed in ("0", "1"):
        _without(leave(int(seed), seed=seed, scenario="baseline"), "bi_encoder", "cross_encoder")
        _without(leave(2 + int(seed), seed=seed, scenario="in_domain"), "baseline")
    gains = Comparison(read([tmp_path / "sweep"])).gains
    assert [gain.seeds for gain in gains] == [2]


@pytest.mark.parametrize("apart", [{"sampler": ["bm25", "random"]}, {"bi_encoder.fit.epochs": ["1", "2"]}])
def test_a_baseline_that_was_run_apart_is_found_whatever_it_does_not_read(
    leave: Leave, tmp_path: Path, apart: dict[str, list[str]]
) -> None:
    _without(leave(0, scenario="baseline"), "bi_encoder", "cross_encoder")
    for number, value in enumerate(*apart.values()):
        _without(leave(1 + number, **dict.fromkeys(apart, value)), "baseline")
    found = Comparison(read([tmp_path / "sweep"]))
    assert len(found.gains) == 2
    assert [row[0].text for row in found.table().rows if "baseline" in row[0].text] == [
        "baseline (gold alone), scenario=baseline"
    ]


def test_a_baseline_of_other_gold_is_no_baseline(leave: Leave, tmp_path: Path) -> None:
    _without(leave(0, gold_size="100", scenario="baseline"), "bi_encoder", "cross_encoder")
    _without(leave(1, gold_size="20"), "baseline")
    assert Comparison(read([tmp_path / "sweep"])).gains == []


def test_of_several_baselines_the_best_on_dev_is_compared_with(leave: Leave, tmp_path: Path) -> None:
    def fitted(number: int, seed: str, epochs: str, dev: float, test: float) -> None:
        path = leave(number, seed=seed, **{"baseline.fit.epochs": epochs}) / "metrics.json"
        figures = {"baseline/dev/spearman": dev, "baseline/test/spearman": test}
        path.write_text(json.dumps(json.loads(path.read_text()) | figures))

    # The other one is better on test, and has more seeds.
    fitted(0, "0", "1", dev=0.5, test=0.8)
    fitted(1, "1", "1", dev=0.5, test=0.8)
    fitted(2, "0", "2", dev=0.6, test=0.7)
    comparison = Comparison(read([tmp_path / "sweep"]))
    [(cell, baseline, _)] = compared(comparison.cells, "spearman")
    assert (cell.settings, baseline.settings) == ({}, {"baseline.fit.epochs": "2"})
    assert [gain.seeds for gain in comparison.gains] == [1]


def test_settings_that_change_together_make_no_second_row_of_one_evaluation(leave: Leave, tmp_path: Path) -> None:
    leave(0, sampler="bm25", gold_size="20")
    leave(1, sampler="random", gold_size="20", **{"dataset.twice": "true"})
    leave(2, sampler="bm25", gold_size="100")
    leave(3, sampler="random", gold_size="100", **{"dataset.twice": "true"})
    labels = [row[0].text for row in Comparison(read([tmp_path / "sweep"])).table().rows]
    assert labels == [
        *("untrained", "baseline (gold alone)"),
        *("AugSBERT, sampler=bm25, dataset.twice=", "AugSBERT, sampler=random, dataset.twice=true"),
        "cross-encoder",
    ]


def _without(folder: Path, *encoders: str) -> None:
    stages = json.loads((folder / "stages.json").read_text())
    kept = [stage for stage in stages if stage["name"].partition("/")[2] not in encoders]
    (folder / "stages.json").write_text(json.dumps(kept))


def test_a_metric_that_is_not_a_number_is_no_figure(leave: Leave, tmp_path: Path) -> None:
    for seed in ("0", "1"):
        leave(int(seed), seed=seed)
    change(tmp_path / "sweep" / "1" / "metrics.json", **{"bi_encoder/test/spearman": math.nan})
    comparison = Comparison(read([tmp_path / "sweep"]))
    assert [gain.seeds for gain in comparison.gains] == [1]
    table = comparison.table()
    row = next(row for row in table.rows if row[0].text == "AugSBERT")
    assert row[2].text.endswith("(1)")
    assert table.notes == ["In brackets: seeds, where a cell has fewer or more."]


def test_a_row_stands_for_what_its_encoder_hangs_on_and_numbers_make_the_columns(grid: Path) -> None:
    table = Comparison(read([grid])).table()
    assert table.columns == ["2 seeds: 0, 1", "gold_size=20", "gold_size=100"]
    labels = [row[0].text for row in table.rows]
    assert labels == [
        "untrained",
        "baseline (gold alone)",
        "AugSBERT, sampler=random",
        "AugSBERT, sampler=bm25",
        "cross-encoder",
    ]


def test_a_cell_is_mean_and_sample_deviation_over_seeds(grid: Path) -> None:
    comparison = Comparison(read([grid]))
    values = [100 * run.metrics["baseline/test/spearman"] for run in comparison.runs[:2]]
    assert comparison.table().rows[1][1].text == f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def test_what_was_not_run_stays_empty_and_fewer_seeds_are_said(leave: Leave, tmp_path: Path) -> None:
    leave(0, sampler="random", gold_size="20", seed="0")
    leave(1, sampler="random", gold_size="20", seed="1")
    leave(2, sampler="bm25", gold_size="20", seed="0")
    leave(3, sampler="random", gold_size="100", seed="0")
    table = Comparison(read([tmp_path / "sweep"])).table()
    bm25 = next(row for row in table.rows if "bm25" in row[0].text)
    assert bm25[1].text.endswith("(1)")
    assert bm25[2].text == ""
    assert any("seeds" in note for note in table.notes)


def test_cells_of_another_device_or_version_are_marked(leave: Leave, tmp_path: Path) -> None:
    leave(0, sampler="random", seed="0")
    leave(1, sampler="bm25", seed="0", environment={**HERE, "device": "gpu x 1"})
    table = Comparison(read([tmp_path / "sweep"])).table()
    marked = {row[0].text for row in table.rows if "†" in row[1].text}
    assert marked == {"AugSBERT, sampler=bm25"}
    assert any("device gpu x 1" in note for note in table.notes)


def test_the_device_of_a_run_that_only_read_the_data_marks_nothing(leave: Leave, tmp_path: Path) -> None:
    leave(0, sampler="random", seed="0")
    folder = leave(1, sampler="bm25", seed="0")
    stages = json.loads((folder / "stages.json").read_text())
    stages[0]["environment"] = {**HERE, "device": "cpu x 2"}
    (folder / "stages.json").write_text(json.dumps(stages))
    table = Comparison(read([tmp_path / "sweep"])).table()
    assert not any("†" in cell.text for row in table.rows for cell in row)
    assert not any("†" in note for note in table.notes)


def test_the_best_of_a_column_is_bold_and_bounds_are_not(grid: Path) -> None:
    table = Comparison(read([grid])).table()
    for column in (1, 2):
        assert {row[0].text.split(",")[0] for row in table.rows if row[column].bold} == {"AugSBERT"}


def test_every_augsbert_is_compared_with_the_baseline_of_its_settings(grid: Path) -> None:
    gains = Comparison(read([grid])).gains
    assert len(gains) == 4
    assert {gain.seeds for gain in gains} == {2}
    for gain in gains:
        assert gain.compared.difference > 0
        assert 0 < gain.compared.share < 1


def test_every_figure_is_a_row_of_the_data(grid: Path) -> None:
    figures = Comparison(read([grid])).figures()
    assert len(figures[figures["encoder"] == "bi_encoder"]) == 8
    assert len(figures[figures["encoder"] == "baseline"]) == 4
    assert len(figures[figures["encoder"] == "untrained"]) == 2


def test_tables_are_written_in_every_form(grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / f"t.{ending}" for ending in ("md", "tex", "csv", "parquet", "txt")]
    main([str(grid), "--no-html", "--write", *map(str, paths)])
    assert "AugSBERT, sampler=bm25" in capsys.readouterr().out
    assert "| baseline (gold alone) |" in paths[0].read_text()
    assert r"gold\_size=20" in paths[1].read_text()
    assert len(pd.read_csv(paths[2])) == len(pd.read_parquet(paths[3])) == 18


def test_without_matplotlib_there_is_the_table_and_the_line_to_type(
    grid: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("augsbert.reporting.drawing.find_spec", lambda name: None if name == "matplotlib" else name)
    main([str(grid)])
    assert "AugSBERT, sampler=bm25" in capsys.readouterr().out
    assert caplog.messages == ["report.html needs matplotlib: type `pip install 'augsbert[report]'`, or add --no-html."]
    assert not (grid / "report.html").exists()


def test_jobs_that_failed_or_did_not_end_are_said_below_the_table(grid: Path, caplog: pytest.LogCaptureFixture) -> None:
    for job, state, reason in (("8", "done", ""), ("9", "failed", "too few"), ("10", "running", "")):
        (grid / job).mkdir()
        (grid / job / "status.json").write_text(json.dumps({"state": state, "reason": reason}))
    main([str(grid), "--no-html"])
    unended = "It has not ended: it is under way, or its process was killed."
    assert caplog.messages == [
        f"not in the table: {grid / '9'}: too few",
        f"not in the table: {grid / '10'}: {unended}",
    ]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:100])])
def test_predictions_that_cannot_be_read_are_named(grid: Path, damage: Callable[[Path], object]) -> None:
    path = grid / "3" / "predictions.parquet"
    damage(path)
    with pytest.raises(SystemExit, match=f"^error: {re.escape(str(path))}: it cannot be read .* Run the command"):
        main([str(grid), "--no-html"])


@pytest.mark.parametrize("metric", ["f1", "accuracy", "auc_005"])
def test_of_labels_too_there_is_a_bootstrap_and_the_share_of_the_gap(grid: Path, metric: str) -> None:
    for path in grid.glob("*/predictions.parquet"):
        predictions = pd.read_parquet(path)
        # As a run keeps them; rounded and cut, so that some are equal, and equal to a threshold.
        predictions = predictions.astype(dict.fromkeys(QUALITY, "float32"))
        predictions[list(QUALITY)] = predictions[list(QUALITY)].round(1).clip(0, 1)
        _of_labels(path.parent, predictions, metric)
    for gain in Comparison(read([grid]), metric=metric).gains:
        values = [
            np.mean([run.metrics[f"{name}/test/{metric}"] for run in gain.cell.runs.values()]) for name in QUALITY
        ]
        assert gain.compared.difference == pytest.approx(values[2] - values[1])
        low, high = gain.compared.interval
        assert low < gain.compared.difference < high
        assert not np.isnan([gain.p_pairs, gain.p_labels, gain.p_seeds]).any()


def _of_labels(folder: Path, predictions: pd.DataFrame, metric: str) -> None:
    """Leave these predictions of labels instead of scores, and their metrics."""
    predictions["score"] = (predictions["score"] > 0.5).astype(float)
    predictions.to_parquet(folder / "predictions.parquet")
    figures = {key: v for name in (metric, "accuracy") for key, v in on_both(name, _judged(predictions, name)).items()}
    (folder / "metrics.json").write_text(json.dumps(figures))


def test_p_values_of_each_kind_are_raised_after_holm(
    leave: Leave, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [(sampler, share, seed) for sampler, share in (("a", 1.0), ("b", 2.5), ("c", 4.0)) for seed in (0, 1)]
    for number, (sampler, share, seed) in enumerate(jobs):
        predictions = scored(seed)
        predictions["bi_encoder"] = predictions["score"] + share * (predictions["bi_encoder"] - predictions["score"])
        _of_labels(leave(number, sampler=sampler, seed=str(seed)), predictions, "accuracy")
    found = Comparison(read([tmp_path / "sweep"]), "accuracy").gains
    monkeypatch.setattr("augsbert.reporting.gains.holm", list)
    raw = Comparison(read([tmp_path / "sweep"]), "accuracy").gains
    assert [gain.p_pairs for gain in raw] == [gain.compared.p_pairs for gain in raw]
    for kind in ("p_seeds", "p_pairs", "p_labels"):
        p_values = [getattr(gain, kind) for gain in raw]
        assert len(set(p_values)) == 3
        assert [getattr(gain, kind) for gain in found] == holm(p_values) != p_values


def _judged(predictions: pd.DataFrame, metric: str) -> dict[str, float]:
    """The metric of each encoder on test, as a run has it."""
    dev, test = (predictions[predictions["split"] == split] for split in ("dev", "test"))
    found = {}
    for name in QUALITY:
        thresholds = best_thresholds(dev[name].to_numpy(), dev["score"].to_numpy())  # lifted to float64 there
        found[name] = metrics(test[name].to_numpy(), test["score"].to_numpy(), "binary", thresholds)[metric]
    return found


def test_the_same_table_in_three_forms() -> None:
    table = Grid("T_1", ["a", "b"], [[Text("x|y", True), Text("1 ± 2")], [Text(), Text("50 %")]], ["n & m"])
    assert screen(table).splitlines()[3:] == ["x|y *  1 ± 2", "        50 %", "n & m"]
    assert markdown(table).splitlines()[4:6] == [r"| **x\|y** | 1 ± 2 |", "|  | 50 % |"]
    assert r"\textbf{x$|$y} & 1 $\pm$ 2 \\" in latex(table)
    assert r"\caption{T\_1. n \& m}" in latex(table)
    assert latex(Grid(r"~/a^b\{<", ["a"], [])).count(r"\caption{\textasciitilde{}/a\^{}b\textbackslash{}\{$<$.}") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: there is no such folder. Name the folder of a run or of a sweep."),
        (["EMPTY"], "EMPTY: no run in it has left metrics.json, stages.json and settings.json."),
        (["GRID", "--metric", "spear"], "--metric spear: no run has it. There are: spearman."),
        (
            ["GRID", "--columns", "seeds"],
            "--columns seeds: the runs do not differ in it. They do in: gold_size, sampler.",
        ),
        (
            ["GRID", "--write", "t.doc"],
            "--write t.doc: its ending must be one of .md, .tex, .txt, .csv, .parquet.",
        ),
    ],
)
def test_a_mistake_is_one_message(grid: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    places = {"GRID": str(grid), "EMPTY": str(tmp_path / "empty")}
    with pytest.raises(SystemExit) as ended:
        main([places.get(argument, argument) for argument in arguments])
    assert ended.value.code == f"error: {said.replace('EMPTY', places['EMPTY'])}"
