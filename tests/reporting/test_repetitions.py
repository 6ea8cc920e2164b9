"""Which runs repeat each other: over the run's seed, and over seeds that parts and data sets have of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import read
from tests.reporting.left import leave_predictions, scored

Leave = Callable[..., Path]
FIT_SEED = "bi_encoder.fit.seed"


def _texts(comparison: Comparison) -> dict[str, str]:
    """Each row's cell of test."""
    return {row[0].text: row[-1].text for row in comparison.table().rows}


def _over(values: list[float]) -> str:
    return f"{100 * np.mean(values):.2f} ± {100 * np.std(values, ddof=1):.2f}"


@pytest.mark.parametrize("given", [("$\\{seed\\}", "$\\{seed\\}"), ("0", "1"), ("7", "5")])
def test_a_seed_that_changes_with_the_runs_makes_no_column_of_each(
    leave: Leave, tmp_path: Path, given: tuple[str, str]
) -> None:
    for number, value in enumerate(given):
        leave(number, seed=str(number), **{"dataset.draw.seed": value})
    comparison = Comparison(read([tmp_path / "sweep"]))
    table = comparison.table()
    assert comparison.keys == []
    assert table.columns[0].startswith("2 seeds (seed/dataset.draw.seed): 0/")
    assert table.notes == []
    assert set(_texts(comparison)) == {"untrained", "baseline (gold alone)", "AugSBERT", "cross-encoder"}
    assert _texts(comparison)["AugSBERT"] == _over([run.metrics["bi_encoder/test/spearman"] for run in comparison.runs])
    assert [gain.seeds for gain in comparison.gains] == [2]


def test_a_file_that_comes_with_the_seed_is_no_difference_but_another_of_each_seed_is(
    leave: Leave, tmp_path: Path
) -> None:
    for number, (seed, name) in enumerate((("0", "a"), ("1", "a"), ("0", "b"), ("1", "b"))):
        leave(number, seed=seed, **{"dataset.train": f"{name}_$\\{{seed\\}}.csv"})
    comparison = Comparison(read([tmp_path / "sweep"]))
    assert comparison.keys == ["dataset.train"]
    assert {cell.settings["dataset.train"] for cell in comparison.cells} == {"a_${seed}.csv", "b_${seed}.csv"}
    assert {len(cell.runs) for cell in comparison.cells} == {2}


def _fits(leave: Leave, tmp_path: Path, seeds: tuple[str, ...], fit_seeds: tuple[str, ...]) -> Comparison:
    """Runs of each two of these seeds, in which AugSBERT differs by both and the rest by the first alone."""
    jobs = [(seed, fit_seed) for seed in seeds for fit_seed in fit_seeds]
    for number, (seed, fit_seed) in enumerate(jobs):
        folder = leave(number, seed=seed, **{FIT_SEED: fit_seed})
        own = scored(100 + number)["bi_encoder"]
        leave_predictions(folder, scored(int(seed)).assign(bi_encoder=own))
    return Comparison(read([tmp_path / "sweep"]))


def test_seeds_of_a_fit_repeat_what_is_fitted_and_what_does_not_hang_on_them_counts_once(
    leave: Leave, tmp_path: Path
) -> None:
    comparison = _fits(leave, tmp_path, ("0",), ("1", "2", "3"))
    assert comparison.table().columns[0] == f"3 seeds (seed/{FIT_SEED}): 0/1, 0/2, 0/3"
    assert comparison.table().notes == ["In brackets: seeds, where a cell has fewer or more."]
    texts = _texts(comparison)
    assert texts["AugSBERT"] == _over([run.metrics["bi_encoder/test/spearman"] for run in comparison.runs])
    assert all(texts[name].endswith(" (1)") for name in texts if name != "AugSBERT")
    assert list(comparison.figures().groupby("encoder", sort=False).size()) == [1, 1, 3, 1]
    (gain,) = comparison.gains
    assert gain.seeds == 3
    assert gain.compared.difference == pytest.approx(
        np.mean([run.metrics["bi_encoder/test/spearman"] for run in comparison.runs])
        - comparison.runs[0].metrics["baseline/test/spearman"]
    )
    # One baseline says nothing of what another seed of it would tell.
    assert np.isnan(gain.p_seeds)
    assert "p seeds is blank where all seeds have one baseline, or gain the same." in comparison.gains_table().notes


def test_over_seeds_those_that_share_a_baseline_are_one(leave: Leave, tmp_path: Path) -> None:
    comparison = _fits(leave, tmp_path, ("0", "1"), ("1", "2"))
    texts = _texts(comparison)
    assert not texts["AugSBERT"].endswith(")")
    assert texts["baseline (gold alone)"].endswith(" (2)")
    before, after = (
        np.array([run.metrics[f"{name}/test/spearman"] for run in comparison.runs]).reshape(2, 2).mean(axis=1)
        for name in ("baseline", "bi_encoder")
    )
    (gain,) = comparison.gains
    assert gain.seeds == 4
    assert gain.p_seeds == pytest.approx(ttest_rel(after, before).pvalue)


def test_a_seed_that_may_be_absent_is_a_setting_like_others(leave: Leave, tmp_path: Path) -> None:
    for number, value in enumerate(("null", "1")):
        leave(number, **{FIT_SEED: value})
    assert Comparison(read([tmp_path / "sweep"])).keys == [FIT_SEED]


def test_a_part_without_a_seed_stands_beside_one_that_has_several(leave: Leave, tmp_path: Path) -> None:
    for number, fit in enumerate(({}, {FIT_SEED: "1"}, {FIT_SEED: "2"})):
        leave(number, sampler="random" if fit else "bm25", **fit)
    cells = [cell for cell in Comparison(read([tmp_path / "sweep"])).cells if cell.encoder == "bi_encoder"]
    assert {cell.settings["sampler"]: list(cell.runs) for cell in cells} == {
        "bm25": ["0/-"],
        "random": ["0/1", "0/2"],
    }


def test_a_baseline_on_another_draw_of_the_data_is_no_baseline(leave: Leave, tmp_path: Path) -> None:
    for seed in ("0", "1"):
        leave(int(seed), seed=seed, **{"dataset.draw.seed": seed})
    stages = leave(2, seed="1", **{"dataset.draw.seed": "0"}) / "stages.json"
    stages.write_text(stages.read_text().replace("evaluation/baseline", "evaluation/none"))
    comparison = Comparison(read([tmp_path / "sweep"]))
    assert list(next(cell for cell in comparison.cells if cell.encoder == "bi_encoder").runs) == ["0/0", "1/1", "1/0"]
    assert [gain.seeds for gain in comparison.gains] == [2]


def test_seeds_may_be_larger_than_a_float_tells_apart(leave: Leave, tmp_path: Path) -> None:
    for number, seed in enumerate((2**62, 2**62 + 1)):
        leave(number, seed=str(seed))
    assert Comparison(read([tmp_path / "sweep"])).seeds == [str(2**62), str(2**62 + 1)]


def test_seeds_may_draw_test_sets_of_different_sizes(leave: Leave, tmp_path: Path) -> None:
    won, both = ({"split": "test", "score": 1.0, "baseline": low, "bi_encoder": 9.0} for low in (-9.0, 9.0))
    found = []
    for place, first in enumerate(([], [both])):  # a pair that both get right says nothing of either
        folders = [leave(2 * place + seed, seed=str(seed), **{"dataset.draw.seed": str(seed)}) for seed in (0, 1)]
        for folder, more in zip(folders, (first, [won]), strict=True):
            _of_labels(folder, pd.concat([scored(0), pd.DataFrame(more)], ignore_index=True))
        (gain,) = Comparison(read(folders), "accuracy").gains
        found.append(gain.p_labels)
    assert found[0] == found[1] < 1


def _of_labels(folder: Path, table: pd.DataFrame) -> None:
    table.assign(score=(table["score"] > 0.5).astype(float)).to_parquet(folder / "predictions.parquet")
    metrics = {f"{name}/test/accuracy": 0.7 for name in ("baseline", "bi_encoder", "cross_encoder")}
    (folder / "metrics.json").write_text(json.dumps(metrics))
