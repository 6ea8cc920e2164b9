"""The cross-encoder: its loss, and what becomes of the two orders of a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from augsbert.batching import TrainingBatches
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.token_rows import Row
from augsbert.pairs import SENTENCES

PAIRS = pd.DataFrame(
    {
        "sentence1": ["the cat sleeps", "a man plays the ball in a big red park today", "dog"],
        "sentence2": ["a small child runs", "cat", "music house ball"],
        "score": [0.9, 0.1, 0.35],
    }
)
SWAPPED = PAIRS.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})


@pytest.fixture
def cross(tiny_model: Path, tmp_path: Path) -> Callable[..., CrossEncoder]:
    """Makes a cross-encoder of weights so large that logits differ clearly; without dropout."""
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(tiny_model, num_labels=1, initializer_range=0.5)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)

    def make(**settings: Any) -> CrossEncoder:
        module = CrossEncoder(str(tmp_path), **settings)
        module.configure_model()
        return module.eval()

    return make


@torch.no_grad()
def _logits(folder: str, pairs: pd.DataFrame) -> torch.Tensor:
    """Transformers' own (n,), in float64."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float64).eval()
    texts = (pairs[column].tolist() for column in SENTENCES)
    return model(**AutoTokenizer.from_pretrained(folder)(*texts, padding=True, return_tensors="pt")).logits[:, 0]


def _tokens(rows: Iterable[Row]) -> list[list[int]]:
    return [row["input_ids"].tolist() for row in rows]


def test_the_loss_is_torchs_binary_cross_entropy_of_the_pairs_logits_and_scores(
    cross: Callable[..., CrossEncoder],
) -> None:
    module = cross(train_both_orders=False)
    batch = TrainingBatches(module, PAIRS)[[2, 0, 1]]
    ours = module.pair_loss(module(batch["inputs"]).reshape(3, -1), batch["scores"])
    logits, scores = _logits(module.encoder, PAIRS), torch.tensor(PAIRS["score"].to_numpy())
    assert logits.max() - logits.min() > 0.1
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, scores)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-5, atol=1e-6)


def test_both_orders_of_each_pair_are_trained_on_with_its_score(cross: Callable[..., CrossEncoder]) -> None:
    module = cross()
    assert module.train_both_orders
    rows, scores = module.training_rows(PAIRS)
    first, second = (module.tokenize(*(pairs[column] for column in SENTENCES)) for pairs in (PAIRS, SWAPPED))
    assert _tokens(row for (row,) in rows) == _tokens(first) + _tokens(second)
    assert _tokens(first) != _tokens(second)
    np.testing.assert_array_equal(scores, np.tile(PAIRS["score"].to_numpy(np.float32), 2))
    assert _tokens(row for (row,) in cross(train_both_orders=False).training_rows(PAIRS)[0]) == _tokens(first)


def test_scored_in_both_orders_a_pair_has_the_sigmoid_of_its_own_two_logits_mean(
    cross: Callable[..., CrossEncoder],
) -> None:
    there, back = (_logits(cross().encoder, pairs) for pairs in (PAIRS, SWAPPED))
    assert (there - back).abs().min() > 0.01
    for module, logits in ((cross(score_both_orders=True), (there + back) / 2), (cross(), there)):
        with torch.no_grad():
            outputs = torch.cat([module(module.collate([row])) for row in module.scoring_rows(PAIRS)])
        np.testing.assert_allclose(module.combine(PAIRS, outputs.numpy()), torch.sigmoid(logits), atol=1e-6)
