"""What tests share: where the real data lies, a tiny model with its tokenizer, tiny pairs, and the program as a user runs it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
WORDS = [
    "a",
    "the",
    "man",
    "woman",
    "dog",
    "cat",
    "child",
    "plays",
    "runs",
    "eats",
    "sleeps",
    "sings",
    "music",
    "ball",
    "park",
    "house",
    "red",
    "big",
    "small",
    "old",
    "quickly",
    "today",
    "not",
]


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Path of a real data file, or a skip that names it."""
    folder = Path(os.environ.get("AUGSBERT_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"{folder / name} is not there (AUGSBERT_DATA)")
        return folder / name

    return find


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers and 32 dimensions with random weights, and a tokenizer that knows WORDS and single letters."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_model")
    letters = [*"abcdefghijklmnopqrstuvwxyz.,?!"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *WORDS[1:]]
    raw = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {
        "unk_token": "[UNK]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    PreTrainedTokenizerFast(tokenizer_object=raw, **special).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(pieces), max_position_embeddings=64, **size)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv (120 pairs), dev.csv and test.csv (40 each): scores 0..1 by the share of common words."""
    folder = tmp_path_factory.mktemp("tiny_table")
    random = np.random.default_rng(0)
    for name, rows in (("train", 120), ("dev", 40), ("test", 40)):
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["sentence1", "sentence2", "score"])
            for _ in range(rows):
                first = random.choice(WORDS, 6, replace=False)
                second = np.where(random.random(6) < random.random(), first, random.choice(WORDS, 6, replace=False))
                writer.writerow([" ".join(first), " ".join(second), round(float(np.mean(first == second)), 3)])
    return folder


@pytest.fixture
def tiny_run(tiny_model: Path, tiny_table: Path, tmp_path: Path) -> list[str]:
    """Overrides of a whole run in a few seconds: tiny model, tiny table, one epoch, a store and an output folder of its own."""
    return [
        "dataset=table",
        *(f"dataset.{split}={tiny_table / split}.csv" for split in ("train", "dev", "test")),
        f"model={tiny_model}",
        "gold_size=60",
        "sampler.top_k=2",
        *(f"{node}.fit.epochs=1" for node in ("cross_encoder", "bi_encoder", "baseline")),
        "logger=none",
        f"store.dir={tmp_path / 'store'}",
        f"hydra.run.dir={tmp_path / 'out'}",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    ]


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs run.py as a user does, in an empty folder, on one thread."""

    def run(*overrides: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "here").mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *overrides],
            cwd=tmp_path / "here",
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run
