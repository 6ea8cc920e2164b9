"""Distillation over a query's candidates: sentence-transformers' values and gradients, and batches made for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers.sentence_transformer import losses as theirs
from sentence_transformers.util import pairwise_cos_sim
from torch import Tensor, nn

from augsbert.batching import GlobalBatches, TrainingBatches
from augsbert.encoders import losses
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.losses import DistillKLDivLoss, MarginMSELoss
from augsbert.errors import UserError

QUERIES, CANDIDATES, D = 4, 3, 8
IDS = torch.arange(QUERIES).repeat_interleave(CANDIDATES)
SCORES = torch.rand(QUERIES, CANDIDATES, generator=torch.Generator().manual_seed(3))


class Given(nn.Module):
    """Stands for their model: the features are the embeddings."""

    device = torch.device("cpu")

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["embedding"]}


def _embeddings() -> tuple[Tensor, Tensor]:
    """One embedding a query, one a candidate."""
    query, candidates = torch.randn(2, QUERIES, CANDIDATES, D, generator=torch.Generator().manual_seed(1))
    return query[:, 0], candidates


def _theirs(loss: nn.Module, labels: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    query, candidates = (x.requires_grad_() for x in _embeddings())
    features = [{"embedding": query}, *({"embedding": candidates[:, i]} for i in range(columns))]
    value = loss(features, labels)
    value.backward()
    return value, query.grad


def _ours(loss: nn.Module, columns: int) -> tuple[Tensor, Tensor]:
    query, candidates = (x.requires_grad_() for x in _embeddings())
    u = query[:, None].expand(-1, columns, -1).reshape(-1, D)
    ids = torch.arange(QUERIES).repeat_interleave(columns)
    value = loss(u, candidates[:, :columns].reshape(-1, D), SCORES[:, :columns].reshape(-1), ids)
    value.backward()
    return value, query.grad


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_kl_divergence_equals_sentence_transformers(temperature: float) -> None:
    reference = theirs.DistillKLDivLoss(Given(), similarity_fct=pairwise_cos_sim, temperature=temperature)
    expected, mine = _theirs(reference, SCORES, CANDIDATES), _ours(DistillKLDivLoss(temperature), CANDIDATES)
    torch.testing.assert_close(mine[0], expected[0])
    torch.testing.assert_close(mine[1], expected[1])


def test_margin_mse_equals_sentence_transformers_for_two_candidates() -> None:
    reference = theirs.MarginMSELoss(Given(), similarity_fct=pairwise_cos_sim)
    expected, mine = _theirs(reference, SCORES[:, :2], 2), _ours(MarginMSELoss(), 2)
    torch.testing.assert_close(mine[0], expected[0])
    torch.testing.assert_close(mine[1], expected[1])


@pytest.mark.parametrize("loss", [MarginMSELoss(), DistillKLDivLoss()], ids=["margin_mse", "kl"])
def test_a_shift_of_a_querys_scores_changes_nothing(loss: nn.Module) -> None:
    query, candidates = _embeddings()
    u, v, scores = query.repeat_interleave(CANDIDATES, 0), candidates.reshape(-1, D), SCORES.reshape(-1)
    shifted = scores + IDS * 0.1
    torch.testing.assert_close(loss(u, v, shifted, IDS), loss(u, v, scores, IDS))


@pytest.mark.parametrize("loss", [MarginMSELoss(), DistillKLDivLoss()], ids=["margin_mse", "kl"])
def test_a_batch_of_single_candidates_teaches_nothing_and_has_finite_gradients(loss: nn.Module) -> None:
    query, candidates = (x.requires_grad_() for x in _embeddings())
    value = loss(query, candidates[:, 0], SCORES[:, 0], torch.arange(QUERIES))
    value.backward()
    assert value.item() == pytest.approx(0)
    assert query.grad.abs().max() < 1e-6


@pytest.fixture
def module(tiny_model: Path) -> Callable[[nn.Module], BiEncoder]:
    def make(loss: nn.Module) -> BiEncoder:
        bi_encoder = BiEncoder(str(tiny_model), loss=loss)
        bi_encoder.configure_model()
        return bi_encoder

    return make


def _pairs(queries: int, candidates: int) -> pd.DataFrame:
    rows = [
        (f"{'a dog runs ' * (1 + q % 3)}{'x' * (q + 1)}", f"cat {'y' * (c + 1)}")
        for c in range(candidates)
        for q in range(queries)
    ]
    return pd.DataFrame(rows, columns=["sentence1", "sentence2"]).assign(score=np.linspace(0, 1, len(rows)))


def test_batches_are_made_of_queries_with_all_their_candidates(module: Callable[[nn.Module], BiEncoder]) -> None:
    batches = TrainingBatches(module(MarginMSELoss()), _pairs(queries=20, candidates=4))
    assert batches.queries is not None
    for epoch in (0, 1):
        sampler = GlobalBatches(batches.lengths, batch_size=8, seed=0, queries=batches.queries)
        sampler.set_epoch(epoch)
        made = list(sampler)
        assert sorted(row for batch in made for row in batch) == list(range(80))
        assert all(len(set(batches.queries[batch].tolist())) == 2 for batch in made)


def test_the_queries_reach_the_loss_from_the_batch(module: Callable[[nn.Module], BiEncoder]) -> None:
    bi_encoder = module(MarginMSELoss()).eval()
    batches = TrainingBatches(bi_encoder, _pairs(queries=3, candidates=2))
    batch = batches[list(range(6))]
    outputs = bi_encoder(batch["inputs"]).reshape(6, 2, -1)
    expected = MarginMSELoss()(outputs[:, 0], outputs[:, 1], batch["scores"], torch.tensor([0, 1, 2, 0, 1, 2]))
    torch.testing.assert_close(bi_encoder.pair_loss(outputs, batch["scores"], batch["queries"]), expected)


def test_pairs_in_which_no_sentence_has_two_partners_are_refused(module: Callable[[nn.Module], BiEncoder]) -> None:
    with pytest.raises(UserError, match="MarginMSELoss compares candidates of one sentence1"):
        TrainingBatches(module(MarginMSELoss()), _pairs(queries=5, candidates=1))


def test_a_loss_that_compares_no_candidates_needs_no_queries(module: Callable[[nn.Module], BiEncoder]) -> None:
    assert TrainingBatches(module(losses.CoSENTLoss()), _pairs(queries=5, candidates=1)).queries is None
