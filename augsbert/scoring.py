"""Running an encoder over pairs, through Lightning or OpenVINO: in one process, or in each process of a torchrun.

The callers hand over and take back through folders; what a killed run has scored is not scored again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from augsbert.batching import ROWS, ScoringBatches
from augsbert.encoders.compiled import CompiledEncoder
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.network import round_linear_weights
from augsbert.hardware import Hardware
from augsbert.progress import StageProgress
from augsbert.ranks import rank_and_world
from augsbert.trainer import new_trainer, quieten

#: Batches in a shard of outputs: what a kill can cost.
SHARD = 64
#: What Lightning's mixed precisions multiply in.
_HALF = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def score(
    module: PairEncoder, pairs: pd.DataFrame, precision: str, hardware: Hardware, folder: Path, progress: StageProgress
) -> None:
    """Run an encoder over the scoring rows of pairs; :func:`read_scores` finds the outputs in the folder.

    Shards are dealt out to the ranks; those that a killed run left are not made again.

    Raises:
        UserError: the encoder's ``backend`` cannot run it.
    """
    quieten()
    shards = _shards(folder, hardware)
    shards.mkdir(exist_ok=True)
    module.configure_model()
    batches = ScoringBatches(module, module.scoring_rows(pairs), hardware.scoring_tokens)
    # All ranks see the same folder only before any of them writes.
    missing = [i for i in range(len(batches)) if not _shard(shards, i).exists()]
    rank, world = rank_and_world()
    mine = [i for i in missing if i // SHARD % world == rank] or missing[:1]
    if missing:
        loader = DataLoader(batches, batch_size=None, sampler=mine)
        writer = ShardWriter(shards, len(batches))
        if module.backend == "openvino":
            _predict_compiled(module, loader, precision, writer, progress)
        else:
            _predict(module, loader, precision, hardware, [writer, progress])


def _predict(
    module: PairEncoder, loader: DataLoader, precision: str, hardware: Hardware, callbacks: list[pl.Callback]
) -> None:
    if half := _HALF.get(precision):
        round_linear_weights(module, half)
    trainer = new_trainer(hardware, precision, callbacks=callbacks)
    trainer.predict(module.eval(), loader, return_predictions=False)


def _predict_compiled(
    module: PairEncoder, loader: DataLoader, precision: str, writer: ShardWriter, progress: StageProgress
) -> None:
    batches: ScoringBatches = loader.dataset  # type: ignore[assignment]
    rank, world = rank_and_world()
    assert module.model is not None
    # A few rows of the first batch and of the last, which is of another length.
    some = [batches[i]["inputs"] for i in (0, len(batches) - 1)]
    examples = [{name: tensor[:ROWS] for name, tensor in inputs.items()} for inputs in some]
    encoder = CompiledEncoder(module.model, module.forward, examples, precision, torch.get_num_threads())
    with progress.of(len(batches.rows) // world, module.ROWS, shown=rank == 0):
        for batch, outputs in encoder.outputs(loader):
            writer.add(batch, outputs, rank)
            progress.advance(batch)


def read_scores(module: PairEncoder, pairs: pd.DataFrame, hardware: Hardware, folder: Path) -> np.ndarray:
    """Scores (n,) float32 of the pairs whose outputs :func:`score` wrote; the module needs no weights for it."""
    return module.combine(pairs, _outputs(sorted(_shards(folder, hardware).glob("*.npz"))))


def _outputs(shards: Sequence[Path]) -> np.ndarray:
    """Of each row (n, ...), filled in from one shard at a time: a bi-encoder's outputs are large.

    Raises:
        KeyError: a row is in no shard.
    """
    indices = [_read(path, "indices") for path in shards]
    rows = np.unique(np.concatenate(indices))
    if rows[-1] != len(rows) - 1:
        raise KeyError(f"{shards[0].parent} lacks rows")
    first = _read(shards[0], "outputs")
    outputs = np.empty((len(rows), *first.shape[1:]), first.dtype)
    for path, places in zip(shards, indices, strict=True):
        outputs[places] = _read(path, "outputs")
    return outputs


def _read(shard: Path, name: str) -> np.ndarray:
    with np.load(shard) as arrays:
        return arrays[name]


class ShardWriter(pl.Callback):
    """Writes the outputs of each shard as soon as its last batch is through."""

    def __init__(self, folder: Path, batches: int) -> None:
        self.folder, self.batches = folder, batches
        self.indices: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []

    def on_predict_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """As :meth:`add`, for Lightning."""
        self.add(batch, outputs.cpu().numpy(), trainer.global_rank)

    def add(self, batch: Mapping[str, Any], outputs: np.ndarray, rank: int) -> None:
        """Collect; at a shard's end, write and rename, so that a half-written one is never read."""
        self.indices.append(batch["indices"].cpu().numpy())
        self.outputs.append(outputs)
        number = batch["number"]
        if (number + 1) % SHARD and number + 1 < self.batches:
            return
        target = _shard(self.folder, number)
        unfinished = target.with_suffix(f".{rank}")
        with unfinished.open("wb") as stream:
            np.savez(stream, indices=np.concatenate(self.indices), outputs=np.concatenate(self.outputs))
        unfinished.rename(target)
        self.indices, self.outputs = [], []


def _shards(folder: Path, hardware: Hardware) -> Path:
    """Shards count batches, and a GPU's are larger: what a run on a CPU has left is of no use there."""
    return folder / f".shards-{hardware.scoring_tokens}"


def _shard(folder: Path, batch: int) -> Path:
    return folder / f"{batch // SHARD:06d}.npz"
