"""Linear weights that are rounded once give what autocast gives that rounds them for each batch."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, BertConfig, DistilBertConfig

from augsbert.encoders.network import round_linear_weights

SIZE = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
INPUTS = {
    "input_ids": torch.tensor([[2, 40, 41, 42, 3], [2, 43, 3, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
}


@pytest.mark.parametrize("kind", [AutoModelForSequenceClassification, AutoModelForMaskedLM])
@pytest.mark.parametrize("config", [BertConfig(**SIZE), DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_outputs_under_autocast_are_equal_to_the_bit(kind: type, config: object, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = kind.from_config(config).eval()
    rounded = copy.deepcopy(model)
    round_linear_weights(rounded, dtype)
    assert {p.dtype for m in rounded.modules() if isinstance(m, torch.nn.Linear) for p in m.parameters()} == {dtype}
    with torch.inference_mode(), torch.autocast("cpu", dtype):
        assert torch.equal(rounded(**INPUTS).logits, model(**INPUTS).logits)


def test_what_shares_a_linear_layers_weights_keeps_its_own() -> None:
    model = AutoModelForMaskedLM.from_config(BertConfig(**SIZE))
    tied = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is tied
    before = tied.detach().clone()
    round_linear_weights(model, torch.bfloat16)
    assert torch.equal(model.get_input_embeddings().weight, before)
