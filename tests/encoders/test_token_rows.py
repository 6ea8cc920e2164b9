"""Token rows: what a tokenizer gives text by text, in a fraction of its memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert.encoders import module as of_module
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses import CosineSimilarityLoss
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.token_rows import PairRows, Row, TokenRows
from tests.tiny import WORDS


def sentences(number: int, longest: int = 12) -> list[str]:
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS.split(), random.integers(1, longest))) for _ in range(number)]


@pytest.fixture
def made(tiny_model: Path) -> Callable[..., Any]:
    """Makes an encoder of the tiny model, with a tokenizer that tells the sentences of a pair apart."""

    def make(kind: type[PairEncoder] = CrossEncoder, **settings: Any) -> PairEncoder:
        module = kind(str(tiny_model), fit=Fit(), **settings)
        module.configure_model()
        assert module.tokenizer is not None
        module.tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
        return module

    return make


def lists(row: Row) -> dict[str, list[int]]:
    return {name: values.tolist() for name, values in row.items()}


@pytest.mark.parametrize("columns", [1, 2])
def test_a_row_is_what_the_tokenizer_gives_for_its_text_alone_whichever_window_it_is_in(
    columns: int, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_module, "WINDOW", 3)
    texts = [column.tolist() for column in np.array_split(sentences(10 * columns), columns)]
    module = made(max_seq_length=8)
    rows = module.tokenize(*texts)
    alone = [module.tokenizer(*text, truncation=True, max_length=8) for text in zip(*texts, strict=True)]
    expected = [{name: row[name] for name in ("input_ids", "token_type_ids")} for row in alone]
    assert [lists(row) for row in rows] == expected
    assert [lists(row) for row in rows.take([7, -1, 7])] == [expected[7], expected[-1], expected[7]]
    assert rows.lengths.tolist() == [len(row["input_ids"]) for row in expected]
    assert rows.lengths.min() < rows.lengths.max() == 8
    assert rows.token_ids() == sorted({token for row in expected for token in row["input_ids"]})


def test_no_text_gives_no_row(made: Callable[..., Any]) -> None:
    rows = made().tokenize([])
    assert len(rows) == 0
    assert rows.token_ids() == []
    assert list(rows) == []


def test_token_numbers_of_all_sizes_are_kept() -> None:
    windows = [[[0, 3], [255]], [[256, 65535]], [[250_001], [], [70_000, 1]]]
    rows = TokenRows({"input_ids": window} for window in windows)
    assert [row["input_ids"].tolist() for row in rows] == [ids for window in windows for ids in window]


def test_a_pairs_rows_come_one_after_another_and_its_longest_counts() -> None:
    rows = PairRows(TokenRows([{"input_ids": [[1], [2, 2], [3, 3, 3]]}]), np.array([[2, 0], [0, 1], [0, 0]]))
    assert rows.lengths.tolist() == [3, 2, 1]
    assert [row["input_ids"].tolist() for row in rows.take([1, 0])] == [[1], [2, 2], [3, 3, 3], [1]]
    assert [len(row) for row in rows] == [2, 2, 2]


def test_a_million_pairs_fit_into_a_hundred_megabytes(
    made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_module, "WINDOW", 64)
    module, texts = made(), sentences(4000)
    pairs = pd.DataFrame({"sentence1": texts[::2], "sentence2": texts[1::2]})
    module.tokenize(["the first call reads what the later ones have"])
    tracemalloc.start()
    try:
        rows = module.scoring_rows(pairs)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows.lengths.mean() > 14
    assert kept / len(pairs) < 100
    assert peak / len(pairs) < 400, "the tokenizer's own output of all pairs never exists at once"


def test_a_sentence_of_several_training_pairs_is_tokenized_once_and_stands_in_each(
    made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = made(BiEncoder, loss=CosineSimilarityLoss())
    texts = sentences(6)
    pairs = pd.DataFrame({"sentence1": texts * 4, "sentence2": texts[1:] * 4 + texts[:4], "score": 0.5})[::-1]
    expected = [[lists(row) for row in module.tokenize(pair[:2])] for pair in pairs.itertuples(index=False)]
    seen: list[str] = []
    tokenize = module.tokenize

    def seeing(texts: list[str]) -> TokenRows:
        seen.extend(texts)
        return tokenize(texts)

    monkeypatch.setattr(module, "tokenize", seeing)
    rows, _ = module.training_rows(pairs)
    assert [[lists(row) for row in pair] for pair in rows] == expected
    assert sorted(seen) == sorted(set(texts))
