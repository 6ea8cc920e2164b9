"""Seed optimisation (arXiv 2010.08240, section 4.1): of several that start, the best on dev is fitted from step one.

Fine-tuning on few pairs moves by points from seed to seed, and who is behind early mostly stays behind (Dodge et al.
2020, arXiv 2002.06305). A start follows the schedule of the whole fit and stops on the way; it is not gone on with, so
what is kept is what a plain fit with the chosen seed gives.
"""

from __future__ import annotations

import copy
import json
import logging
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch

from augsbert.encoders.module import PairEncoder
from augsbert.hardware import Hardware
from augsbert.pairs import Task
from augsbert.run_files import write_whole
from augsbert.trainer import new_trainer, quieten
from augsbert.training import DevScore, EpochSeed, loaders, occurring_in

log = logging.getLogger(__name__)

SEEDS = "seeds.json"
# Runs with seeds 0, 1, 2 must not try the same seeds and choose the same one.
_APART = 10_000


class StopAfter(pl.Callback):
    """Ends a fit after a share of its steps; Lightning then runs the validation."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Stop when so many steps are done."""
        trainer.should_stop = trainer.global_step >= math.ceil(self.share * trainer.estimated_stepping_batches)


def choose_seed(
    module: PairEncoder,
    train: pd.DataFrame,
    dev: pd.DataFrame,
    task: Task,
    hardware: Hardware,
    folder: Path,
    progress: pl.Callback,
) -> None:
    """Set the seed of the module's fit to the best of those tried; ``folder/seeds.json`` has each one's dev metric.

    Of equally good seeds the first is taken. A start that a killed run finished is not made again.

    Args:
        module: what is to be fitted; its ``fit_settings.seed_optimization`` says how many seeds, and how far each goes.
        train: scored pairs.
        dev: scored pairs, which choose the seed.
        task: decides the metric.
        hardware: where it runs.
        folder: kept after a kill.
        progress: told of each batch.
    """
    settings = module.fit_settings
    assert settings is not None
    seeds = [settings.seed + _APART * i for i in range(int(settings.seed_optimization["seeds"]))]
    if len(seeds) == 1:
        return
    kept = folder / SEEDS
    values = {int(seed): value for seed, value in json.loads(kept.read_text()).items()} if kept.exists() else {}
    for seed in [seed for seed in seeds if seed not in values]:
        trainer, score = _started(module, seed, hardware, DevScore(dev, task), progress, (train, dev))
        values[seed] = score
        if trainer.is_global_zero:
            write_whole(kept, json.dumps(values))
    settings.seed = max(seeds, key=lambda seed: (-math.inf if math.isnan(values[seed]) else values[seed], -seed))
    log.info("%d seeds tried: %d is the best on dev", len(seeds), settings.seed)


def _started(
    module: PairEncoder,
    seed: int,
    hardware: Hardware,
    dev_score: DevScore,
    progress: pl.Callback,
    pairs: tuple[pd.DataFrame, pd.DataFrame],
) -> tuple[pl.Trainer, float]:
    """Start a fit with the seed, and its dev metric where it stops."""
    module = copy.deepcopy(module)
    settings = module.fit_settings
    assert settings is not None
    settings.seed = seed
    quieten()
    torch.manual_seed(seed)
    module.configure_model()
    trainer = new_trainer(
        hardware,
        settings.precision,
        callbacks=[EpochSeed(seed), dev_score, progress, StopAfter(settings.seed_optimization["stop_at"])],
        max_epochs=settings.epochs,
        min_epochs=0,
        enable_checkpointing=False,
    )
    batches = loaders(module, *pairs, hardware)
    with occurring_in(module, batches):
        trainer.fit(module, *batches)
    return trainer, float(trainer.callback_metrics["dev"])
