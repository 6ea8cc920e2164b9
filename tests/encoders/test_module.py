"""Loading a network: what its weights leave to chance is refused, but for a head that a fit draws."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.module import PairEncoder
from augsbert.errors import UserError


@pytest.fixture
def renamed(tiny_model: Path, tmp_path: Path) -> Path:
    """Weights as ``torch.compile`` names them, of which none fits."""
    folder = shutil.copytree(tiny_model, tmp_path / "renamed")
    tensors = load_file(folder / "model.safetensors")
    save_file({f"_orig_mod.{k}": v for k, v in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize("encoder", [BiEncoder, CrossEncoder])
def test_weights_that_do_not_fit_the_network_are_refused(encoder: type, renamed: Path) -> None:
    with pytest.raises(UserError, match=r"renamed: its weights lack \d+ tensors of a bert, .*would be random"):
        encoder(str(renamed), fit=Fit()).configure_model()


def test_a_head_of_several_labels_is_replaced_by_a_fit_and_refused_without(tiny_model: Path, tmp_path: Path) -> None:
    config = BertConfig.from_pretrained(tiny_model, num_labels=3)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    fitted = CrossEncoder(str(tmp_path), fit=Fit())
    fitted.configure_model()
    assert fitted.model is not None
    assert fitted.model.config.num_labels == 1
    with pytest.raises(UserError, match="no head of one score"):
        CrossEncoder(str(tmp_path)).configure_model()


def test_a_tokenizer_that_cannot_pad_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(UserError, match="no token to pad with"):
        BiEncoder(str(folder)).configure_model()


@pytest.mark.parametrize("kind", [BiEncoder, CrossEncoder])
def test_a_network_is_cut_to_its_first_layers_and_says_so_where_it_is_saved(
    kind: type[PairEncoder], tiny_model: Path, tmp_path: Path
) -> None:
    whole, cut = (kind(str(tiny_model), num_layers=layers, fit=Fit()) for layers in (None, 1))
    for module in (whole, cut):
        module.configure_model()
    assert whole.model is not None
    assert cut.model is not None
    first = {name: tensor for name, tensor in whole.model.state_dict().items() if "layer.1." not in name}
    kept = cut.model.state_dict()
    assert set(kept) == set(first)
    body = [name for name in kept if "classifier" not in name and "pooler" not in name]
    assert all(torch.equal(kept[name], first[name]) for name in body)
    cut.save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["num_hidden_layers"] == 1


def test_more_layers_than_there_are_is_a_mistake(tiny_model: Path) -> None:
    with pytest.raises(UserError, match=r"num_layers=3: .* has 2 layers"):
        BiEncoder(str(tiny_model), num_layers=3).configure_model()


@pytest.mark.parametrize("length", [None, 16])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("names", [["input_ids", "attention_mask"], ["input_ids", "token_type_ids"]])
def test_rows_are_padded_as_the_tokenizer_pads_them(
    names: list[str], side: str, length: int | None, tiny_model: Path
) -> None:
    module = BiEncoder(str(tiny_model), max_seq_length=16)
    module.configure_model()
    tokenizer: Any = module.tokenizer
    tokenizer.model_input_names, tokenizer.padding_side, tokenizer._pad_token_type_id = names, side, 3
    texts = ["a small child runs", "cat", "the man plays music in the big red park", "dog"]
    padding = "longest" if length is None else "max_length"
    expected = tokenizer.pad([tokenizer(text) for text in texts], padding, length, return_tensors="pt")
    found = module.collate(module.tokenize(texts), length)
    assert found.keys() == expected.keys() == set(names)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
