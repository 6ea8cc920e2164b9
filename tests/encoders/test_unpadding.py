"""A fit on real tokens alone has the outputs and gradients of the padded batch."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModel, BertConfig, DistilBertConfig, ElectraConfig, RobertaConfig
from transformers import XLMRobertaConfig as XLMConfig

from augsbert.encoders.unpadding import UnpaddedAttention, unpad_training

SIZE = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
DROPOUTS = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]])
INPUTS = {
    "input_ids": torch.tensor([[2, 40, 41, 42, 3], [2, 43, 3, 1, 1], [2, 3, 1, 1, 1]]),
    "attention_mask": MASK,
}
KINDS = [BertConfig, RobertaConfig, XLMConfig, ElectraConfig]


def model_of(kind: type) -> torch.nn.Module:
    torch.manual_seed(0)
    return AutoModel.from_config(kind(**SIZE, **DROPOUTS)).train()


def lengths_seen(model: torch.nn.Module) -> list[int]:
    """Tokens a row that each layer is given, filled as the model runs."""
    seen: list[int] = []
    layers = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == 3)
    for layer in layers:
        layer.intermediate.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    return seen


def gradients(model: torch.nn.Module, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
    outputs.pow(2).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_those_of_the_padded_batch(kind: type) -> None:
    padded = model_of(kind)
    unpadded = copy.deepcopy(padded)
    unpad_training(unpadded)
    seen = lengths_seen(unpadded)
    expected, found = (model(**INPUTS).last_hidden_state[MASK.bool()] for model in (padded, unpadded))
    assert seen == [int(MASK.sum())] * 3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    wanted, got = gradients(padded, expected), gradients(unpadded, found)
    assert got.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5, msg=lambda text, n=name: f"{n}: {text}")


def test_a_scoring_stays_padded_to_the_bit() -> None:
    padded = model_of(BertConfig).eval()
    unpadded = copy.deepcopy(padded)
    unpad_training(unpadded)
    seen = lengths_seen(unpadded)
    assert torch.equal(padded(**INPUTS).last_hidden_state, unpadded(**INPUTS).last_hidden_state)
    assert seen == [MASK.shape[1]] * 3


def test_padding_is_zeros_in_what_comes_out() -> None:
    model = model_of(BertConfig)
    unpad_training(model)
    assert not model(**INPUTS).last_hidden_state[~MASK.bool()].any()


def test_half_precision_stays_near() -> None:
    padded = model_of(BertConfig)
    unpadded = copy.deepcopy(padded)
    unpad_training(unpadded)
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = (model(**INPUTS).last_hidden_state[MASK.bool()] for model in (padded, unpadded))
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_parameters_keep_their_names() -> None:
    whole = model_of(BertConfig)
    unpadded = copy.deepcopy(whole)
    unpad_training(unpadded)
    assert unpadded.state_dict().keys() == whole.state_dict().keys()


def test_a_network_of_another_build_stays_as_it_is() -> None:
    model = AutoModel.from_config(DistilBertConfig(vocab_size=60, dim=32, n_layers=2, n_heads=2, hidden_dim=64))
    unpad_training(model)
    assert not any(isinstance(module, UnpaddedAttention) for module in model.modules())
