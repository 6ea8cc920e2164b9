"""Loading a network: what its weights leave to chance is refused, but for a head that a fit draws."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
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
