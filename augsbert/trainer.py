"""Lightning's Trainer as fits and scorings use it, and the ranks around it."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytorch_lightning as pl

from augsbert.hardware import Hardware


def new_trainer(hardware: Hardware, precision: str, **settings: Any) -> pl.Trainer:
    """A trainer without bars, logs and samplers of its own: data are dealt out to the ranks here."""
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


def quieten() -> None:
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
