"""The peer's side of ``training.py``: sentence-transformers' trainers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import sentence_transformers as st
import torch
from matrix import DEVICES
from sentence_transformers import cross_encoder as ce
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

from augsbert.batching import GlobalBatches
from augsbert.encoders.network import keep_layers
from augsbert.hardware import Hardware, keep_freed_memory


class GroupedByLength(DefaultBatchSampler):
    """A batch sampler for the peer's bi-encoder that groups pairs by their longer sentence, as ours does."""

    def joined(self, lengths: pd.DataFrame) -> pd.Series:
        """What a pair is padded by, of the lengths of its sentences."""
        return lengths.max(axis=1)

    def __iter__(self) -> Iterator[list[int]]:
        texts: Any = self.sampler.with_format("pandas")[:]  # type: ignore[union-attr]
        lengths = texts[["sentence1", "sentence2"]].apply(lambda column: column.str.len())
        yield from GlobalBatches(self.joined(lengths).to_numpy(), self.batch_size, self.seed)


class GroupedByJointLength(GroupedByLength):
    """The same for a cross-encoder, whose input is both sentences."""

    def joined(self, lengths: pd.DataFrame) -> pd.Series:
        """As of any pair."""
        return lengths.sum(axis=1)


def loaded(encoder: str, folder: str, hardware: Hardware, layers: int | None = None) -> Any:
    """The peer's model, of the first layers alone where there is a number of them."""
    device = DEVICES[hardware.accelerator]
    if encoder == "cross_encoder":
        return st.CrossEncoder(folder, num_labels=1, device=device)
    model: Any = st.SentenceTransformer(folder, device=device)
    if layers:
        keep_layers(model[0].auto_model, layers)
    return model


def fitted(
    model: Any, train: pd.DataFrame, settings: dict[str, float], folder: Path, hardware: Hardware, *, best: bool
) -> float:
    """Seconds of one epoch.

    Args:
        model: what is fitted.
        train: scored pairs.
        settings: ``batch_size``, ``learning_rate``, ``seed``.
        folder: where it saves the model.
        hardware: where it runs.
        best: in its best setting, else as by default.
    """
    from datasets import Dataset

    trainer, arguments, loss, grouped = _kinds(model)
    given = {
        "output_dir": str(folder),
        "seed": settings["seed"],
        "num_train_epochs": 1,
        "per_device_train_batch_size": settings["batch_size"],
        "learning_rate": settings["learning_rate"],
        "warmup_steps": 0.1,
        "save_strategy": "epoch",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": hardware.accelerator == "cpu",
    }
    if best:
        keep_freed_memory()
        given |= {"bf16": hardware.precision("auto") == "bf16-mixed", "batch_sampler": grouped}
    pairs = Dataset.from_pandas(train[["sentence1", "sentence2", "score"]], preserve_index=False)
    made = trainer(model=model, args=arguments(**given), train_dataset=pairs, loss=loss(model))
    if hardware.accelerator == "gpu":
        torch.cuda.synchronize()
    start = time.perf_counter()
    made.train()
    return time.perf_counter() - start


def _kinds(model: Any) -> tuple[Any, Any, Any, Any]:
    """Trainer, its arguments, loss and sampler of batches."""
    if isinstance(model, st.CrossEncoder):
        loss: Any = BinaryCrossEntropyLoss
        return ce.CrossEncoderTrainer, ce.CrossEncoderTrainingArguments, loss, GroupedByJointLength
    loss = CosineSimilarityLoss
    return st.SentenceTransformerTrainer, st.SentenceTransformerTrainingArguments, loss, GroupedByLength


def score(model: Any, dev: pd.DataFrame) -> float:
    """Spearman's correlation on dev by the peer's evaluator."""
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderCorrelationEvaluator
    from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

    first, second, scores = (list(dev[column]) for column in ("sentence1", "sentence2", "score"))
    if not isinstance(model, st.CrossEncoder):
        bi = EmbeddingSimilarityEvaluator(first, second, scores, name="dev")
        return float(bi(model)["dev_spearman_cosine"])
    pairs = [list(pair) for pair in zip(first, second, strict=True)]
    return float(CrossEncoderCorrelationEvaluator(pairs, scores, name="dev")(model)["dev_spearman"])
