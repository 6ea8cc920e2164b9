"""The poly-encoder: the paper's equations, losses, kept candidates, folders, and a whole run."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from augsbert.batching import ScoringBatches, TrainingBatches
from augsbert.encoders import losses
from augsbert.encoders.attention import attend, first_tokens
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.export import POLY_CODES, POLY_CONFIG
from augsbert.encoders.fit import Fit
from augsbert.encoders.poly import PolyEncoder
from augsbert.encoders.weights import resolve
from augsbert.errors import UserError
from augsbert.launch import Job, run

CONTEXTS = ["the cat sleeps", "a man plays the ball in a big red park today", "dog", "two women sing", "fast not old"]
CANDIDATES = ["a small child runs", "cat", "music house ball", "the old woman eats in the park", "red"]
PAIRS = pd.DataFrame({"sentence1": CONTEXTS, "sentence2": CANDIDATES, "score": [0.9, 0.1, 0.6, 0.3, 0.8]})
#: Every shape of it: codes, number of codes (more than a short sentence has tokens), pooling, similarity.
SHAPES = [
    ("learnt", 4, "mean", "cosine"),
    ("learnt", 16, "cls", "dot"),
    ("first", 6, "mean", "dot"),
    ("first", 16, "mean", "cosine"),
]


@pytest.fixture
def poly(tiny_model: Path) -> Callable[..., PolyEncoder]:
    """Makes a poly-encoder on the tiny model, without dropout."""

    def make(**settings: Any) -> PolyEncoder:
        module = PolyEncoder(str(tiny_model), **{"num_codes": 4, **settings})
        module.configure_model()
        return module.eval()

    return make


@torch.no_grad()
def _scores(module: PolyEncoder | BiEncoder, pairs: pd.DataFrame) -> np.ndarray:
    """As the pipeline scores: in batches of fixed shape, combined afterwards."""
    batches = ScoringBatches(module, module.scoring_rows(pairs), 512)
    rows: dict[int, np.ndarray] = {}
    for number in range(len(batches)):
        batch = batches[number]
        rows.update(zip(batch["indices"].tolist(), module.predict_step(batch, number).numpy(), strict=True))
    return module.combine(pairs, np.stack([rows[i] for i in range(len(rows))]))


def _outputs(module: PolyEncoder | BiEncoder, pairs: pd.DataFrame) -> Tensor:
    """What training_step hands to the loss: (B, 2, ...)."""
    outputs = module(TrainingBatches(module, pairs)[list(range(len(pairs)))]["inputs"])
    return outputs.reshape(len(pairs), 2, *outputs.shape[1:])


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


@torch.no_grad()
def _tokens(module: PolyEncoder, sentence: str) -> np.ndarray:
    """h_1..h_N of a sentence by itself: (N, D) in float64."""
    assert module.model is not None
    return module.model(**module.collate(module.tokenize([sentence]))).last_hidden_state[0].double().numpy()


def _by_the_paper(module: PolyEncoder, context: str, candidate: str) -> float:
    """Section 4.4, a sum at a time."""
    h, h_candidate = _tokens(module, context), _tokens(module, candidate)
    v = h_candidate[0] if module.pooling_mode == "cls" else h_candidate.mean(axis=0)
    y = h[: module.num_codes]
    if module.code_embeddings is not None:
        codes = module.code_embeddings.detach().double().numpy()
        y = np.array([sum(w * h_j for w, h_j in zip(_softmax(h @ c), h, strict=True)) for c in codes])
    u = sum(w * y_i for w, y_i in zip(_softmax(y @ v), y, strict=True))
    return float(u @ v / (np.linalg.norm(u) * np.linalg.norm(v) if module.similarity == "cosine" else 1))


@pytest.mark.parametrize(("codes", "num_codes", "pooling_mode", "similarity"), SHAPES)
def test_scores_are_those_of_the_papers_equations(
    poly: Callable[..., PolyEncoder], codes: str, num_codes: int, pooling_mode: str, similarity: str
) -> None:
    module = poly(codes=codes, num_codes=num_codes, pooling_mode=pooling_mode, similarity=similarity)
    if module.code_embeddings is not None:
        nn.init.normal_(module.code_embeddings, generator=torch.Generator().manual_seed(1))  # far from uniform weights
    expected = [_by_the_paper(module, *pair) for pair in zip(CONTEXTS, CANDIDATES, strict=True)]
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(_scores(module, PAIRS), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("codes", ["learnt", "first"])
def test_padding_changes_no_vector_and_no_score(poly: Callable[..., PolyEncoder], codes: str) -> None:
    module = poly(codes=codes, num_codes=6)
    alone = torch.cat([module(module.collate(module.tokenize([sentence]))) for sentence in CONTEXTS])
    padded = module(module.collate(module.tokenize(CONTEXTS), length=40))
    torch.testing.assert_close(padded, alone, atol=1e-6, rtol=0)
    by_itself = [_scores(module, PAIRS[i : i + 1].reset_index(drop=True))[0] for i in range(len(PAIRS))]
    np.testing.assert_allclose(_scores(module, PAIRS), by_itself, atol=1e-6)


@pytest.mark.parametrize("padding", [[False, False, True, True, True], [True, True, True, False, False]])
def test_attention_and_first_tokens_pass_over_padding_on_either_side(padding: list[bool]) -> None:
    tokens, mask = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(2)), torch.tensor([padding])
    real, queries = tokens[mask][None], torch.ones(3, 8)
    torch.testing.assert_close(attend(queries, tokens, mask), attend(queries, real, mask[mask][None]))
    torch.testing.assert_close(first_tokens(tokens, mask, 2), real[:, :2])
    torch.testing.assert_close(first_tokens(tokens, mask, 4), torch.cat([real, torch.zeros(1, 1, 8)], dim=1))
    torch.testing.assert_close(first_tokens(tokens, mask, 7), torch.cat([real, torch.zeros(1, 4, 8)], dim=1))


def test_with_one_first_code_it_is_a_bi_encoder(poly: Callable[..., PolyEncoder], tiny_model: Path) -> None:
    module = poly(codes="first", num_codes=1, pooling_mode="cls")
    bi = BiEncoder(str(tiny_model), pooling_mode="cls")
    bi.configure_model()
    np.testing.assert_allclose(_scores(module, PAIRS), _scores(bi.eval(), PAIRS), atol=1e-6)


@pytest.mark.parametrize("name", losses.__all__)
def test_every_loss_trains_it_and_with_one_first_code_as_a_bi_encoder(
    poly: Callable[..., PolyEncoder], tiny_model: Path, name: str
) -> None:
    pairs = pd.concat([PAIRS, PAIRS.assign(sentence2=CANDIDATES[::-1], score=PAIRS["score"] / 2)], ignore_index=True)
    torch.manual_seed(0)
    module = poly(codes="first", num_codes=1, pooling_mode="cls", loss=getattr(losses, name)())
    torch.manual_seed(0)
    bi = BiEncoder(str(tiny_model), pooling_mode="cls", loss=getattr(losses, name)())
    bi.configure_model()
    assert module.by_query == bi.by_query
    kept = pairs[module.loss.keep(pairs["score"].to_numpy())].reset_index(drop=True)
    scores, queries = torch.tensor(kept["score"]), torch.tensor(pd.factorize(kept["sentence1"])[0])
    more = (queries,) if module.by_query else ()
    ours, theirs = (m.pair_loss(_outputs(m, kept), scores, *more) for m in (module, bi.eval()))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)

    module = poly(loss=getattr(losses, name)())
    module.pair_loss(_outputs(module, kept), scores, *more).backward()
    assert module.code_embeddings is not None
    assert module.code_embeddings.grad is not None
    assert module.code_embeddings.grad.abs().max() > 0


@pytest.mark.parametrize(("similarity", "scale"), [("dot", 1.0), ("cosine", 20.0)])
def test_in_batch_negatives_are_all_candidates_of_the_batch_each_seen_anew(
    poly: Callable[..., PolyEncoder], similarity: str, scale: float
) -> None:
    loss = losses.MultipleNegativesRankingLoss(scale=scale, positive_from=0.0)
    module = poly(loss=loss, similarity=similarity)
    every = np.array([[_by_the_paper(module, context, v) for v in CANDIDATES] for context in CONTEXTS])
    expected = -np.mean([np.log(_softmax(scale * row)[i]) for i, row in enumerate(every)])
    value = module.pair_loss(_outputs(module, PAIRS), torch.tensor(PAIRS["score"]))
    np.testing.assert_allclose(value.item(), expected, rtol=1e-4)


def test_codes_are_learnt_with_the_other_parameters_and_need_their_fit(poly: Callable[..., PolyEncoder]) -> None:
    names = dict(poly().named_parameters())
    assert names["code_embeddings"].shape == (4, 32)
    assert "code_embeddings" not in dict(poly(codes="first").named_parameters())
    first, again, other = (poly(fit=Fit(seed=seed)).code_embeddings for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # Without a fit they are not trained, but what is scored with them must repeat itself.
    assert torch.equal(poly().code_embeddings, poly().code_embeddings)


def test_it_is_not_symmetric_but_for_the_mean_of_both_orders(poly: Callable[..., PolyEncoder]) -> None:
    swapped = PAIRS.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
    one, both = poly(), poly(score_both_orders=True)
    assert np.abs(_scores(one, PAIRS) - _scores(one, swapped)).max() > 1e-4
    np.testing.assert_allclose(_scores(both, PAIRS), (_scores(one, PAIRS) + _scores(one, swapped)) / 2, atol=1e-6)
    np.testing.assert_array_equal(_scores(both, PAIRS), _scores(both, swapped))


def test_a_score_does_not_depend_on_what_else_is_scored(poly: Callable[..., PolyEncoder], tiny_table: Path) -> None:
    pairs, module = pd.read_csv(tiny_table / "train.csv"), poly(num_codes=16)
    with torch.autocast("cpu", torch.bfloat16):
        scores = _scores(module, pairs)
        np.testing.assert_array_equal(_scores(module, pairs[::-1].reset_index(drop=True)), scores[::-1])
        np.testing.assert_array_equal(_scores(module, pairs[40:47].reset_index(drop=True)), scores[40:47])


@pytest.mark.parametrize(("codes", "num_codes", "pooling_mode", "similarity"), SHAPES)
def test_kept_candidates_score_as_pairs_do(
    poly: Callable[..., PolyEncoder], codes: str, num_codes: int, pooling_mode: str, similarity: str
) -> None:
    module = poly(codes=codes, num_codes=num_codes, pooling_mode=pooling_mode, similarity=similarity).train()
    candidates = [*CANDIDATES, *CONTEXTS] * 8  # more than a batch
    kept = module.embed_candidates(candidates)
    assert kept.shape == (80, 32)
    for context in CONTEXTS:
        expected = _scores(module, pd.DataFrame({"sentence1": context, "sentence2": candidates}))
        scores = module.score_context(context, kept).numpy()
        np.testing.assert_allclose(scores, expected, atol=1e-6 * max(1, np.abs(expected).max()))


def test_no_candidates_are_no_scores_and_both_orders_need_more(poly: Callable[..., PolyEncoder]) -> None:
    assert poly().score_context("cat", poly().embed_candidates([])).shape == (0,)
    with pytest.raises(UserError, match="score_both_orders=true: kept candidates have no codes"):
        poly(score_both_orders=True).score_context("cat", torch.zeros(1, 32))


@pytest.mark.parametrize(("codes", "num_codes", "pooling_mode", "similarity"), SHAPES)
def test_a_saved_folder_scores_the_same_bit_for_bit(
    poly: Callable[..., PolyEncoder], tmp_path: Path, codes: str, num_codes: int, pooling_mode: str, similarity: str
) -> None:
    settings = {"codes": codes, "num_codes": num_codes, "pooling_mode": pooling_mode, "similarity": similarity}
    module = poly(**settings, fit=Fit(seed=7))
    module.save(tmp_path)
    loaded = PolyEncoder.from_folder(tmp_path)
    named = PolyEncoder(str(tmp_path), **settings)
    named.configure_model()
    for again in (loaded, named.eval()):
        np.testing.assert_array_equal(_scores(again, PAIRS), _scores(module, PAIRS))
    assert (tmp_path / POLY_CODES).exists() == (codes == "learnt")
    loaded.save(tmp_path / "again")
    files = [file.relative_to(tmp_path / "again") for file in (tmp_path / "again").rglob("*.*")]
    differ = [file for file in files if (tmp_path / file).read_bytes() != (tmp_path / "again" / file).read_bytes()]
    assert [file.name for file in differ] in ([], ["tokenizer_config.json"])


def test_sentence_transformers_loads_the_candidates_side(poly: Callable[..., PolyEncoder], tmp_path: Path) -> None:
    poly().save(tmp_path)
    theirs = SentenceTransformer(str(tmp_path), device="cpu").encode(CANDIDATES)
    np.testing.assert_allclose(poly().embed_candidates(CANDIDATES).numpy(), theirs, atol=1e-5)


def test_codes_and_settings_are_part_of_what_the_weights_are_known_by(
    poly: Callable[..., PolyEncoder], tmp_path: Path
) -> None:
    module = poly()
    module.save(tmp_path / "one")
    assert module.code_embeddings is not None
    with torch.no_grad():
        module.code_embeddings += 1
    module.save(tmp_path / "two")
    shutil.copytree(tmp_path / "one", tmp_path / "three")
    (tmp_path / "three" / POLY_CONFIG).write_text("{}")
    assert len({resolve(str(tmp_path / name)).identity for name in ("one", "two", "three")}) == 3
    module.codes, module.code_embeddings = "first", None
    module.save(tmp_path / "two")
    assert not (tmp_path / "two" / POLY_CODES).exists()


def test_codes_file_is_checked_and_readable_as_the_others_are(poly: Callable[..., PolyEncoder], tmp_path: Path) -> None:
    poly().save(tmp_path)
    assert len({file.stat().st_mode for file in tmp_path.iterdir() if file.is_file()}) == 1
    (tmp_path / POLY_CODES).write_bytes((tmp_path / POLY_CODES).read_bytes()[:-9])
    with pytest.raises(UserError, match=f"{POLY_CODES}: truncated or not safetensors"):
        resolve(str(tmp_path))


REFUSED = {
    "codes=all: it must be one of learnt, first": {"codes": "all"},
    "num_codes=0: it must be a whole number of at least 1": {"num_codes": 0},
    "similarity=l2: it must be one of cosine, dot": {"similarity": "l2"},
    "pooling_mode=men: it must be one of": {"pooling_mode": "men"},
    "similarity=dot: CoSENTLoss trains cosines": {"similarity": "dot", "loss": losses.CoSENTLoss()},
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_setting_that_cannot_be_is_refused_by_name(message: str) -> None:
    with pytest.raises(UserError, match=message):
        PolyEncoder("model", **REFUSED[message])


def test_a_folder_with_other_codes_or_none_is_refused(poly: Callable[..., PolyEncoder], tmp_path: Path) -> None:
    poly(num_codes=3).save(tmp_path)
    with pytest.raises(UserError, match=r"num_codes=4: .* has 3\. Set num_codes=3"):
        PolyEncoder(str(tmp_path), num_codes=4)
    (tmp_path / POLY_CONFIG).unlink()
    with pytest.raises(UserError, match=r"no poly_config\.json in it"):
        PolyEncoder.from_folder(tmp_path)


FIT = {"_target_": "augsbert.encoders.fit.Fit", "epochs": 1, "learning_rate": 1e-3, "precision": "32-true"}
NEGATIVES = {"_target_": "augsbert.encoders.losses.MultipleNegativesRankingLoss"}


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(tiny_model: Path, tiny_table: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "without_dropout")
    config = json.loads((model / "config.json").read_text())
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (model / "config.json").write_text(json.dumps(config | dropout))
    part = {"_target_": "augsbert.encoders.poly.PolyEncoder", "encoder": str(model), "num_codes": 4}
    train, dev = (pd.read_csv(tiny_table / f"{name}.csv")[:51] for name in ("train", "dev"))
    curves = []
    for devices in (1, 2):
        (tmp_path / str(devices)).mkdir()
        hardware = {"_target_": "augsbert.hardware.Hardware", "devices": devices}
        job = Job("fit", "fit", {**part, "loss": NEGATIVES, "fit": FIT}, hardware, str(tmp_path / str(devices)))
        run(job, train=train, dev=dev)
        curves.append(pd.DataFrame(json.loads((tmp_path / str(devices) / "curve.json").read_text())))
    np.testing.assert_allclose(curves[1]["loss"], curves[0]["loss"], atol=1e-5)


def test_a_whole_run_with_a_poly_encoder(
    preloaded_program: Callable[..., subprocess.CompletedProcess[str]],
    tiny_run: list[str],
    tiny_table: Path,
    tmp_path: Path,
) -> None:
    done = preloaded_program(*tiny_run, "bi_encoder=poly", "bi_encoder.num_codes=4")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    for name in ("bi_encoder", "baseline", "untrained"):
        assert np.isfinite(metrics[f"{name}/test/spearman"])
    test = pd.read_csv(tiny_table / "test.csv")
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    predicted = predictions.loc[predictions["split"] == "test", "bi_encoder"]
    fitted = PolyEncoder.from_folder(tmp_path / "out" / "bi_encoder")
    np.testing.assert_allclose(_scores(fitted, test), predicted, atol=1e-6)
