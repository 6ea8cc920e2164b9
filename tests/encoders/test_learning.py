"""Each kind of encoder learns: what it is shown, the right way round."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from augsbert import training
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses import CosineSimilarityLoss, DistillKLDivLoss, MarginMSELoss
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.poly import PolyEncoder
from augsbert.evaluation import metrics
from augsbert.hardware import Hardware

PETS, MUSIC = ("cat", "dog", "child", "ball"), ("music", "sings", "house", "park")
LOOKS = ("red", "big", "small", "old")


def _pairs(seed: int, rows: int) -> pd.DataFrame:
    """A sentence of pets, and another with more of them the higher the score."""
    random = np.random.default_rng(seed)
    texts = []
    for pets in random.integers(0, 5, rows):
        second = [*random.choice(PETS, pets), *random.choice(MUSIC, 4 - pets)]
        texts.append((" ".join(random.choice(PETS, 4)), " ".join(random.permutation(second)), pets / 4))
    return pd.DataFrame(texts, columns=["sentence1", "sentence2", "score"])


def _with_partners(seed: int, queries: int, partners: int) -> pd.DataFrame:
    """So many such pairs for each first sentence, which is of looks: it has no word of a second one."""
    texts = [" ".join(words) for words in itertools.product(LOOKS, repeat=4)]
    looks = np.random.default_rng(seed).choice(texts, queries, replace=False)
    return _pairs(seed, queries * partners).assign(sentence1=np.tile(looks, partners))


def _spearman(module: PairEncoder, pairs: pd.DataFrame) -> float:
    module.configure_model()
    with torch.inference_mode():
        outputs = module.eval()(module.collate(module.scoring_rows(pairs)))
    return metrics(module.combine(pairs, outputs.numpy()), pairs["score"].to_numpy(), "regression")["spearman"]


@pytest.mark.parametrize(
    ("kind", "epochs", "settings"),
    [
        (CrossEncoder, 8, {"train_both_orders": False}),
        (BiEncoder, 3, {"loss": CosineSimilarityLoss()}),
        (PolyEncoder, 3, {"loss": CosineSimilarityLoss(), "num_codes": 2}),
    ],
)
def test_a_fit_lowers_the_loss_and_ranks_pairs_that_it_has_not_seen(
    tiny_model: Path, tmp_path: Path, kind: type[PairEncoder], epochs: int, settings: dict[str, Any]
) -> None:
    how = Fit(epochs=epochs, batch_size=16, learning_rate=5e-3, precision="32-true")
    module = kind(str(tiny_model), num_layers=1, fit=how, **settings)
    training.fit(module, _pairs(0, 96), _pairs(1, 40), "regression", Hardware(), tmp_path)
    curve = pd.DataFrame(json.loads((tmp_path / "curve.json").read_text()))
    losses = curve.groupby("epoch")["loss"].mean()
    # A cross-entropy with scores between 0 and 1 does not go to 0.
    assert losses.iloc[-1] < (0.8 if kind is CrossEncoder else 0.3) * losses.iloc[0]
    assert curve["dev/spearman"].iloc[-1] > 0.8


@pytest.mark.parametrize("loss", [MarginMSELoss(), DistillKLDivLoss()], ids=["margin_mse", "kl"])
def test_a_fit_that_compares_a_sentences_partners_ranks_pairs_that_it_has_not_seen(
    tiny_model: Path, tmp_path: Path, loss: nn.Module
) -> None:
    how = Fit(epochs=4, batch_size=16, learning_rate=5e-3, precision="32-true")
    module, dev = BiEncoder(str(tiny_model), num_layers=1, loss=loss, fit=how), _with_partners(1, 10, 4)
    training.fit(module, _with_partners(0, 24, 4), dev, "regression", Hardware(), tmp_path)
    curve = pd.DataFrame(json.loads((tmp_path / "curve.json").read_text()))
    losses = curve.groupby("epoch")["loss"].mean()
    assert losses.iloc[-1] < 0.3 * losses.iloc[0]
    assert _spearman(BiEncoder(str(tiny_model), num_layers=1), dev) < 0.2
    assert curve["dev/spearman"].iloc[-1] > 0.8


@pytest.mark.parametrize("loss", [MarginMSELoss(), DistillKLDivLoss()], ids=["margin_mse", "kl"])
def test_a_fit_that_compares_a_sentences_partners_has_all_of_them_in_one_batch(
    tiny_model: Path, loss: nn.Module
) -> None:
    module = BiEncoder(str(tiny_model), loss=loss, fit=Fit(batch_size=16))
    module.configure_model()
    pairs = _with_partners(0, 24, 4)
    train, _ = training.loaders(module, pairs, pairs, Hardware())
    batches = [batch["queries"].tolist() for batch in train]
    assert [[batch.count(query) for query in sorted(set(batch))] for batch in batches] == [[4] * 4] * 6
