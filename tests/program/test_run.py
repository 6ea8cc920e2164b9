"""The program as a user runs it: what a run leaves, what it finds again, what a plan says."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import read
from augsbert.reporting.table import table


class Made(NamedTuple):
    """A run as it ended: its overrides and folder, what it said, its metrics."""

    overrides: list[str]
    folder: Path
    stdout: str
    stderr: str
    metrics: dict[str, float]


@pytest.fixture(scope="module")
def made(program_in: Callable, tiny_run_in: Callable, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The one run of this module that the real program makes."""
    folder = tmp_path_factory.mktemp("made")
    # Another seed than the preloaded program's, so that no figure may hang on the order of a set.
    done = program_in(folder)(*tiny_run_in(folder), PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stderr
    return Made(tiny_run_in(folder), folder, done.stdout, done.stderr, _metrics(folder / "out"))


def _metrics(folder: Path) -> dict[str, float]:
    return json.loads((folder / "metrics.json").read_text())


def test_a_run_leaves_what_is_promised(made: Made) -> None:
    assert "AugSBERT" in made.stdout
    assert made.stdout.endswith(f"{table(made.metrics)}\n")
    for encoder in ("untrained", "baseline", "bi_encoder", "cross_encoder"):
        assert -1 <= made.metrics[f"{encoder}/test/spearman"] <= 1
    assert made.metrics["found/cross_encoder"] == 0
    silver = pd.read_parquet(made.folder / "out" / "silver.parquet")
    assert made.metrics["silver/pairs"] == len(silver)
    assert list(silver.columns) == ["sentence1", "sentence2", "score", "origin"]


def test_a_run_tells_the_time_of_each_of_its_stages(made: Made) -> None:
    records = json.loads((made.folder / "out" / "stages.json").read_text())
    stages = {record["name"].partition("/")[0] for record in records}
    assert stages == set(STAGES)
    assert {name for name in made.metrics if name.startswith("time/")} == {f"time/{name}" for name in stages}
    # The others may take less than what is told.
    assert made.metrics["time/cross_encoder"] > 0


def test_a_log_of_a_run_has_no_progress_bars(made: Made) -> None:
    assert not re.search(r"\b(it|pairs|sentences|rows)/s\b", made.stderr)


STAGES = (
    *("dataset", "pool", "candidates", "cross_encoder", "labels", "silver"),
    *("baseline", "bi_encoder", "evaluation"),
)


def test_the_same_command_finds_it_all(made: Made, preloaded_program_in: Callable) -> None:
    again = preloaded_program_in(made.folder)(*made.overrides)
    assert again.returncode == 0, again.stderr
    found = _metrics(made.folder / "out")
    assert [found[f"found/{name}"] for name in STAGES] == [1] * len(STAGES)
    assert {k: v for k, v in found.items() if "/test/" in k} == {k: v for k, v in made.metrics.items() if "/test/" in k}


def test_what_a_run_leaves_loads_in_sentence_transformers_with_the_same_scores(made: Made) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    out = made.folder / "out"
    predictions = pd.read_parquet(out / "predictions.parquet")
    pairs = predictions[["sentence1", "sentence2"]].to_numpy().tolist()
    scores = CrossEncoder(str(out / "cross_encoder")).predict(pairs)
    assert np.abs(scores - predictions["cross_encoder"]).max() < 1e-5
    model = SentenceTransformer(str(out / "bi_encoder"))
    u, v = (model.encode(list(predictions[c]), normalize_embeddings=True) for c in ("sentence1", "sentence2"))
    assert np.abs((u * v).sum(axis=1) - predictions["bi_encoder"]).max() < 1e-5


def test_a_plan_makes_nothing_and_says_what_a_run_would_make(
    made: Made, preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    planned = preloaded_program(*tiny_run, "plan=true")
    assert planned.returncode == 0, planned.stderr
    said = {tuple(line.split()[:2]) for line in planned.stdout.splitlines() if re.search(r"  (make|found)\b", line)}
    records = json.loads((made.folder / "out" / "stages.json").read_text())
    assert said == {(record["name"], record["key"][:12]) for record in records}
    # The data set is read, as all keys hang on it.
    assert {path.name for path in (tmp_path / "store").iterdir()} <= {"dataset", ".locks"}


@pytest.mark.timed
def test_help_and_a_misspelt_key_are_instant(program: Callable) -> None:
    for arguments in (["--help"], ["--cfg", "job"], ["bi_encoder.num_layer=2"], ["sampler=bm52"]):
        assert min(_seconds(program, arguments) for _ in range(3)) < 2  # what else the machine does is not ours


def _seconds(program: Callable, arguments: list[str]) -> float:
    start = time.monotonic()
    program(*arguments)
    return time.monotonic() - start


def test_two_runs_in_two_stores_are_equal_to_the_bit(
    made: Made, preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    assert preloaded_program(*tiny_run).returncode == 0
    said = [
        {key: value for key, value in metrics.items() if not key.startswith("time/")}
        for metrics in (made.metrics, _metrics(tmp_path / "out"))
    ]
    assert said[0] == said[1]


def test_samplers_of_a_multirun_share_their_stages_and_their_labels(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    swept = preloaded_program("-m", *tiny_run, "sampler=bm25,semantic")
    assert swept.returncode == 0, swept.stderr
    jobs = [json.loads((tmp_path / "sweep" / str(i) / "metrics.json").read_text()) for i in (0, 1)]
    assert [job["found/cross_encoder"] for job in jobs] == [0, 1]
    assert [job["found/baseline"] for job in jobs] == [0, 1]
    assert [job["found/bi_encoder"] for job in jobs] == [0, 0]
    shared = [int(number) for number in re.findall(r"labelled \d+ pairs, (\d+) of them by earlier runs", swept.stdout)]
    assert shared[0] == 0 < shared[1]


def test_a_report_has_every_encoder_of_a_run_even_where_two_are_one(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    every = ["gold_size=null", "compare.upper_bound=true", "bi_encoder/loss@baseline.loss=cosent,angle"]
    swept = preloaded_program("-m", *tiny_run, *every)
    assert swept.returncode == 0, swept.stderr
    compared = Comparison(read([tmp_path / "sweep"]))
    assert [(cell.encoder, *cell.settings.values()) for cell in compared.cells] == [
        ("untrained",),
        ("baseline", "cosent"),
        ("baseline", "angle"),
        ("bi_encoder",),
        ("upper_bound", "cosent"),
        ("upper_bound", "angle"),
        ("cross_encoder",),
    ]


@pytest.mark.slow
def test_a_multirun_on_two_processes_ends(preloaded_program: Callable, tiny_run: list[str], tmp_path: Path) -> None:
    devices = ["trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]
    swept = preloaded_program("-m", *tiny_run, *devices, "sampler=bm25,semantic", "compare.untrained=false")
    assert swept.returncode == 0, swept.stderr
    assert (tmp_path / "sweep" / "1" / "metrics.json").exists()


def test_a_run_with_all_rows_is_logged_to_wandb_offline(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    run = [override for override in tiny_run if not override.startswith("logger=")]
    poly = ["compare.poly=true", "compare.upper_bound=true", "poly_encoder.num_codes=4", "poly_encoder.fit.epochs=1"]
    done = preloaded_program(*run, *poly, WANDB_MODE="offline", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    for encoder in ("bi_encoder", "poly_encoder", "baseline", "upper_bound", "untrained", "cross_encoder"):
        assert -1 <= metrics[f"{encoder}/test/spearman"] <= 1
    assert "poly_encoder" in pd.read_parquet(tmp_path / "out" / "predictions.parquet").columns
    assert (tmp_path / "out" / "poly_encoder" / "model.safetensors").exists()
    (written,) = (tmp_path / "out" / "wandb").glob("offline-run-*/run-*.wandb")
    content = written.read_bytes()
    for logged in (b"poly_encoder/test/spearman", b"curve/baseline/loss", b"silver/scores", b"stage_keys"):
        assert logged in content
