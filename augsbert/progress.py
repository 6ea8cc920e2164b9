"""The progress bar of a stage: its name, pairs a second, time left. A log file gets none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm


class StageProgress(pl.Callback):
    """One bar for a whole fit or scoring, on the first rank, where the screen is a terminal.

    Args:
        stage: its name, shown in front.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.bar: tqdm | None = None

    def _open(self, shown: bool, total: int, unit: str, done: int = 0) -> None:
        # disable=None: off where the output is no terminal.
        disable = None if shown else True
        self.bar = tqdm(
            total=total, initial=done, desc=f"{self.stage:<14}", unit=f" {unit}", disable=disable, leave=False
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count the training pairs of all epochs, those of a resumed fit as done."""
        pairs = len(trainer.train_dataloader.dataset)  # type: ignore[union-attr]
        self._open(trainer.is_global_zero, pairs * (trainer.max_epochs or 1), "pairs", pairs * trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Advance by the global batch."""
        if self.bar is not None:
            self.bar.update(len(batch["valid"]) * trainer.world_size)  # their sum would wait for the device

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count this rank's part of the rows: pairs for a cross-encoder, sentences for a bi-encoder."""
        rows = len(trainer.predict_dataloaders.dataset.rows)  # type: ignore[union-attr]
        self._open(trainer.is_global_zero, rows // trainer.world_size, getattr(pl_module, "ROWS", "rows"))

    def on_predict_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Advance by the batch's different rows."""
        self.advance(batch)

    def advance(self, batch: Mapping[str, Any]) -> None:
        """By the different rows of a scoring batch."""
        if self.bar is not None:
            self.bar.update(len(set(batch["indices"].tolist())))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Take the bar off the screen, after an error too."""
        self._close()

    @contextmanager
    def of(self, rows: int, unit: str, *, shown: bool) -> Iterator[None]:
        """Around a scoring that is not Lightning's, of so many rows."""
        self._open(shown, rows, unit)
        try:
            yield
        finally:
            self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
