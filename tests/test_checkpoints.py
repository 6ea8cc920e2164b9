"""Which epoch is the best."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from augsbert.checkpoints import EpochCheckpoints

NAN = float("nan")


class Trainer:
    """What the checkpoints ask of one; it notes the epochs that were saved, by the file's name."""

    def __init__(self) -> None:
        self.epoch, self.callback_metrics = 0, {"dev": torch.tensor(0.0)}
        self.saved: dict[str, list[int]] = {"best": [], "last": []}
        self.strategy = SimpleNamespace(reduce_boolean_decision=lambda decision: decision)

    def save_checkpoint(self, path: Path, weights_only: bool) -> None:
        assert weights_only == (path.stem == "best")
        self.saved[path.stem].append(self.epoch)


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.3, 0.5, 0.4], 1),
        ([0.2, 0.5, 0.5], 1),
        ([0.5, 0.5, 0.5], 0),
        ([-0.5, -0.2, -0.3], 1),
        ([NAN, -0.9, NAN], 1),
        ([0.1, NAN, 0.1], 0),
        ([NAN, NAN, NAN], 0),
    ],
)
def test_the_best_epoch_is_the_first_of_the_highest_and_none_without_a_number(values: list[float], best: int) -> None:
    trainer: Any = Trainer()
    checkpoints = EpochCheckpoints(Path("folder"), metric="dev")
    for trainer.epoch, value in enumerate(values):
        trainer.callback_metrics = {"dev": torch.tensor(value)}
        checkpoints.on_train_epoch_end(trainer, pl.LightningModule())
    assert trainer.saved["best"][-1] == best
    assert trainer.saved["last"] == [0, 1, 2]


def test_a_resume_knows_the_best_value_of_the_run_before(tmp_path: Path) -> None:
    trainer: Any = Trainer()
    before, after = (EpochCheckpoints(tmp_path, metric="dev") for _ in range(2))
    trainer.callback_metrics = {"dev": torch.tensor(0.5)}
    before.on_train_epoch_end(trainer, pl.LightningModule())
    after.load_state_dict(before.state_dict())
    trainer.epoch, trainer.callback_metrics = 1, {"dev": torch.tensor(0.4)}
    after.on_train_epoch_end(trainer, pl.LightningModule())
    assert trainer.saved == {"best": [0], "last": [0, 1]}
