"""Fitting an encoder, through Lightning: in one process, or in each process of a torchrun."""

from __future__ import annotations

import itertools
import json
from contextlib import AbstractContextManager
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
from augsbert.encoders.occurring import only_occurring
from augsbert.evaluation import PRIMARY, metrics
from augsbert.hardware import Hardware
from augsbert.pairs import Task
from augsbert.ranks import rank_and_world
from augsbert.trainer import new_trainer, quieten


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
    *callbacks: pl.Callback,
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
        callbacks: further ones, such as a progress bar.

    Raises:
        UserError: the pairs are none that the module's loss can learn from, or its weights do not fit.
        Pruned: a search gives the trial up.
    """
    settings = module.fit_settings
    assert settings is not None
    quieten()
    torch.manual_seed(settings.seed)
    module.configure_model()
    dev_score = DevScore(dev, task)
    checkpoints = EpochCheckpoints(folder / ".checkpoints", metric="dev")
    trainer = new_trainer(
        hardware,
        settings.precision,
        callbacks=[EpochSeed(settings.seed), dev_score, checkpoints, *callbacks],
        max_epochs=settings.epochs,
        plugins=[AtomicIO()],
    )
    batches = loaders(module, train, dev, hardware)
    with occurring_in(module, batches):
        trainer.fit(module, *batches, ckpt_path=checkpoints.resumable())
        if trainer.is_global_zero:
            module.load_state_dict(checkpoints.best_weights())
    if trainer.is_global_zero:
        module.cpu().save(folder / "model")
        (folder / "curve.json").write_text(json.dumps(dev_score.curve))


def occurring_in(module: PairEncoder, batches: tuple[DataLoader, DataLoader]) -> AbstractContextManager[None]:
    """Word embeddings for the tokens of a fit alone, while it lasts."""
    assert module.model is not None
    assert module.tokenizer is not None
    read = (ids for loader in batches for ids in loader.dataset.token_ids())  # type: ignore[attr-defined]
    return only_occurring(module.model, itertools.chain([[module.tokenizer.pad_token_id]], read))


def loaders(
    module: PairEncoder, train: pd.DataFrame, dev: pd.DataFrame, hardware: Hardware
) -> tuple[DataLoader, DataLoader]:
    """This rank's share of the training batches and of the dev rows; the module's model is configured."""
    assert module.fit_settings is not None
    return _train_loader(module, train, module.fit_settings), _dev_loader(module, dev, hardware.scoring_tokens)


def _train_loader(module: PairEncoder, train: pd.DataFrame, settings: Fit) -> DataLoader:
    batches = TrainingBatches(module, train)
    rank, world = rank_and_world()
    sampler = GlobalBatches(batches.lengths, settings.batch_size, settings.seed, rank, world, batches.queries)
    return DataLoader(batches, batch_size=None, sampler=sampler)


def _dev_loader(module: PairEncoder, dev: pd.DataFrame, tokens: int) -> DataLoader:
    batches = ScoringBatches(module, module.scoring_rows(dev), tokens)
    rank, world = rank_and_world()
    # Every rank needs a batch, as Lightning skips the whole validation where there is none; doubles are dropped.
    return DataLoader(batches, batch_size=None, sampler=list(range(rank, len(batches), world)) or [0])
