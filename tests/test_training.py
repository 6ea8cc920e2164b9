"""The seeds of a fit: what one decides, and what it does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from augsbert.batching import GlobalBatches
from augsbert.encoders.dropout import Dropout
from augsbert.training import EpochSeed


def _dropped(seed: int = 0, epoch: int = 0, rank: int = 0, batch: int = 0) -> torch.Tensor:
    """What dropout leaves of ones in the step that a batch begins, after steps that drew something else."""
    torch.manual_seed(12)
    trainer: Any = SimpleNamespace(current_epoch=epoch, global_rank=rank)
    EpochSeed(seed).on_train_batch_start(trainer, pl.LightningModule(), None, batch)
    return Dropout(0.5)(torch.ones(64))


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}, {"rank": 1}, {"batch": 1}])
def test_dropout_is_drawn_anew_in_each_epoch_by_seed_and_rank(other: dict[str, int]) -> None:
    torch.testing.assert_close(_dropped(), _dropped(), rtol=0, atol=0)
    assert not torch.equal(_dropped(), _dropped(**other))


def test_an_epoch_is_seeded_once_and_its_other_steps_draw_on() -> None:
    assert torch.equal(_dropped(seed=1, batch=1), _dropped(seed=2, batch=3))


def _order(seed: int = 0, epoch: int = 0, rank: int = 0) -> list[list[int]]:
    batches = GlobalBatches(np.arange(60) % 7, 16, seed, rank, world=2)
    batches.set_epoch(epoch)
    return list(batches)


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}, {"rank": 1}])
def test_pairs_are_read_in_another_order_in_each_epoch_by_seed_and_rank(other: dict[str, int]) -> None:
    assert _order() == _order()
    assert _order() != _order(**other)


def test_seed_and_epoch_are_not_added_up() -> None:
    assert not torch.equal(_dropped(seed=1, epoch=2), _dropped(seed=2, epoch=1))
    assert _order(seed=1, epoch=2) != _order(seed=2, epoch=1)
