"""What a fit keeps while it runs: one that was killed goes on at the last epoch's end and chooses the same best epoch.

Lightning's ``ModelCheckpoint`` is not used: it writes through ``/tmp`` and moves, so a kill or a full disk may leave
half a file where the last whole one was; and it forgets the best score when the store has been moved in between.
"""

from __future__ import annotations

import logging
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

log = logging.getLogger(__name__)


class EpochCheckpoints(Checkpoint):
    """At each epoch's end, the best epoch's weights in ``best.ckpt``, then all that a resume needs in ``last.ckpt``.

    Args:
        folder: where they lie; kept after a kill.
        metric: of which a higher value is better, as it was logged; an equal value does not replace an earlier epoch's.
    """

    def __init__(self, folder: Path, metric: str) -> None:
        self.metric = metric
        self.best, self.last = folder / "best.ckpt", folder / "last.ckpt"
        self.best_value: float | None = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; every rank comes here, the first one writes."""
        value = trainer.callback_metrics[self.metric].item()
        value = -math.inf if math.isnan(value) else value
        better = self.best_value is None or value > self.best_value
        if trainer.strategy.reduce_boolean_decision(better):
            self.best_value = value
            trainer.save_checkpoint(self.best, weights_only=True)
        trainer.save_checkpoint(self.last, weights_only=False)

    def state_dict(self) -> dict[str, Any]:
        """Travels in the checkpoint: the best value so far."""
        return {"best_value": self.best_value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the best value of the run that was killed."""
        self.best_value = state_dict["best_value"]

    def resumable(self) -> Path | None:
        """The checkpoint to go on from; None if there is none, or if one of the two is damaged (with a warning)."""
        if not self.last.exists():
            return None
        for path in (self.best, self.last):
            if not _is_whole(path):
                log.warning("%s is damaged; the fit starts again", path)
                return None
        log.info("going on from the last epoch that was finished")
        return self.last

    def best_weights(self) -> dict[str, torch.Tensor]:
        """The state of the module after its best epoch."""
        return torch.load(self.best, map_location="cpu", weights_only=True)["state_dict"]


class AtomicIO(TorchCheckpointIO):
    """Writes beside the target and renames: a checkpoint is replaced by a whole one or not at all."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save to a local path; there are no storage options."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".unfinished")
        torch.save(checkpoint, unfinished)
        os.replace(unfinished, target)


def _is_whole(path: Path) -> bool:
    """A checkpoint is a zip with a checksum for each of its parts."""
    try:
        with zipfile.ZipFile(path) as parts:
            return parts.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
