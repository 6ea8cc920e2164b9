"""A last layer for the first token alone gives the logits and gradients of the whole one."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig, DistilBertConfig, ElectraConfig, RobertaConfig
from transformers import XLMRobertaConfig as XLMConfig

from augsbert.encoders.first_token import FirstTokenAttention, only_first_token

SIZE = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
INPUTS = {
    "input_ids": torch.tensor([[2, 40, 41, 42, 3], [2, 43, 3, 1, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
}


def model_of(kind: type) -> torch.nn.Module:
    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_config(kind(num_labels=1, **SIZE)).eval()


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig, XLMConfig, ElectraConfig])
@pytest.mark.parametrize("padded", [True, False])
def test_logits_and_gradients_are_those_of_the_whole_layer(kind: type, padded: bool) -> None:
    whole = model_of(kind)
    first = copy.deepcopy(whole)
    only_first_token(first)
    assert any(isinstance(module, FirstTokenAttention) for module in first.modules())
    inputs = INPUTS if padded else {name: value[:1] for name, value in INPUTS.items()}
    logits = []
    for model in (whole, first):
        logits.append(model(**inputs).logits)
        logits[-1].sum().backward()
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-5, atol=1e-6)
    expected = dict(whole.named_parameters())
    for name, parameter in first.named_parameters():
        wanted = expected[name].grad
        found = torch.zeros_like(wanted) if wanted is not None and parameter.grad is None else parameter.grad
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")


def test_parameters_keep_their_names() -> None:
    whole = model_of(BertConfig)
    first = copy.deepcopy(whole)
    only_first_token(first)
    assert first.state_dict().keys() == whole.state_dict().keys()


def test_a_layer_of_another_build_stays_whole() -> None:
    torch.manual_seed(0)
    config = DistilBertConfig(vocab_size=60, dim=32, n_layers=2, n_heads=2, hidden_dim=64, num_labels=1)
    model = AutoModelForSequenceClassification.from_config(config)
    only_first_token(model)
    assert not any(isinstance(module, FirstTokenAttention) for module in model.modules())
