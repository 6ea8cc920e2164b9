"""Two processes compute what one does: the losses of each step, the dev metric, the scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert import scoring
from augsbert.batching import GlobalBatches
from augsbert.config import make
from augsbert.encoders import losses
from augsbert.errors import UserError
from augsbert.launch import Job, run
from augsbert.pairs import SENTENCES

ONE = {"_target_": "augsbert.hardware.Hardware"}
TWO = {**ONE, "devices": 2}
FIT = {
    "_target_": "augsbert.encoders.fit.Fit",
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "precision": "32-true",
}


@pytest.fixture
def without_dropout(tiny_model: Path, tmp_path: Path) -> str:
    folder = shutil.copytree(tiny_model, tmp_path / "without_dropout")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def _encoders(folder: str) -> dict[str, dict]:
    bi = {"_target_": "augsbert.encoders.bi.BiEncoder", "encoder": folder, "fit": FIT}
    cross = {"_target_": "augsbert.encoders.cross.CrossEncoder", "encoder": folder, "fit": FIT}
    return {"cross": cross} | {
        loss: {**bi, "loss": {"_target_": f"augsbert.encoders.losses.{loss}"}} for loss in losses.__all__
    }


def _curve(folder: Path, encoder: dict, hardware: dict, train: pd.DataFrame, dev: pd.DataFrame) -> pd.DataFrame:
    folder.mkdir()
    run(Job("fit", "fit", encoder, hardware, str(folder)), train=train, dev=dev)
    return pd.DataFrame(json.loads((folder / "curve.json").read_text()))


def _with_a_head(encoder: str, folder: Path) -> dict:
    module = make(_encoders(encoder)["cross"])
    module.configure_model()
    module.save(folder)
    return _encoders(str(folder))["cross"] | {"fit": None}


def test_a_cross_encoder_that_is_used_as_it_is_must_have_a_head(without_dropout: str) -> None:
    with pytest.raises(UserError, match="no head"):
        make(_encoders(without_dropout)["cross"] | {"fit": None}).configure_model()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cross", *losses.__all__])
def test_ddp_losses_are_those_of_one_process_with_the_same_global_batch(
    name: str, without_dropout: str, tiny_table: Path, tmp_path: Path
) -> None:
    # 101 pairs (202 in both orders): the last global batch is short and does not divide by two.
    train, dev = pd.read_csv(tiny_table / "train.csv")[:101], pd.read_csv(tiny_table / "dev.csv")
    if name == "SoftmaxLoss":
        train = train.assign(score=(train["score"] >= 0.5).astype(float))
    if name in ("MarginMSELoss", "DistillKLDivLoss"):  # compare the candidates of a first sentence: five each
        train = train.assign(sentence1=train["sentence1"].to_numpy()[np.arange(101) // 5])
    encoder = _encoders(without_dropout)[name]
    one = _curve(tmp_path / "one", encoder, ONE, train, dev)
    two = _curve(tmp_path / "two", encoder, TWO, train, dev)
    assert len(one) == len(two)
    assert one["loss"].nunique() > 5
    np.testing.assert_allclose(two["loss"], one["loss"], atol=1e-5)
    # Differences of 1e-7 may swap neighbours among 40 pairs; a metric of half of them, or of doubles, would be far off.
    np.testing.assert_allclose(two["dev/spearman"], one["dev/spearman"], atol=2e-3)


@pytest.mark.slow
def test_ddp_scores_each_pair_once_in_order(without_dropout: str, tiny_table: Path, tmp_path: Path) -> None:
    pairs = pd.read_csv(tiny_table / "train.csv")[SENTENCES]
    encoder = _with_a_head(without_dropout, tmp_path / "model")
    scores = {}
    for name, hardware in (("one", ONE), ("two", TWO)):
        folder = tmp_path / name
        folder.mkdir()
        job = Job("score", "score", encoder, hardware, str(folder))
        run(job, pairs=pairs)
        scores[name] = scoring.read_scores(make(job.encoder), pairs, make(job.hardware), folder)
    assert len(scores["one"]) == len(pairs)
    np.testing.assert_array_equal(scores["one"], scores["two"])


def _dealt(pairs: int, batch: int, world: int) -> Iterator[list[int]]:
    ranks = [list(GlobalBatches(np.arange(pairs) % 7, batch, 3, rank, world)) for rank in range(world)]
    for shares in zip(*ranks, strict=True):
        assert len({len(share) for share in shares}) == 1, "ranks with different shares would wait for each other"
        yield sorted(i for share in shares for i in share if i >= 0)


@pytest.mark.parametrize("pairs", [1, 15, 16, 17, 101])
@pytest.mark.parametrize("world", [2, 3])
def test_global_batches_do_not_depend_on_the_number_of_devices(pairs: int, world: int) -> None:
    assert list(_dealt(pairs, 16, world)) == list(_dealt(pairs, 16, 1))
    assert sorted(i for batch in _dealt(pairs, 16, world) for i in batch) == list(range(pairs))


def test_a_score_does_not_depend_on_what_else_is_scored(without_dropout: str, tiny_table: Path, tmp_path: Path) -> None:
    pairs = pd.read_csv(tiny_table / "train.csv")[SENTENCES]
    encoder = _with_a_head(without_dropout, tmp_path / "model")
    scores = []
    for rows in (pairs, pairs[::-1].reset_index(drop=True), pairs[40:47].reset_index(drop=True)):
        folder = tmp_path / str(len(scores))
        folder.mkdir()
        run(Job("score", "score", encoder, ONE, str(folder), precision="bf16-mixed"), pairs=rows)
        scores.append(scoring.read_scores(make(encoder), rows, make(ONE), folder))
    np.testing.assert_array_equal(scores[0], scores[1][::-1])
    np.testing.assert_array_equal(scores[0][40:47], scores[2])
