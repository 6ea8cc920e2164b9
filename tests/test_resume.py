"""A fit that was killed goes on at the last epoch's end, and ends as an undisturbed one: bit for bit on one process."""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file

from augsbert import launch, scoring, stages, training
from augsbert.archives import sha256_of_file
from augsbert.config import make
from augsbert.hardware import Hardware
from augsbert.pairs import SENTENCES, digest
from augsbert.store.rows import Rows
from tests.tiny import write_model

EPOCHS = 4


class Nothing(pl.Callback):
    """A progress bar that shows nothing."""


class DiesIn(pl.Callback):
    """Ends the process, or raises, in the middle of an epoch (counted from 0)."""

    def __init__(self, epoch: int, how: str = "raise") -> None:
        self.epoch, self.how = epoch, how

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch != self.epoch or trainer.fit_loop.epoch_loop.batch_idx != 1:
            return
        if self.how == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("killed")


class Reads(pl.Callback):
    """Keeps the scores of each epoch's batches, in the order in which they are read."""

    def __init__(self) -> None:
        self.scores: dict[int, list[list[float]]] = {}

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        self.scores.setdefault(trainer.current_epoch, []).append(batch["scores"].tolist())


class DiesBeforeSaving(pl.Callback):
    """Raises after an epoch's weights were saved as the best and before the rest of it is."""

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.current_epoch == 1 and "optimizer_states" in checkpoint:
            raise RuntimeError("killed")


def fit(model: Path, table: Path, folder: Path, progress: pl.Callback, **others: Any) -> None:
    """With dropout, and a learning rate at which dev goes up and down."""
    folder.mkdir(exist_ok=True)
    settings = {"epochs": EPOCHS, "batch_size": 16, "learning_rate": 3e-3, "precision": "32-true", **others}
    node = {
        "_target_": "augsbert.encoders.bi.BiEncoder",
        "encoder": str(model),
        "loss": {"_target_": "augsbert.encoders.losses.CoSENTLoss"},
        "fit": {"_target_": "augsbert.encoders.fit.Fit", **settings},
    }
    train, dev = pd.read_csv(table / "train.csv")[:60], pd.read_csv(table / "dev.csv")
    training.fit(make(node), train, dev, "regression", Hardware(), folder, progress)


def result(folder: Path) -> dict[str, str]:
    """Hash of each file that a fit leaves."""
    files = [folder / "curve.json", *sorted((folder / "model").rglob("*"))]
    return {str(path.relative_to(folder)): sha256_of_file(path) for path in files if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tiny_model: Path, tiny_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "fit"
    fit(tiny_model, tiny_table, folder, Nothing())
    return folder


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_a_fit_on_two_threads_gives_the_same_to_the_bit_each_time(tiny_table: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "wide", hidden_size=64)
    for name in ("first", "second"):
        # What is smaller torch leaves to one thread; and each wait for the other is long where other tests run too.
        fit(tmp_path / "wide", tiny_table, tmp_path / name, Nothing(), epochs=2, batch_size=60)
    assert torch.get_num_threads() == 2
    assert result(tmp_path / "first") == result(tmp_path / "second")


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_a_fit_killed_in_any_epoch_ends_as_an_undisturbed_one(
    epoch: int, undisturbed: Path, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny_model, tiny_table, tmp_path / "fit", DiesIn(epoch))
    fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    assert result(tmp_path / "fit") == result(undisturbed)


def test_a_fit_killed_in_each_epoch_in_turn_ends_as_an_undisturbed_one(
    undisturbed: Path, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    for epoch in range(EPOCHS):
        with pytest.raises(RuntimeError, match="killed"):
            fit(tiny_model, tiny_table, tmp_path / "fit", DiesIn(epoch))
    fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    assert result(tmp_path / "fit") == result(undisturbed)


def test_a_fit_killed_between_its_two_checkpoints_ends_as_an_undisturbed_one(
    undisturbed: Path, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny_model, tiny_table, tmp_path / "fit", DiesBeforeSaving())
    fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    assert result(tmp_path / "fit") == result(undisturbed)


def test_each_epoch_reads_all_pairs_in_an_order_of_its_own_and_after_a_kill_in_the_same(
    tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    whole, resumed = Reads(), Reads()
    fit(tiny_model, tiny_table, tmp_path / "whole", whole)
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny_model, tiny_table, tmp_path / "fit", DiesIn(2))
    fit(tiny_model, tiny_table, tmp_path / "fit", resumed)
    pairs = sorted(pd.read_csv(tiny_table / "train.csv")["score"][:60].astype(np.float32).tolist())
    assert all(sorted(itertools.chain(*batches)) == pairs for batches in whole.scores.values())
    assert len({str(batches) for batches in whole.scores.values()}) == EPOCHS
    assert resumed.scores == {epoch: whole.scores[epoch] for epoch in (2, 3)}


def test_a_fit_killed_once_it_was_done_keeps_its_result_and_trains_no_more(
    undisturbed: Path, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed, tmp_path / "fit")
    shutil.rmtree(tmp_path / "fit" / "model")
    fit(tiny_model, tiny_table, tmp_path / "fit", DiesIn(0))
    assert result(tmp_path / "fit") == result(undisturbed)


def test_the_curve_is_whole_and_no_step_stands_twice(
    undisturbed: Path, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny_model, tiny_table, tmp_path / "fit", DiesIn(2))
    fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    curve = pd.DataFrame(json.loads((tmp_path / "fit" / "curve.json").read_text()))
    steps = curve.dropna(subset="loss")["step"]
    assert steps.tolist() == list(range(1, EPOCHS * 4 + 1))
    assert curve.dropna(subset="dev/spearman")["epoch"].tolist() == list(range(EPOCHS))


def _weights(folder: Path, checkpoint: str = "best") -> dict[str, torch.Tensor]:
    return torch.load(folder / ".checkpoints" / f"{checkpoint}.ckpt", weights_only=True)["state_dict"]


def _is_saved(weights: dict[str, torch.Tensor], folder: Path) -> bool:
    """Whether the saved model has a checkpoint's layers; its word embeddings are of the tokens that occur."""
    saved = load_file(folder / "model" / "model.safetensors")
    layers = [name for name in weights if ".encoder.layer." in name]
    assert layers
    return all(torch.equal(saved[name.removeprefix("model.")], weights[name]) for name in layers)


def _best_is_first(tiny_model: Path, tiny_table: Path, folder: Path) -> None:
    """A fit whose first epoch is its best by far, killed in its last one."""
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny_model, tiny_table, folder, DiesIn(1))
    last = torch.load(folder / ".checkpoints" / "last.ckpt", weights_only=True)
    name = next(name for name in last["callbacks"] if name.startswith("EpochCheckpoints"))
    last["callbacks"][name]["best_value"] = 2.0
    torch.save(last, folder / ".checkpoints" / "last.ckpt")


@pytest.mark.parametrize("moved", [False, True])
def test_the_best_epoch_is_kept_and_saved_though_it_was_before_the_kill_and_the_store_was_moved(
    moved: bool, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "fit"
    _best_is_first(tiny_model, tiny_table, folder)
    before = _weights(folder)
    if moved:
        folder = folder.rename(tmp_path / "elsewhere")
    fit(tiny_model, tiny_table, folder, Nothing())
    after = _weights(folder)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert _is_saved(before, folder)
    assert not _is_saved(_weights(folder, "last"), folder)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("how", ["truncated", "empty", "flipped", "missing"])
def test_a_damaged_checkpoint_costs_the_epochs_but_not_the_fit(
    name: str,
    how: str,
    undisturbed: Path,
    tiny_model: Path,
    tiny_table: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        fit(tiny_model, tiny_table, tmp_path / "fit", DiesIn(2))
    path = tmp_path / "fit" / ".checkpoints" / name
    _damage(path, how)
    with caplog.at_level(logging.WARNING, logger="augsbert"):
        fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    if (name, how) != ("last.ckpt", "missing"):
        assert f"{path} is damaged; the fit starts again" in caplog.text
    assert result(tmp_path / "fit") == result(undisturbed)


def _damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1
    path.write_bytes(content[: {"truncated": len(content) // 2, "empty": 0}.get(how, len(content))])
    if how == "missing":
        path.unlink()


def test_a_dev_metric_that_is_no_number_does_not_replace_a_better_epoch(
    tiny_model: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([float("nan"), 0.5, float("nan"), 0.4])
    monkeypatch.setattr(training, "metrics", lambda *_: {"spearman": next(values)})
    fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    best = torch.load(tmp_path / "fit" / ".checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 1


@pytest.mark.slow
def test_a_fit_killed_with_sigkill_ends_as_an_undisturbed_one(
    undisturbed: Path, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    here = Path(__file__).parent
    code = (
        f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n"
        "import torch; from pathlib import Path; from test_resume import DiesIn, fit\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        f"folders = [Path(name) for name in {[str(f) for f in (tiny_model, tiny_table, tmp_path / 'fit')]!r}]\n"
        "fit(*folders, DiesIn(2, 'SIGKILL'))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    fit(tiny_model, tiny_table, tmp_path / "fit", Nothing())
    assert result(tmp_path / "fit") == result(undisturbed)


def test_shards_that_a_kill_left_are_used_and_the_scores_are_those_of_an_undisturbed_run(
    tiny_model: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "SHARD", 1)
    pairs = pd.read_csv(tiny_table / "train.csv")

    def scores(folder: Path, progress: pl.Callback) -> np.ndarray:
        folder.mkdir(exist_ok=True)
        module = make({"_target_": "augsbert.encoders.bi.BiEncoder", "encoder": str(tiny_model)})
        scoring.score(module, pairs, "32-true", Hardware(), folder, progress)
        return scoring.read_scores(module, pairs, Hardware(), folder)

    class Dies(pl.Callback):
        batches = 0

        def on_predict_batch_start(self, *_: Any) -> None:
            self.batches += 1
            if self.batches == 3:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        scores(tmp_path / "killed", Dies())
    left = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "killed").glob(".shards-*/*")}
    assert len(left) == 2
    again = scores(tmp_path / "killed", Nothing())
    np.testing.assert_array_equal(again, scores(tmp_path / "undisturbed", Nothing()))
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "killed").glob(".shards-*/*")}
    assert left.items() <= now.items()
    # On a GPU, whose batches are larger, these shards would hold other rows.
    monkeypatch.setattr(Hardware, "scoring_tokens", 16_384)
    np.testing.assert_allclose(scores(tmp_path / "killed", Nothing()), again, atol=1e-6)


def test_which_pairs_a_labelling_scores_is_decided_once_though_others_label_some_of_them_meanwhile(
    tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = pd.read_csv(tiny_table / "train.csv")[SENTENCES][:5].assign(origin="bm25")
    kept, asked = Rows(tmp_path / "rows"), []
    kept.put([digest(pairs[SENTENCES].iloc[0])], np.array([0.5]))

    def scores(folder: Path, job: Any, missing: pd.DataFrame) -> np.ndarray:
        asked.append(missing["sentence1"].tolist())
        if len(asked) == 1:
            raise RuntimeError("killed")
        return np.arange(len(missing), dtype=np.float32)

    monkeypatch.setattr(stages, "scores", scores)
    with pytest.raises(RuntimeError, match="killed"):
        stages.label(tmp_path, [(dict, kept)], pairs)
    kept.put([digest(pairs[SENTENCES].iloc[1])], np.array([0.0]))
    stages.label(tmp_path, [(dict, kept)], pairs)
    # Shards that the first attempt left would else belong to other rows.
    assert asked == [pairs["sentence1"][1:].tolist()] * 2
    labelled = pd.read_parquet(tmp_path / "pairs.parquet")
    assert labelled["score"].tolist() == [0.5, 0.0, 1.0, 2.0, 3.0]


def test_kept_labels_that_are_damaged_while_a_labelling_lies_unfinished_are_made_again(
    tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = pd.read_csv(tiny_table / "train.csv")[SENTENCES][:5].assign(origin="bm25")
    kept, asked = Rows(tmp_path / "rows"), []
    kept.put([digest(pairs[SENTENCES].iloc[0])], np.array([0.5]))

    def scores(folder: Path, job: Any, missing: pd.DataFrame) -> np.ndarray:
        (folder / ".shards-1").mkdir(exist_ok=True)
        asked.append((missing["sentence1"].tolist(), len(list((folder / ".shards-1").iterdir()))))
        (folder / ".shards-1" / "000000.npz").touch()
        if len(asked) == 1:
            raise RuntimeError("killed")
        return np.arange(len(missing), dtype=np.float32)

    monkeypatch.setattr(stages, "scores", scores)
    with pytest.raises(RuntimeError, match="killed"):
        stages.label(tmp_path, [(dict, kept)], pairs)
    (damaged,) = kept.folder.glob("*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    stages.label(tmp_path, [(dict, kept)], pairs)
    # The shards that the first attempt left belong to other rows, and are gone.
    assert asked[1] == (pairs["sentence1"].tolist(), 0)
    assert pd.read_parquet(tmp_path / "pairs.parquet")["score"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_error_that_an_earlier_run_noted_is_not_said_again(
    tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = launch.Job("score", "labels", {}, {"_target_": "augsbert.hardware.Hardware", "devices": 2}, str(tmp_path))
    job.inputs.mkdir()
    (job.inputs / "error.txt").write_text("mended since")
    seen: list[str] = []
    monkeypatch.setattr(launch, "_run_tree", lambda job, _: seen.extend(path.name for path in job.inputs.iterdir()))
    launch.run(job, pairs=pd.read_csv(tiny_table / "dev.csv"))
    assert seen == ["pairs.parquet"]
