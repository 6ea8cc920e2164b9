"""A tiny model and tiny pairs, for tests and for the reliability experiments."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

WORDS = (
    "a the man woman dog cat child plays runs eats sleeps sings music ball park house red big small old fast today not"
)


def write_model(folder: Path, hidden_size: int = 32, positions: int = 64) -> None:
    """A BERT of 2 layers with random weights, 16 dimensions a head, and a tokenizer that knows WORDS and letters."""
    from transformers import BertModel

    _write(folder, BertModel, hidden_size, positions)


def write_masked_model(folder: Path) -> None:
    """The same with a head for masked words."""
    from transformers import BertForMaskedLM

    _write(folder, BertForMaskedLM)


def _write(folder: Path, kind: Any, hidden_size: int = 32, positions: int = 64) -> None:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, PreTrainedTokenizerFast

    letters = [*"abcdefghijklmnopqrstuvwxyz.,?!"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *WORDS.split()[1:]]
    raw = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("unk", "pad", "cls", "sep", "mask")
    special = {f"{name}_token": f"[{name.upper()}]" for name in names}
    PreTrainedTokenizerFast(tokenizer_object=raw, **special).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": hidden_size, "num_attention_heads": hidden_size // 16, "intermediate_size": 2 * hidden_size}
    config = BertConfig(vocab_size=len(pieces), max_position_embeddings=positions, num_hidden_layers=2, **size)
    kind(config).save_pretrained(folder)


def write_table(folder: Path, train: int = 120, dev: int = 40, test: int = 40, seed: int = 0) -> None:
    """``train.csv``, ``dev.csv`` and ``test.csv`` with so many pairs each: scores 0..1 by the share of common words."""
    random, words = np.random.default_rng(seed), WORDS.split()
    for name, rows in (("train", train), ("dev", dev), ("test", test)):
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["sentence1", "sentence2", "score"])
            for _ in range(rows):
                first = random.choice(words, 6, replace=False)
                second = np.where(random.random(6) < random.random(), first, random.choice(words, 6, replace=False))
                writer.writerow([" ".join(first), " ".join(second), round(float(np.mean(first == second)), 3)])
