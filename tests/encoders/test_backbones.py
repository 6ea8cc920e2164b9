"""Each backbone is cut, fitted, scored and saved as an encoder of ours, and loads in sentence-transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
from sentence_transformers import CrossEncoder as PeerCrossEncoder
from sentence_transformers import SentenceTransformer
from transformers import AutoModel

from augsbert import scoring, training
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses.cosine_similarity import CosineSimilarityLoss
from augsbert.encoders.module import PairEncoder
from augsbert.hardware import Hardware
from tests.encoders.test_export import BACKBONES, PAIRS, _config, _network, _tokenizer

PAIRS_TABLE = pd.DataFrame(4 * PAIRS, columns=["sentence1", "sentence2"]).assign(score=[0.1, 0.9, 0.4, 0.6] * 4)


@pytest.fixture(params=BACKBONES)
def backbone(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a tiny network of two layers and its tokenizer."""
    _network(AutoModel, _config(request.param)).save_pretrained(tmp_path / "backbone")
    _tokenizer(request.param).save_pretrained(tmp_path / "backbone")
    return tmp_path / "backbone"


def _fitted_and_scored(module: PairEncoder, folder: Path) -> np.ndarray:
    """Fit, then score the same pairs with what the fit has saved in ``folder/model``."""
    folder.mkdir()
    training.fit(module, PAIRS_TABLE, PAIRS_TABLE, "regression", Hardware(), folder)
    saved = type(module)(str(folder / "model"))
    (folder / "scores").mkdir()
    scoring.score(saved, PAIRS_TABLE, "32-true", Hardware(), folder / "scores", pl.Callback())
    return scoring.read_scores(saved, PAIRS_TABLE, Hardware(), folder / "scores")


@pytest.mark.parametrize("num_layers", [1, None])
def test_a_fitted_bi_encoder_scores_as_sentence_transformers_does(
    num_layers: int | None, backbone: Path, tmp_path: Path
) -> None:
    fit = Fit(epochs=1, learning_rate=1e-3, precision="32-true")
    module = BiEncoder(str(backbone), num_layers, loss=CosineSimilarityLoss(), fit=fit)
    scores = _fitted_and_scored(module, tmp_path / "fit")
    peer = SentenceTransformer(str(tmp_path / "fit" / "model"), device="cpu")
    u, v = (peer.encode(list(PAIRS_TABLE[name]), normalize_embeddings=True) for name in ("sentence1", "sentence2"))
    np.testing.assert_allclose(scores, (u * v).sum(axis=1), atol=1e-5)


@pytest.mark.parametrize("num_layers", [1, None])
def test_a_fitted_cross_encoder_scores_as_sentence_transformers_does(
    num_layers: int | None, backbone: Path, tmp_path: Path
) -> None:
    module = CrossEncoder(str(backbone), num_layers, fit=Fit(epochs=1, learning_rate=1e-3, precision="32-true"))
    scores = _fitted_and_scored(module, tmp_path / "fit")
    peer = PeerCrossEncoder(str(tmp_path / "fit" / "model"), device="cpu")
    pairs = list(PAIRS_TABLE[["sentence1", "sentence2"]].itertuples(index=False, name=None))
    np.testing.assert_allclose(scores, peer.predict(pairs), atol=1e-5)
