"""A fit's own attention is transformers' with another way of drawing what is dropped."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModel, BertConfig, CamembertConfig, DistilBertConfig, ElectraConfig, RobertaConfig
from transformers import XLMRobertaConfig as XLMConfig

from augsbert.encoders.dropout import replace_dropout
from augsbert.encoders.self_attention import SelfAttention, replace_attention
from augsbert.encoders.unpadding import unpad_training

SIZE = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
MASK = (torch.arange(9) < torch.tensor([9, 4, 6])[:, None]).long()
INPUTS = {"input_ids": torch.arange(4, 31).reshape(3, 9) * MASK + 1 - MASK, "attention_mask": MASK}
KINDS = [BertConfig, RobertaConfig, XLMConfig, CamembertConfig, ElectraConfig]


def both(kind: type, dropped: float) -> tuple[torch.nn.Module, torch.nn.Module]:
    """A model of transformers, and the same with the attention replaced; of dropout there is the attention's alone."""
    torch.manual_seed(0)
    plain = AutoModel.from_config(kind(**SIZE, hidden_dropout_prob=0.0, attention_probs_dropout_prob=dropped))
    replaced = copy.deepcopy(plain)
    replace_dropout(replaced)
    replace_attention(replaced)
    assert sum(isinstance(module, SelfAttention) for module in replaced.modules()) == 2
    return plain, replaced


def real_outputs(model: torch.nn.Module) -> torch.Tensor:
    return model(**INPUTS).last_hidden_state[MASK.bool()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_scoring_is_equal_to_the_bit(kind: type) -> None:
    plain, replaced = both(kind, 0.1)
    assert torch.equal(real_outputs(plain.eval()), real_outputs(replaced.eval()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_dropout_that_drops_next_to_nothing_gives_the_outputs_and_gradients_of_none(kind: type) -> None:
    plain, replaced = both(kind, 1e-9)
    outputs = []
    for model in (plain.eval(), replaced.train()):
        outputs.append(real_outputs(model))
        outputs[-1].pow(2).sum().backward()
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)
    expected = dict(plain.named_parameters())
    for name, parameter in replaced.named_parameters():
        if (wanted := expected[name].grad) is not None:
            assert parameter.grad is not None, name
            torch.testing.assert_close(parameter.grad, wanted, rtol=1e-4, atol=5e-5, msg=lambda text, n=name: n + text)


def attended(module: torch.nn.Module, mask: torch.Tensor | None, draws: int = 1) -> torch.Tensor:
    """The mean of so many draws of what the first layer attends to, for drawn queries, keys and values."""
    first = next(part for part in module.modules() if isinstance(part, SelfAttention))
    heads = torch.randn(3, 1, 2, 5, 16, generator=torch.Generator().manual_seed(1)).expand(-1, draws, -1, -1, -1)
    return first.attend(*heads, mask).mean(dim=0)


def test_the_mean_of_many_draws_is_what_is_attended_to_without_dropout() -> None:
    _, replaced = both(BertConfig, 0.3)
    expected = attended(replaced.eval(), None)
    torch.manual_seed(0)
    few, many = (attended(replaced.train(), None, draws) for draws in (1, 20_000))
    torch.testing.assert_close(many, expected, rtol=0, atol=0.03)
    assert (few - expected).abs().max() > 0.1


@pytest.mark.parametrize("masked", [torch.tensor([[True, True, False, True, False]]), None])
def test_masks_of_either_kind_hide_what_is_not_to_be_seen(masked: torch.Tensor | None) -> None:
    _, replaced = both(BertConfig, 1e-9)
    expected = attended(replaced.eval(), masked)
    torch.testing.assert_close(attended(replaced.train(), masked), expected, rtol=1e-5, atol=1e-6)
    if masked is not None:
        added = torch.zeros(1, 5).masked_fill(~masked, float("-inf"))
        torch.testing.assert_close(attended(replaced, added), expected, rtol=1e-5, atol=1e-6)


def test_half_precision_stays_near() -> None:
    plain, replaced = both(BertConfig, 1e-9)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(real_outputs(replaced.train()), real_outputs(plain.eval()), rtol=0.05, atol=0.05)


def test_parameters_keep_their_names() -> None:
    plain, replaced = both(BertConfig, 0.1)
    assert replaced.state_dict().keys() == plain.state_dict().keys()


def test_a_network_of_another_build_stays_as_it_is() -> None:
    model = AutoModel.from_config(DistilBertConfig(vocab_size=60, dim=32, n_layers=2, n_heads=2, hidden_dim=64))
    replace_attention(model)
    assert not any(isinstance(module, SelfAttention) for module in model.modules())


def test_a_network_that_looks_back_alone_stays_as_it_is() -> None:
    model = AutoModel.from_config(BertConfig(**SIZE, is_decoder=True))
    replace_attention(model)
    unpad_training(model)
    assert not any(isinstance(module, SelfAttention) for module in model.modules())
