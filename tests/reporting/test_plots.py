"""The plots show the runs' own figures: what is handed to the axes, and the text in the SVG."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.drawing import Drawing
from augsbert.reporting.page import plots
from augsbert.reporting.plots import densities, quality_by_columns, quality_by_cost, reliability, scatter, stage_times
from augsbert.reporting.runs import read
from augsbert.reporting.stage_graph import stage_graph
from tests.reporting.left import change

Leave = Callable[..., Path]


@pytest.fixture
def axes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes that are drawn on."""
    kept: list[Any] = []

    class Kept(Drawing):
        def __init__(self, figure: Any, axes: Any) -> None:
            super().__init__(figure, axes)
            kept.append(axes)

    monkeypatch.setattr("augsbert.reporting.drawing.Drawing", Kept)
    return kept


def test_densities_are_the_shares_of_gold_and_of_each_silver(leave: Leave, tmp_path: Path, axes: list[Any]) -> None:
    random = np.random.default_rng(0)
    bins = pd.DataFrame({"low": np.arange(20) / 20, "high": np.arange(1, 21) / 20})
    silvers = {sampler: random.integers(1, 50, 20) for sampler in ("bm25", "random")}
    gold = random.integers(1, 50, 20)
    for number, (sampler, silver) in enumerate(silvers.items()):
        folder = leave(number, sampler=sampler)
        bins.assign(silver=silver, gold=gold).to_json(folder / "histogram.json", orient="records")
    densities(Comparison(read([tmp_path / "sweep"])))
    drawn = {patch.get_label(): patch.get_data() for patch in axes[0].patches}
    wanted = {"gold": gold, **{f"silver: {sampler}": silver for sampler, silver in silvers.items()}}
    assert drawn.keys() == wanted.keys()
    for label, counts in wanted.items():
        assert drawn[label].values == pytest.approx(counts / counts.sum())
        assert drawn[label].edges == pytest.approx(np.arange(21) / 20)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_reliability_is_golds_mean_beside_that_of_each_tenth_of_the_scores(
    leave: Leave, axes: list[Any], split: str
) -> None:
    folder = leave(0)
    table = pd.read_parquet(folder / "predictions.parquet")
    table["cross_encoder"] = table["score"].where(table["split"] == "dev", 1 - table["score"]) ** 2
    table.to_parquet(folder / "predictions.parquet")
    if split == "test":  # dev is held-out silver
        stages = json.loads((folder / "stages.json").read_text())
        stages[-1]["inputs"]["silver"] = stages[2]["key"]
        (folder / "stages.json").write_text(json.dumps(stages))
    reliability(Comparison(read([folder])))
    (labeller, ideal), pairs = axes[0].lines, table[table["split"] == split]
    tenths = [pairs[(pairs["cross_encoder"] * 10).clip(upper=9).astype(int) == tenth] for tenth in range(10)]
    assert labeller.get_xdata() == pytest.approx([tenth["cross_encoder"].mean() for tenth in tenths])
    assert labeller.get_ydata() == pytest.approx([tenth["score"].mean() for tenth in tenths])
    assert list(ideal.get_xdata()) == list(ideal.get_ydata()) == [0, 1]
    assert axes[0].get_xlabel() == f"score of the cross-encoder, {split}"


def test_a_line_is_the_mean_over_seeds_and_its_band_one_standard_deviation(
    leave: Leave, tmp_path: Path, axes: list[Any]
) -> None:
    quality = {"20": [0.5, 0.52, 0.6], "100": [0.7, 0.71, 0.78]}
    for place, (size, values) in enumerate(quality.items()):
        for seed, value in enumerate(values):
            path = leave(3 * place + seed, gold_size=size, seed=str(seed)) / "metrics.json"
            change(path, **{"bi_encoder/test/spearman": value, "untrained/test/spearman": 0.4})
    quality_by_columns(Comparison(read([tmp_path / "sweep"])))
    (at,) = [i for i, line in enumerate(axes[0].lines) if line.get_label() == "AugSBERT"]
    assert list(axes[0].lines[at].get_xdata()) == [20, 100]
    assert axes[0].lines[at].get_ydata() == pytest.approx([100 * np.mean(values) for values in quality.values()])
    band = axes[0].collections[at].get_paths()[0].vertices
    for size, values in quality.items():
        ends = band[band[:, 0] == float(size), 1]
        mean, deviation = 100 * np.mean(values), 100 * np.std(values, ddof=1)
        assert (ends.min(), ends.max()) == pytest.approx((mean - deviation, mean + deviation))
    (level,) = [line for line in axes[0].lines if line.get_linestyle() == ":"]
    assert level.get_ydata() == pytest.approx([40, 40])
    assert [text.get_text() for text in axes[0].texts] == ["untrained"]


def test_predicted_is_against_gold_on_test_pairs(leave: Leave, axes: list[Any]) -> None:
    folder = leave(0)
    scatter(Comparison(read([folder])))
    test = pd.read_parquet(folder / "predictions.parquet").query("split == 'test'")
    drawn = {points.get_label(): np.sort(points.get_offsets().data, axis=0) for points in axes[0].collections}
    for label, encoder in (("baseline (gold alone)", "baseline"), ("AugSBERT", "bi_encoder")):
        assert drawn[label] == pytest.approx(np.sort(test[["score", encoder]].to_numpy(), axis=0))


def test_a_cost_is_that_of_all_that_an_encoder_hangs_on_and_large_ranges_have_plain_ticks(
    leave: Leave, axes: list[Any]
) -> None:
    folder = leave(0)
    stages = json.loads((folder / "stages.json").read_text())
    for stage in stages:
        stage["cost"] = {"dataset": 1.0, "bi_encoder": 3000.0}.get(stage["name"], 10.0)
    (folder / "stages.json").write_text(json.dumps(stages))
    svg = quality_by_cost(Comparison(read([folder])))
    metrics = json.loads((folder / "metrics.json").read_text())
    drawn = {points.get_label(): tuple(points.get_offsets().data[0]) for points in axes[0].collections}
    # Data, candidates, silver, the fit, the evaluation; without silver the data and the evaluation alone.
    assert drawn["AugSBERT"] == pytest.approx((3031, 100 * metrics["bi_encoder/test/spearman"]))
    assert drawn["cross-encoder"] == pytest.approx((11, 100 * metrics["cross_encoder/test/spearman"]))
    assert ">100<" in svg
    assert ">1000<" in svg
    assert "mathdefault" not in svg


def test_a_stage_that_runs_share_took_its_time_once(grid: Path, axes: list[Any]) -> None:
    stage_times(Comparison(read([grid])))
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    drawn = dict(zip(names, (bar.get_width() for bar in axes[0].patches), strict=True))
    # Two seconds each: two samplers, two sizes, two seeds; evaluations of one untrained, four of both without sampler.
    evaluations = 1 + 4 + 8 + 4
    assert drawn == {"dataset": 2, "candidates": 4, "silver": 8, "bi_encoder": 16, "evaluation": 2 * evaluations}
    assert list(drawn.values()) == sorted(drawn.values())


def test_the_graph_has_each_stage_once_with_the_number_of_runs_that_share_it(grid: Path, axes: list[Any]) -> None:
    stage_graph(Comparison(read([grid])))
    dots = {tuple(points.get_offsets().data[0]): points.get_sizes()[0] for points in axes[0].collections}
    assert len(axes[0].collections) == len(dots) == 1 + 2 + 4 + 8 + 17
    numbers = {tuple(text.xy): int(text.get_text()) for text in axes[0].texts}
    assert numbers.keys() <= dots.keys()
    assert [sorted(n for (x, _), n in numbers.items() if x == column) for column in range(8)] == [
        *([8], [], [4, 4], [], []),  # data, pool, candidates, cross-encoder, labels
        *([2, 2, 2, 2], [], [2, 2, 2, 2, 2, 2, 2, 2, 8]),  # silver, bi-encoder, evaluations
    ]
    smallest = min(dots.values())
    assert all((size > smallest) == (place in numbers) for place, size in dots.items())
    # Silver of candidates, fits of silver, evaluations of data and of those of AugSBERT the fit, too.
    assert len(axes[0].lines) == 4 + 8 + 17 + 8


def test_a_stage_in_two_roles_of_one_run_is_not_shared(leave: Leave, axes: list[Any]) -> None:
    stages = leave(0) / "stages.json"
    every = json.loads(stages.read_text())
    stages.write_text(json.dumps([*every, {**every[-1], "name": "evaluation/upper_bound"}]))
    stage_graph(Comparison(read([stages.parent])))
    assert len(axes[0].collections) == len(every)
    assert list(axes[0].texts) == []


@pytest.mark.parametrize("name", ["$a_{$", "$x^2$", "_mine"])
def test_a_name_is_drawn_as_it_is(leave: Leave, tmp_path: Path, name: str) -> None:
    for number, (sampler, size) in enumerate(((name, "20"), ("bm25", "20"), (name, "100"), ("bm25", "100"))):
        leave(number, sampler=sampler, gold_size=size)
    drawn = plots(Comparison(read([tmp_path / "sweep"])))
    assert f">AugSBERT, sampler={name}<" in drawn["Quality over a setting"]
    assert f">silver: {name}, 20<" in drawn["Scores of gold and silver"]
