"""The paper's tables: every cell of both sizes composes to a run without mistakes, and the page is made of runs."""

from __future__ import annotations

import importlib
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir

from augsbert.cli import CONF
from augsbert.config_checks import check
from augsbert.nodes import parts_of
from augsbert.preflight import SETTINGS
from tests.experiments.scripts import importable

FOLDER = Path(__file__).parents[2] / "experiments" / "paper"


@pytest.fixture(scope="module")
def reproduce() -> Iterator[Any]:
    """The module experiments/paper/reproduce.py."""
    with importable(FOLDER):
        yield importlib.import_module("reproduce")


PAPER = yaml.safe_load((FOLDER / "paper.yaml").read_text())
OWN_RUNS = [row for row, cell in PAPER["rows"].items() if "overrides" in cell]
PLACES = {"data": "DATA", "masked_model": "bert-base-uncased"}


def test_the_paper_has_a_figure_for_every_cell() -> None:
    assert set(PAPER["paper"]) == set(PAPER["rows"]) - {"untrained"}
    for cells in PAPER["paper"].values():
        assert set(cells) == set(PAPER["columns"])
        assert {source for _, _, source in cells.values()} <= {"F", "R"}


@pytest.mark.parametrize("size", PAPER["sizes"])
def test_every_row_column_and_figure_composes_to_a_run_without_mistakes(reproduce: Any, size: str) -> None:
    sweeps = {sweep.folder: sweep.overrides for sweep in reproduce.sweeps(size, PLACES)}
    columns = PAPER["sizes"][size]["columns"]
    assert len(sweeps) == len(columns) * len(OWN_RUNS) + len(reproduce.figures(size))
    # Each stands once for all its cells: test_a_row_and_a_column_set_nothing_of_each_others.
    some = [f"{column}/{OWN_RUNS[0]}" for column in columns] + [f"{columns[0]}/{row}" for row in OWN_RUNS[1:]]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for folder in [*some, *reproduce.figures(size)]:
            config = compose("config", overrides=[re.sub(r"=(\d+),[\d,]+$", r"=\1", o) for o in sweeps[folder]])
            check(config, SETTINGS, parts_of(config))


def test_a_row_and_a_column_set_nothing_of_each_others() -> None:
    rows, columns = (
        {override.partition("=")[0] for cell in PAPER[kind].values() for override in cell.get("overrides", [])}
        for kind in ("rows", "columns")
    )
    assert not rows & columns


def test_each_domain_is_adapted_to_each_other_one_on_a_gpu(reproduce: Any) -> None:
    named = [name for name in reproduce.figures("full") if name not in ("curve", "stsb_to_quora")]
    assert len(named) == len(set(named)) == 12
    assert set(reproduce.figures("small")) == {"curve", "stsb_to_quora"}
    (sweep,) = reproduce.sweeps("full", PLACES, ["sprint_to_quora"])
    assert {"source.train=DATA/sprint/train.csv", "dataset.path=DATA/quora-IR-dataset.zip"} <= set(sweep.overrides)


def test_only_the_columns_that_are_asked_for_are_run(reproduce: Any) -> None:
    folders = [sweep.folder for sweep in reproduce.sweeps("small", PLACES, ["mrpc", "curve"])]
    assert folders == [*(f"mrpc/{row}" for row in OWN_RUNS), "curve"]


def test_rows_without_a_run_of_their_own_take_the_figure_of_one_that_has() -> None:
    for row, cell in PAPER["rows"].items():
        # No run stands behind what the paper alone has.
        assert ("from" in cell) + ("overrides" in cell) == (row != "universal_sentence_encoder")
        assert cell.get("from", OWN_RUNS[0]) in OWN_RUNS


def test_what_differs_between_random_pairs_and_kde_is_the_selector_alone(reproduce: Any) -> None:
    for size in PAPER["sizes"]:
        random, kde = (
            next(set(sweep.overrides) for sweep in reproduce.sweeps(size, PLACES) if sweep.folder == f"mrpc/{row}")
            for row in ("random", "kde")
        )
        assert kde - random == {"selector=kde"}
        assert random < kde


def test_a_data_set_that_is_not_there_is_named(reproduce: Any, tmp_path: Path) -> None:
    sweep = next(reproduce.sweeps("small", {**PLACES, "data": str(tmp_path)}, ["mrpc"]))
    assert reproduce.absent(sweep, tmp_path) == str(tmp_path / "mrpc")
    (tmp_path / "mrpc").mkdir()
    assert reproduce.absent(sweep, tmp_path) is None


def test_a_column_that_the_size_lacks_is_named_and_not_passed_over(reproduce: Any) -> None:
    reproduce.refuse_lacking("small", ["mrpc", "curve"])
    with pytest.raises(SystemExit, match="small has no spanish_sts: it has bws_cross_topic, "):
        reproduce.refuse_lacking("small", ["mrpc", "spanish_sts"])


def test_each_columns_rates_are_settings_of_its_own_runs_alone(reproduce: Any) -> None:
    tuned = PAPER["sizes"]["small"]["tuned"]
    assert set(tuned) == set(PAPER["sizes"]["small"]["columns"])
    for sweep in reproduce.sweeps("small", PLACES):
        rates = {override for override in sweep.overrides if "learning_rate" in override}
        assert rates == set(tuned.get(sweep.folder.partition("/")[0], []))


def test_the_rates_in_use_are_the_best_on_dev_of_those_on_record() -> None:
    record = json.loads((FOLDER.parent / "results" / "tuning" / "paper.json").read_text())
    for column, overrides in PAPER["sizes"]["small"]["tuned"].items():
        for override in overrides:
            key, _, rate = override.partition("=")
            tried = {
                float(r): sum(seeds.values()) / len(seeds) for r, seeds in record[column][key.split(".")[0]].items()
            }
            assert max(tried, key=lambda r: tried[r]) == float(rate)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Runs of two columns over the seeds 0 and 1, and one of a seed that no size has."""
    rows = [("a b", "b c", 0.0), ("a b", "a b", 1.0), ("a b", "c d", 0.0), ("d", "d", 1.0)] * 2
    table = pd.DataFrame(rows, columns=["sentence1", "sentence2", "score"])
    for column, metric in (("bws_cross_topic", "spearman"), ("mrpc", "f1")):
        for seed, value in ((0, 0.60), (1, 0.62), (99, 0.0)):
            folder = tmp_path / "runs" / column / "bm25" / str(seed)
            folder.mkdir(parents=True)
            settings = {"choices": {}, "overrides": [f"seed={seed}"], "config": {"seed": seed}}
            (folder / "settings.json").write_text(json.dumps(settings))
            figures = {f"bi_encoder/test/{metric}": value, f"baseline/test/{metric}": value if seed else math.nan}
            (folder / "metrics.json").write_text(json.dumps(figures))
            (folder / "stages.json").write_text("[]")
            table.assign(split=["dev"] * 4 + ["test"] * 4).to_parquet(folder / "predictions.parquet")
    return tmp_path / "runs"


def page_of(size: str, runs: Path, *overrides: str) -> str:
    report = importlib.import_module("report")
    report.write(PAPER, size, runs, runs / "paper.md", overrides)
    return (runs / "paper.md").read_text()


@pytest.mark.usefixtures("reproduce")
def test_the_page_has_ours_beside_the_papers(runs: Path) -> None:
    page = page_of("full", runs)
    assert "| AugSBERT BM25 | 61.48 ± 0.73 [F] | 61.00 ± 1.41 (2) | -0.48 | yes |" in page
    assert "| SBERT | 58.04 ± 1.46 [R] | 62.00 (1) | +3.96 |  |" in page  # nan is no figure, and one has no spread
    assert "| Universal Sentence Encoder | 53.43 [F] | not run |  |  |" in page
    assert "| AugSBERT random | 59.95 ± 0.70 [F] | not run |  |  |" in page
    assert "| all pairs positive (majority) | 80.80 [R] | 66.67 (1) | -14.13 |  |" in page
    assert "Data: 2,125, 425 and 850 pairs" in page
    assert "### Quora-QP" not in page
    assert re.search(
        r"^Not run yet: Spanish-STS .*Quora-QP \(f1\).*, STSb over gold pairs, STSb to Quora", page, re.MULTILINE
    )
    assert "MRPC" not in page[page.index("Not run yet") :].splitlines()[0]


@pytest.mark.usefixtures("reproduce")
def test_further_overrides_are_named(runs: Path) -> None:
    page = page_of("small", runs, "gold_size=64")
    assert "small --data FOLDER --overrides gold_size=64`" in page


@pytest.mark.usefixtures("reproduce")
def test_without_a_run_there_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = importlib.import_module("report")
    report.write(PAPER, "small", tmp_path, tmp_path / "paper.md")
    assert "no run is there yet" in capsys.readouterr().out
    assert not (tmp_path / "paper.md").exists()
