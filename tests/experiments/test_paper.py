"""The paper's tables: every cell of both sizes composes to a run without mistakes, and the page is made of runs."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir

from augsbert.cli import CONF
from augsbert.config import mistakes
from augsbert.nodes import parts_of

FOLDER = Path(__file__).parents[2] / "experiments" / "paper"


@pytest.fixture(scope="module")
def reproduce() -> object:
    """The module experiments/paper/reproduce.py."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("reproduce")
    sys.path.remove(str(FOLDER))


PAPER = yaml.safe_load((FOLDER / "paper.yaml").read_text())
PLACES = {"data": "DATA", "masked_model": "bert-base-uncased"}


def test_the_paper_has_a_figure_for_every_cell() -> None:
    assert set(PAPER["paper"]) == {*PAPER["rows"], "jaccard"}
    for cells in PAPER["paper"].values():
        assert set(cells) == set(PAPER["columns"])
        assert {source for _, _, source in cells.values()} <= {"F", "R"}


@pytest.mark.parametrize("size", PAPER["sizes"])
def test_every_cell_composes_to_a_run_without_mistakes(reproduce: object, size: str) -> None:
    sweeps = list(reproduce.sweeps(size, PLACES))
    columns = PAPER["sizes"][size]["columns"]
    assert len(sweeps) == len(columns) * len(PAPER["rows"]) + len(reproduce.figures(size))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for sweep in sweeps:
            config = compose("config", overrides=[re.sub(r"=(\d+),[\d,]+$", r"=\1", o) for o in sweep.overrides])
            for place, node in parts_of(config).items():
                assert node is None or list(mistakes(place, node)) == [], sweep.folder


def test_only_the_columns_that_are_asked_for_are_run(reproduce: object) -> None:
    folders = [sweep.folder for sweep in reproduce.sweeps("small", PLACES, ["mrpc", "curve"])]
    assert folders == [*(f"mrpc/{row}" for row in PAPER["rows"]), "curve"]


def test_a_data_set_that_is_not_there_is_named(reproduce: object, tmp_path: Path) -> None:
    sweep = next(reproduce.sweeps("small", {**PLACES, "data": str(tmp_path)}, ["mrpc"]))
    assert reproduce.absent(sweep, tmp_path) == str(tmp_path / "mrpc")
    (tmp_path / "mrpc").mkdir()
    assert reproduce.absent(sweep, tmp_path) is None


def test_the_page_has_ours_beside_the_papers(
    reproduce: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = importlib.import_module("report")
    monkeypatch.setattr(report, "RESULT", tmp_path / "paper.md")
    for seed, value in enumerate((0.60, 0.62)):
        folder = tmp_path / "runs" / "bws_cross_topic" / "bm25" / str(seed)
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text("{}")
        (folder / "metrics.json").write_text(json.dumps({"bi_encoder/test/spearman": value}))
        (folder / "stages.json").write_text("[]")
        rows = [("a b", "b c", 0.2), ("a b", "a b", 0.9), ("a b", "c d", 0.1)] * 2
        table = pd.DataFrame(rows, columns=["sentence1", "sentence2", "score"])
        table.assign(split=["dev"] * 3 + ["test"] * 3).to_parquet(folder / "predictions.parquet")
    report.write(PAPER, "small", tmp_path / "runs")
    page = (tmp_path / "paper.md").read_text()
    assert "| AugSBERT BM25 | 61.48 ± 0.73 [F] | 61.00 ± 1.41 (2) | -0.48 | yes |" in page
    assert "| Jaccard of words | 5.53 [F] | 100.00 (1) | +94.47 |  |" in page
    assert "| AugSBERT random | 59.95 ± 0.70 [F] |  |  |  |" in page


def test_without_a_run_there_is_no_page(reproduce: object, tmp_path: Path) -> None:
    report = importlib.import_module("report")
    with pytest.raises(SystemExit, match="no run is there yet"):
        report.write(PAPER, "small", tmp_path)
