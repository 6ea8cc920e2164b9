"""A fit: what its seeds decide, and that it is the plain one, whatever is spared."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from augsbert import training
from augsbert.batching import GlobalBatches
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.dropout import Dropout
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses import CosineSimilarityLoss
from augsbert.encoders.occurring import OccurringTokens
from augsbert.encoders.unpadding import UnpaddedAttention
from augsbert.hardware import Hardware
from augsbert.pairs import SENTENCES
from augsbert.training import EpochSeed
from tests.tiny import WORDS


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


@pytest.fixture
def without_dropout(tiny_model: Path, tmp_path: Path) -> Path:
    """Weights so large that attention is no mere mean, and a step of them no rounding error."""
    folder = tmp_path / "without_dropout"
    config = BertConfig.from_pretrained(tiny_model, initializer_range=0.2)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def _pairs_of_all_lengths(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS.split(), random.integers(1, 13))) for _ in range(2 * rows)]
    return pd.DataFrame({"sentence1": texts[::2], "sentence2": texts[1::2], "score": random.random(rows)})


def _plainly_fitted(folder: Path, pairs: pd.DataFrame, how: Fit) -> tuple[nn.Module, list[float]]:
    """By transformers and torch alone: padded batches, the whole table of words, no part of ours but the order."""
    model, tokenizer = AutoModel.from_pretrained(folder).train(), AutoTokenizer.from_pretrained(folder)
    trained = {name: p for name, p in model.named_parameters() if "pooler" not in name}
    groups = [{"params": [p]} | ({} if p.ndim > 1 else {"weight_decay": 0.0}) for p in trained.values()]
    optimizer = torch.optim.AdamW(groups, weight_decay=how.weight_decay)
    lengths = np.max([[len(ids) for ids in tokenizer(pairs[side].tolist())["input_ids"]] for side in SENTENCES], axis=0)
    batches, losses = list(GlobalBatches(lengths, how.batch_size, how.seed)), []
    warm_up = round(how.warmup_ratio * len(batches))
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = how.learning_rate * min(step / warm_up, (len(batches) - step) / (len(batches) - warm_up))
        u, v = (_mean_embeddings(model, tokenizer, pairs[side].iloc[batch].tolist()) for side in SENTENCES)
        loss = F.mse_loss(F.cosine_similarity(u, v), torch.tensor(pairs["score"].to_numpy(np.float32)[batch]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained.values(), how.max_grad_norm)
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, losses


def _mean_embeddings(model: nn.Module, tokenizer: Any, texts: list[str]) -> torch.Tensor:
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    mask = inputs["attention_mask"][..., None]
    return (model(**inputs).last_hidden_state * mask).sum(1) / mask.sum(1)


class _Spared(pl.Callback):
    """The kinds of modules that a fit runs on."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.kinds = {type(module) for module in pl_module.modules()}


def test_a_fit_on_real_tokens_and_occurring_words_ends_with_the_weights_of_a_plain_padded_one(
    without_dropout: Path, tmp_path: Path
) -> None:
    pairs, spared = _pairs_of_all_lengths(100), _Spared()
    how = Fit(epochs=1, batch_size=8, learning_rate=1e-3, weight_decay=0.1, precision="32-true")
    module = BiEncoder(str(without_dropout), loss=CosineSimilarityLoss(), fit=how)
    training.fit(module, pairs, pairs[:20], "regression", Hardware(), tmp_path, spared)
    assert spared.kinds >= {UnpaddedAttention, OccurringTokens, Dropout}
    plain, losses = _plainly_fitted(without_dropout, pairs, how)
    curve = pd.DataFrame(json.loads((tmp_path / "curve.json").read_text()))
    np.testing.assert_allclose(curve["loss"].dropna(), losses, atol=1e-6)
    found, expected = (model.state_dict() for model in (AutoModel.from_pretrained(tmp_path / "model"), plain))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # A key's bias adds as much to each of a query's scores: its gradient is rounding, of which Adam makes steps.
        if "key.bias" not in name:
            np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5, err_msg=name)
