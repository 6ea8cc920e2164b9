"""A fit over the tokens that occur is the fit over all of them."""

from __future__ import annotations

import copy
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel

from augsbert import training
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses.cosine_similarity import CosineSimilarityLoss
from augsbert.encoders.occurring import OccurringTokens, only_occurring
from augsbert.encoders.poly import PolyEncoder
from augsbert.hardware import Hardware
from augsbert.training import loaders, occurring_in

ROWS = [[2, 40, 41, 3], [2, 42, 3]]
INPUTS = {
    "input_ids": torch.tensor([[2, 40, 41, 3], [2, 42, 3, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
}


@pytest.fixture
def model(tiny_model: Path) -> PreTrainedModel:
    return AutoModel.from_pretrained(tiny_model).eval()


def fitted(model: PreTrainedModel, steps: int = 5) -> PreTrainedModel:
    found = Fit(learning_rate=1e-2, weight_decay=0.1, warmup_ratio=0.4).optimizers(model.named_parameters(), steps)
    for _ in range(steps):
        loss = model(**INPUTS).last_hidden_state[:, 0].square().sum()
        found["optimizer"].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        found["optimizer"].step()
        found["lr_scheduler"]["scheduler"].step()
    return model


def test_all_weights_are_those_of_a_plain_fit_unread_rows_too(model: PreTrainedModel) -> None:
    plain, start = fitted(copy.deepcopy(model)), model.get_input_embeddings().weight.detach().clone()
    with only_occurring(model, [[0], *ROWS]):
        assert len(model.get_input_embeddings().weight) == 7
        fitted(model)
    found, expected = model.state_dict(), plain.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")
    unread = found["embeddings.word_embeddings.weight"][50]
    assert not torch.equal(unread, start[50]), "weight decay has to show, or this test proves nothing"


def test_outputs_are_the_same_within_and_after(model: PreTrainedModel) -> None:
    before = model(**INPUTS).last_hidden_state
    with only_occurring(model, [[0], *ROWS]):
        torch.testing.assert_close(model(**INPUTS).last_hidden_state, before, rtol=0, atol=0)
    torch.testing.assert_close(model(**INPUTS).last_hidden_state, before, rtol=0, atol=0)


def test_a_token_that_does_not_occur_is_refused(model: PreTrainedModel) -> None:
    with only_occurring(model, [[0], *ROWS]), pytest.raises(IndexError):
        model(input_ids=torch.tensor([[2, 50, 3]]))


def test_the_table_is_back_after_an_error(model: PreTrainedModel) -> None:
    table = model.get_input_embeddings()
    with pytest.raises(KeyError), only_occurring(model, ROWS):
        raise KeyError
    assert model.get_input_embeddings() is table


def test_a_frozen_embedding_stays_as_it_is(model: PreTrainedModel) -> None:
    model.get_input_embeddings().weight.requires_grad_(False)
    with only_occurring(model, ROWS):
        assert not isinstance(model.get_input_embeddings(), OccurringTokens)


@pytest.mark.parametrize("kind", [BiEncoder, PolyEncoder, CrossEncoder])
def test_every_token_of_dev_is_there_on_whichever_side_it_stands(kind: type, tiny_model: Path) -> None:
    loss = {} if kind is CrossEncoder else {"loss": CosineSimilarityLoss()}
    module = kind(str(tiny_model), fit=Fit(batch_size=2), **loss)
    module.configure_model()
    train = pd.DataFrame({"sentence1": ["a man", "the man"], "sentence2": ["the man", "a man"], "score": [0.5, 0.6]})
    dev = pd.DataFrame({"sentence1": ["a dog", "a cat"], "sentence2": ["red music", "old park"], "score": [0.1, 0.2]})
    batches = loaders(module, train, dev, Hardware())
    with occurring_in(module, batches), torch.inference_mode():
        outputs = [module.eval().validation_step(batch, 0) for batch in batches[1]]
    assert all(torch.isfinite(output).all() for output in outputs)


@pytest.mark.parametrize("encoder", ["bi", "cross"])
@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_a_fit_in_half_precision_ends(
    precision: str, encoder: str, tiny_model: Path, tiny_table: Path, tmp_path: Path
) -> None:
    fit = Fit(epochs=1, precision=precision)  # type: ignore[arg-type]
    module = {
        "bi": lambda: BiEncoder(str(tiny_model), loss=CosineSimilarityLoss(), fit=fit),
        "cross": lambda: CrossEncoder(str(tiny_model), fit=fit),
    }[encoder]()
    train = pd.read_csv(tiny_table / "train.csv")[:32]
    training.fit(module, train, train, "regression", Hardware(), tmp_path)
    assert (tmp_path / "model" / "model.safetensors").exists()
