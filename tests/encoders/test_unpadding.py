"""A fit on real tokens alone has the outputs and gradients of the padded batch."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModel, BertConfig, CamembertConfig, DistilBertConfig, ElectraConfig, RobertaConfig
from transformers import XLMRobertaConfig as XLMConfig

from augsbert.encoders import unpadding
from augsbert.encoders.unpadding import UnpaddedAttention, unpad_training

SIZE = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
DROPOUTS = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}
LENGTHS = torch.tensor([10, 3, 2, 7, 5])
MASK = (torch.arange(10) < LENGTHS[:, None]).long()
INPUTS = {"input_ids": torch.arange(4, 54).reshape(5, 10) * MASK + 1 - MASK, "attention_mask": MASK}
KINDS = [BertConfig, RobertaConfig, XLMConfig, CamembertConfig, ElectraConfig]


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
    assert MASK.sum() == 27
    assert seen == [32] * 3  # the next multiple of 16, below the 50 of the padded batch
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


def test_the_padding_that_fills_up_a_shape_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = model_of(BertConfig)
    unpad_training(filled)
    bare, outputs = copy.deepcopy(filled), []
    for model, step in ((filled, 16), (bare, 1)):
        monkeypatch.setattr(unpadding, "_STEP", step)
        seen = lengths_seen(model)
        outputs.append(model(**INPUTS).last_hidden_state[MASK.bool()])
        assert seen[0] == {16: 32, 1: 27}[step]
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-6)
    wanted, got = gradients(bare, outputs[1]), gradients(filled, outputs[0])
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5, msg=lambda text, n=name: f"{n}: {text}")


def test_a_batch_that_cannot_be_filled_up_stays_whole() -> None:
    padded = model_of(BertConfig)
    unpadded = copy.deepcopy(padded)
    unpad_training(unpadded)
    few = {name: values[:3, :5] for name, values in INPUTS.items()}  # 10 real tokens of 15
    expected, found = (model(**few).last_hidden_state[few["attention_mask"].bool()] for model in (padded, unpadded))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


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
