"""Sentence level, on a tiny sequence-to-sequence model with random weights, and no more: what comes out is noise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.augmenters.sentence import Sentence
from augsbert.config import part_class
from augsbert.errors import UserError
from augsbert.parts import encoders

SENTENCES = ["the dog runs", "a cat sleeps in the red house today", "old music"]


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BART of one layer, with the tokenizer of the tiny model."""
    import torch
    from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

    folder = tmp_path_factory.mktemp("seq2seq")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2}
    layers = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in {"layers": 1, "ffn_dim": 32, "attention_heads": 2}.items()
    }
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, max_position_embeddings=64, forced_eos_token_id=3, **layers, **special
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


def test_every_sentence_comes_back_rewritten_in_its_place(model: Path) -> None:
    augmenter = Sentence(str(model), generation={"max_new_tokens": 8})
    made = augmenter.rewrite(SENTENCES, np.random.default_rng(0))
    assert len(made) == 3
    assert all(made)
    alone = [augmenter.rewrite([sentence], np.random.default_rng(0))[0] for sentence in SENTENCES]
    assert made == alone


def test_sampled_copies_differ_and_hang_on_the_seed(model: Path) -> None:
    gold = pd.DataFrame({"sentence1": SENTENCES, "sentence2": SENTENCES[::-1], "score": [0.2, 1.0, 0.4]})
    settings = {"copies": 3, "generation": {"do_sample": True, "num_beams": 1, "max_new_tokens": 8}}
    first, again = (Sentence(str(model), seed=1, **settings)(gold) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert len(first) > 3
    assert not Sentence(str(model), seed=2, **settings)(gold).equals(first)


def test_back_translation_runs_the_second_model_on_what_the_first_gives(model: Path) -> None:
    short = {"max_new_tokens": 8}
    there = Sentence(str(model), generation=short).rewrite(SENTENCES, np.random.default_rng(0))
    back = Sentence(str(model), generation=short).rewrite(there, np.random.default_rng(0))
    both = Sentence(str(model), back=str(model), generation=short).rewrite(SENTENCES, np.random.default_rng(0))
    assert both == back


def test_both_settings_name_weights_to_the_pipeline() -> None:
    node = {"_target_": "augsbert.augmenters.sentence.Sentence", "encoder": "a", "back": "b", "prefix": ""}
    assert part_class(node) is Sentence
    assert dict(encoders(node)) == {"encoder": "a", "back": "b"}


def test_another_kind_of_model_is_refused(tiny_model: Path) -> None:
    with pytest.raises(UserError, match="it is no sequence-to-sequence model"):
        Sentence(str(tiny_model)).rewrite(["a"], np.random.default_rng(0))


def test_a_wrong_model_for_the_way_back_is_named_as_such(model: Path, tiny_model: Path) -> None:
    with pytest.raises(UserError, match=r"back=.*: it is no sequence-to-sequence model"):
        Sentence(str(model), back=str(tiny_model)).rewrite(["a"], np.random.default_rng(0))


def test_a_sentence_longer_than_the_model_reads_is_cut(model: Path) -> None:
    short = Sentence(str(model), generation={"max_new_tokens": 4})
    assert short.rewrite(["the dog runs " * 40], np.random.default_rng(0))[0]


@pytest.mark.parametrize("generation", [{"top_p": 2}, {"do_sample": "maybe"}, {"num_beams": 0}, {"beams": 1}])
def test_generation_settings_are_checked_at_once(generation: dict) -> None:
    with pytest.raises(UserError, match=f"generation.{next(iter(generation))}="):
        Sentence("any", generation=generation)


def test_weights_that_lack_a_layer_are_refused(model: Path, tmp_path: Path) -> None:
    lacking = Path(shutil.copytree(model, tmp_path / "lacking"))
    config = json.loads((lacking / "config.json").read_text())
    (lacking / "config.json").write_text(json.dumps(config | {"encoder_layers": 2}))
    with pytest.raises(UserError, match=r"encoder=.*: its weights lack 16 tensors, model.encoder.layers.1"):
        Sentence(str(lacking)).rewrite(SENTENCES, np.random.default_rng(0))
