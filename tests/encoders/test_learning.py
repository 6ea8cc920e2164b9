"""Each kind of encoder learns: what it is shown, the right way round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert import training
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses import CosineSimilarityLoss
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.poly import PolyEncoder
from augsbert.hardware import Hardware

PETS, MUSIC = ("cat", "dog", "child", "ball"), ("music", "sings", "house", "park")


def _pairs(seed: int, rows: int) -> pd.DataFrame:
    """A sentence of pets, and another with more of them the higher the score."""
    random = np.random.default_rng(seed)
    texts = []
    for pets in random.integers(0, 5, rows):
        second = [*random.choice(PETS, pets), *random.choice(MUSIC, 4 - pets)]
        texts.append((" ".join(random.choice(PETS, 4)), " ".join(random.permutation(second)), pets / 4))
    return pd.DataFrame(texts, columns=["sentence1", "sentence2", "score"])


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
