"""The program as a user runs it: what a run leaves, what it finds again, what a plan says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import read


def test_a_run_leaves_what_is_promised_and_the_same_command_finds_it_all(
    program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    first = program(*tiny_run)
    assert first.returncode == 0, first.stderr
    assert "AugSBERT" in first.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    for encoder in ("untrained", "baseline", "bi_encoder", "cross_encoder"):
        assert -1 <= metrics[f"{encoder}/test/spearman"] <= 1
    assert metrics["found/cross_encoder"] == 0
    silver = pd.read_parquet(tmp_path / "out" / "silver.parquet")
    assert metrics["silver/pairs"] == len(silver)
    assert list(silver.columns) == ["sentence1", "sentence2", "score", "origin"]

    again = program(*tiny_run)
    assert again.returncode == 0, again.stderr
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    names = (
        "dataset",
        "pool",
        "candidates",
        "cross_encoder",
        "labels",
        "silver",
        "baseline",
        "bi_encoder",
        "evaluation",
    )
    assert [found[f"found/{name}"] for name in names] == [1] * len(names)
    assert {k: v for k, v in found.items() if "/test/" in k} == {k: v for k, v in metrics.items() if "/test/" in k}


def test_what_a_run_leaves_loads_in_sentence_transformers_with_the_same_scores(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    assert preloaded_program(*tiny_run).returncode == 0
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    pairs = predictions[["sentence1", "sentence2"]].to_numpy().tolist()
    scores = CrossEncoder(str(tmp_path / "out" / "cross_encoder")).predict(pairs)
    assert np.abs(scores - predictions["cross_encoder"]).max() < 1e-5
    model = SentenceTransformer(str(tmp_path / "out" / "bi_encoder"))
    u, v = (model.encode(list(predictions[c]), normalize_embeddings=True) for c in ("sentence1", "sentence2"))
    assert np.abs((u * v).sum(axis=1) - predictions["bi_encoder"]).max() < 1e-5


def test_a_plan_makes_nothing_and_says_what_a_run_would_make(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    planned = preloaded_program(*tiny_run, "plan=true")
    assert planned.returncode == 0, planned.stderr
    assert "cross_encoder" in planned.stdout
    assert not list((tmp_path / "store").glob("cross_encoder/*"))


@pytest.mark.timed
def test_help_and_a_misspelt_key_are_instant(program: Callable) -> None:
    for arguments in (["--help"], ["--cfg", "job"], ["bi_encoder.num_layer=2"], ["sampler=bm52"]):
        assert min(_seconds(program, arguments) for _ in range(3)) < 2  # what else the machine does is not ours


def _seconds(program: Callable, arguments: list[str]) -> float:
    start = time.monotonic()
    program(*arguments)
    return time.monotonic() - start


def test_two_runs_in_two_stores_are_equal_to_the_bit(program: Callable, tiny_run: list[str], tmp_path: Path) -> None:
    said = []
    for name in ("one", "two"):
        assert program(*tiny_run, f"store.dir={tmp_path / name}").returncode == 0
        metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
        said.append({key: value for key, value in metrics.items() if not key.startswith("time/")})
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
def test_a_multirun_on_two_processes_ends(program: Callable, tiny_run: list[str], tmp_path: Path) -> None:
    devices = ["trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]
    swept = program("-m", *tiny_run, *devices, "sampler=bm25,semantic", "compare.untrained=false", timeout=400)
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
