"""Fitting an encoder and running it over pairs, through Lightning. The only file that knows of ranks.

Both functions run in one process or in each process of a torchrun: the callers hand over and take back through folders.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from augsbert.batching import GlobalBatches, ScoringBatches, TrainingBatches
from augsbert.checkpoints import AtomicIO, EpochCheckpoints
from augsbert.encoders.fit import Fit
from augsbert.encoders.module import PairEncoder
from augsbert.evaluation import PRIMARY, metrics
from augsbert.hardware import Hardware
from augsbert.pairs import Task

log = logging.getLogger(__name__)

#: Batches in a shard of outputs: what a kill can cost.
SHARD = 64
_SHARDS = ".shards"


def rank_and_world() -> tuple[int, int]:
    """This process's rank and how many there are, as torchrun says; (0, 1) outside it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class EpochSeed(pl.Callback):
    """Reseeds from (seed, epoch, rank) at each epoch's first batch, so that a resume draws the same.

    Not at the epoch's start: after a resume the loader draws its own seed before that, else after it.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set torch's generator, which dropout draws from."""
        if batch_idx == 0:
            words = np.random.SeedSequence([self.seed, trainer.current_epoch, trainer.global_rank]).generate_state(1)
            torch.manual_seed(int(words[0]))


class DevScore(pl.Callback):
    """The dev metric, once over all rows: outputs are gathered from the ranks and duplicates dropped.

    A rank correlation is never averaged over batches or ranks. Rows of ``curve`` travel in the checkpoint.
    """

    def __init__(self, dev: pd.DataFrame, task: Task) -> None:
        self.dev, self.task, self.name = dev, task, PRIMARY[task]
        self.outputs: dict[int, np.ndarray] = {}
        self.losses: list[torch.Tensor] = []
        self.curve: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: Any) -> None:
        """Keep the loss, on its device: reading it would wait for the device at each step."""
        self.losses.append(outputs["loss"].detach())

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Keep this rank's outputs by row."""
        self.outputs.update(zip(batch["indices"].tolist(), outputs.cpu().numpy(), strict=True))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: PairEncoder) -> None:  # type: ignore[override]
        """Score all dev pairs, the same on every rank."""
        gathered = _all_objects(self.outputs)
        self.outputs = {}
        if trainer.sanity_checking:
            return
        rows = {index: row for part in gathered for index, row in part.items()}
        scores = pl_module.combine(self.dev, np.stack([rows[i] for i in range(len(rows))]))
        value = metrics(scores, self.dev["score"].to_numpy(), self.task)[self.name]
        pl_module.log("dev", value, rank_zero_only=False, sync_dist=False)
        self._extend_curve(trainer, value)

    def _extend_curve(self, trainer: pl.Trainer, value: float) -> None:
        losses = torch.stack(self.losses).tolist() if self.losses else []
        self.losses = []
        first = trainer.global_step - len(losses) + 1
        epoch = trainer.current_epoch
        self.curve += [{"step": first + i, "epoch": epoch, "loss": loss} for i, loss in enumerate(losses)]
        self.curve.append({"step": trainer.global_step, "epoch": epoch, f"dev/{self.name}": float(value)})

    def state_dict(self) -> dict[str, Any]:
        """Plain containers, as checkpoints are loaded with ``weights_only``."""
        return {"curve": self.curve}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the curve of the run that was killed."""
        self.curve = list(state_dict["curve"])


def _all_objects(value: Any) -> list[Any]:
    if not torch.distributed.is_initialized():
        return [value]
    gathered: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(gathered, value)
    return gathered


def fit(
    module: PairEncoder,
    train: pd.DataFrame,
    dev: pd.DataFrame,
    task: Task,
    hardware: Hardware,
    folder: Path,
    progress: pl.Callback,
) -> None:
    """Fit an encoder; its best epoch by the dev metric goes to ``folder/model``, its curve to ``folder/curve.json``.

    A fit that was killed goes on at the last epoch's end, from ``folder/.checkpoints``, and ends as an undisturbed one
    would.

    Args:
        module: what to fit; its ``fit_settings`` say how, with the precision resolved.
        train: scored pairs.
        dev: scored pairs, read for choosing the epoch only.
        task: decides the metric of the choice.
        hardware: where it runs.
        folder: kept after a kill.
        progress: told of each batch.
    """
    settings = module.fit_settings
    assert settings is not None
    _quieten()
    torch.manual_seed(settings.seed)
    module.configure_model()
    dev_score = DevScore(dev, task)
    checkpoints = EpochCheckpoints(folder / ".checkpoints", metric="dev")
    trainer = _trainer(
        hardware,
        settings.precision,
        callbacks=[EpochSeed(settings.seed), dev_score, checkpoints, progress],
        max_epochs=settings.epochs,
        plugins=[AtomicIO()],
    )
    loaders = _train_loader(module, train, settings), _dev_loader(module, dev)
    trainer.fit(module, *loaders, ckpt_path=checkpoints.resumable())
    if trainer.is_global_zero:
        module.load_state_dict(checkpoints.best_weights())
        module.cpu().save(folder / "model")
        (folder / "curve.json").write_text(json.dumps(dev_score.curve))


def _train_loader(module: PairEncoder, train: pd.DataFrame, settings: Fit) -> DataLoader:
    batches = TrainingBatches(module, train)
    sampler = GlobalBatches(batches.lengths, settings.batch_size, settings.seed, *rank_and_world())
    return DataLoader(batches, batch_size=None, sampler=sampler)


def _dev_loader(module: PairEncoder, dev: pd.DataFrame) -> DataLoader:
    batches = ScoringBatches(module, module.scoring_rows(dev))
    rank, world = rank_and_world()
    # Every rank needs a batch, as Lightning skips the whole validation where there is none; doubles are dropped.
    return DataLoader(batches, batch_size=None, sampler=list(range(rank, len(batches), world)) or [0])


def score(
    module: PairEncoder, pairs: pd.DataFrame, precision: str, hardware: Hardware, folder: Path, progress: pl.Callback
) -> None:
    """Run an encoder over the scoring rows of pairs; :func:`read_scores` finds the outputs in ``folder/.shards``.

    Shards are dealt out to the ranks; those that a killed run left are not made again.
    """
    _quieten()
    shards = folder / _SHARDS
    shards.mkdir(exist_ok=True)
    module.configure_model()
    batches = ScoringBatches(module, module.scoring_rows(pairs))
    missing = [i for i in range(len(batches)) if not _shard(shards, i).exists()]
    rank, world = rank_and_world()
    mine = [i for i in missing if i // SHARD % world == rank] or missing[:1]
    # All ranks see the same folder only before any of them writes.
    trainer = _trainer(hardware, precision, callbacks=[ShardWriter(shards, len(batches)), progress])
    if missing:
        loader = DataLoader(batches, batch_size=None, sampler=mine)
        trainer.predict(module.eval(), loader, return_predictions=False)


def read_scores(module: PairEncoder, pairs: pd.DataFrame, folder: Path) -> np.ndarray:
    """Scores (n,) float32 of the pairs whose outputs :func:`score` wrote; the module needs no weights for it."""
    rows: dict[int, np.ndarray] = {}
    for path in sorted((folder / _SHARDS).glob("*.npz")):
        with np.load(path) as shard:
            rows.update(zip(shard["indices"].tolist(), shard["outputs"], strict=True))
    return module.combine(pairs, np.stack([rows[i] for i in range(len(rows))]))


class ShardWriter(pl.Callback):
    """Writes the outputs of each shard as soon as its last batch is through."""

    def __init__(self, folder: Path, batches: int) -> None:
        self.folder, self.batches = folder, batches
        self.indices: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []

    def on_predict_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Collect; at a shard's end, write and rename, so that a half-written one is never read."""
        self.indices.append(batch["indices"].cpu().numpy())
        self.outputs.append(outputs.cpu().numpy())
        number = batch["number"]
        if (number + 1) % SHARD and number + 1 < self.batches:
            return
        target = _shard(self.folder, number)
        unfinished = target.with_suffix(f".{trainer.global_rank}")
        with unfinished.open("wb") as stream:
            np.savez(stream, indices=np.concatenate(self.indices), outputs=np.concatenate(self.outputs))
        unfinished.rename(target)
        self.indices, self.outputs = [], []


def _shard(folder: Path, batch: int) -> Path:
    return folder / f"{batch // SHARD:06d}.npz"


def _trainer(hardware: Hardware, precision: str, **settings: Any) -> pl.Trainer:
    return pl.Trainer(
        **hardware.lightning(),
        precision=precision,  # type: ignore[arg-type]
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        **settings,
    )


def _quieten() -> None:
    """Hints about workers and hardware, and bars for reading weights, say nothing about the experiment."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*Checkpoint directory.*",
        ".*ckpt_path.*callbacks.*",
        ".*all_gather is deprecated.*",
        ".*sync_dist=True.*",
    ):
        warnings.filterwarnings("ignore", message)
