from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert.datasets.sample import Sample
from augsbert.pairs import SENTENCES, Pool, distinct_sentences, places
from augsbert.samplers import bm25, bm25_index
from augsbert.samplers.bm25 import BM25, tokenize
from augsbert.samplers.bm25_index import CompiledIndex, Index

NOTHING = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")


def _partners(pairs: pd.DataFrame, query: str) -> list[str]:
    return list(pairs[pairs["sentence1"] == query]["sentence2"])


@pytest.fixture(scope="module")
def real() -> Pool:
    """A twentieth of the sample's train pairs."""
    rows = Sample()().train.iloc[::20]
    return Pool(distinct_sentences(rows), rows[SENTENCES])


@pytest.mark.parametrize("settings", [{}, {"stopwords": "english"}, {"k1": 0.9, "b": 0.4}, {"top_k": 11}])
def test_both_backends_find_the_same_neighbours_in_the_same_order(real: Pool, settings: dict) -> None:
    assert len(real.sentences) > 400
    fast, slow = (BM25(backend=backend, **settings)(real, real.pairs) for backend in ("bm25s", "rank_bm25"))
    pd.testing.assert_frame_equal(fast, slow)


@pytest.mark.parametrize("settings", [{}, {"top_k": 1}, {"k1": 0.9, "b": 0.4, "top_k": 30}])
def test_the_compiled_search_finds_the_same_neighbours(
    real: Pool, settings: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    pool = Pool(real.sentences[:200], real.pairs)
    plain = BM25(**settings)(pool, real.pairs)
    monkeypatch.setattr(bm25, "_COMPILED_FROM", 0)
    pd.testing.assert_frame_equal(BM25(**settings)(pool, real.pairs), plain)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many queries each pass of the compiled search gets, by its width, or as ``plain``."""
    found: Counter[str] = Counter()
    settle, search = CompiledIndex._settle, Index.search

    def settle_and_count(index: CompiledIndex, queries: np.ndarray, top_k: int, width: int, *more: Any) -> Any:
        found[str(width)] += len(queries)
        return settle(index, queries, top_k, width, *more)

    def search_and_count(index: Index, queries: np.ndarray, *more: Any) -> None:
        found["plain"] += len(queries)
        search(index, queries, *more)

    monkeypatch.setattr(CompiledIndex, "_settle", settle_and_count)
    monkeypatch.setattr(Index, "search", search_and_count)
    return found


def test_what_ties_leave_open_the_compiled_search_finds_in_a_wider_pass_and_then_the_long_way(
    passes: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    # 120 tie over any of "a", more than both passes see; 40 over "b", more than the first one sees; two over "c".
    ties = [*(f"a w{i}" for i in range(120)), *(f"b w{i}" for i in range(200, 240)), "c x", "c y"]
    pool = Pool(ties, NOTHING)
    exclude = pd.DataFrame({"sentence1": [ties[0], ties[130]], "sentence2": [ties[2], ties[120]]})
    plain = BM25()(pool, exclude)
    passes.clear()
    monkeypatch.setattr(bm25, "_COMPILED_FROM", 0)
    monkeypatch.setattr(bm25_index, "_BLOCK", 50)
    pd.testing.assert_frame_equal(BM25()(pool, exclude), plain)
    assert passes == {"13": 162, "104": 160, "plain": 120}


def test_neighbours_are_those_of_the_formula(real: Pool) -> None:
    sentences, top_k, k1, b = real.sentences[:120], 5, 1.2, 0.6
    tokens = [tokenize(sentence) for sentence in sentences]
    mean = np.mean([len(words) for words in tokens])

    def score(query: list[str], words: list[str]) -> float:
        total = 0.0
        for word in query:
            containing = sum(word in other for other in tokens)
            idf = np.log(1 + (len(tokens) - containing + 0.5) / (containing + 0.5))
            norm = k1 * (1 - b + b * len(words) / mean)
            total += idf * words.count(word) * (k1 + 1) / (words.count(word) + norm)
        return total

    expected = set()
    for query in range(0, 120, 4):
        scores = np.array([score(tokens[query], words) for words in tokens]).round(9)
        scores[query] = 0
        order = np.lexsort((np.arange(120), -scores))[:top_k]
        expected |= {frozenset((query, int(place))) for place in order if scores[place] > 0}
    pairs = BM25(top_k=top_k, k1=k1, b=b)(Pool(sentences, NOTHING), NOTHING)
    assert expected <= {frozenset(row) for row in places(sentences, pairs).tolist()}


@pytest.mark.parametrize("backend", ["bm25s", "rank_bm25"])
def test_sentences_that_share_no_word_are_never_neighbours(backend: str) -> None:
    pool = Pool(["red dogs run", "blue cats sleep", "dogs sleep", "...", "green birds"], NOTHING)
    pairs = BM25(top_k=4, backend=backend)(pool, NOTHING)  # type: ignore[arg-type]
    found = {frozenset(row) for row in pairs[["sentence1", "sentence2"]].to_numpy()}
    assert found == {frozenset(("red dogs run", "dogs sleep")), frozenset(("blue cats sleep", "dogs sleep"))}


@pytest.mark.parametrize("backend", ["bm25s", "rank_bm25"])
def test_a_pool_without_any_word_gives_an_empty_table(backend: str) -> None:
    assert len(BM25(backend=backend)(Pool(["?", "!", "..."], NOTHING), NOTHING)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["bm25s", "rank_bm25"])
def test_ties_go_to_the_sentence_that_stands_first(backend: str) -> None:
    pool = Pool(["query", *(f"query {letter}" for letter in "hgfedcba")], NOTHING)
    pairs = BM25(top_k=3, backend=backend)(pool, NOTHING)  # type: ignore[arg-type]
    assert _partners(pairs, "query") == ["query h", "query g", "query f"]


def test_the_query_is_skipped_by_its_place_even_where_another_has_the_same_words() -> None:
    pool = Pool(["A dog!", "a dog", "a dog runs", "a cat"], NOTHING)
    assert _partners(BM25(top_k=1)(pool, NOTHING), "A dog!") == ["a dog"]


def test_an_excluded_neighbour_makes_room_for_the_next_best() -> None:
    pool = Pool(["red big dog", "red big cat", "red bird", "a fish", "the end"], NOTHING)
    exclude = pd.DataFrame({"sentence1": ["red big cat"], "sentence2": ["red big dog"]})
    assert _partners(BM25(top_k=1)(pool, NOTHING), "red big dog") == ["red big cat"]
    assert _partners(BM25(top_k=1)(pool, exclude), "red big dog") == ["red bird"]


def test_a_word_in_every_sentence_still_counts_and_counts_least() -> None:
    pool = Pool(["the dog", "the cat and the bird", "dog bird the", "the x"], NOTHING)
    partners = _partners(BM25(top_k=3)(pool, NOTHING), "the dog")
    assert partners[0] == "dog bird the"
    assert len(partners) == 3


def test_words_are_lower_case_runs_of_letters_and_digits_of_any_script() -> None:
    assert tokenize("What's ２ of the ÜBER-Größe? Москва, 東京") == [
        *["what", "s", "2", "of", "the", "über", "größe", "москва", "東京"]
    ]
    assert tokenize("cafe\u0301") == tokenize("caf\u00e9") == ["caf\u00e9"]


def test_english_stopwords_are_left_out_on_demand() -> None:
    assert tokenize("The dog is in a park", "english") == ["dog", "park"]


def test_rank_bm25_warns_of_a_large_pool_with_its_size(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("augsbert.samplers.bm25._SLOW_FROM", 3)
    with caplog.at_level(logging.WARNING):
        BM25(backend="rank_bm25")(Pool(["a dog", "a cat", "a bird"], NOTHING), NOTHING)
    assert "all 3 sentences" in caplog.text
    assert "backend=bm25s" in caplog.text
