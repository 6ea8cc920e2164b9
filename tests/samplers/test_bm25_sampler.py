from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tqdm import tqdm

from augsbert.datasets.quora import Quora
from augsbert.datasets.sample import Sample
from augsbert.pairs import SENTENCES, Pool, distinct_sentences, places
from augsbert.samplers import bm25, bm25_index
from augsbert.samplers.bm25 import BM25, tokenize
from augsbert.samplers.bm25_index import Bm25sIndex, CompiledIndex, Index
from augsbert.samplers.bm25_tables import tables_of
from augsbert.samplers.neighbours import Forbidden

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


def _found(index: Index, tokens: list[list[str]], top_k: int, forbidden: Forbidden) -> np.ndarray:
    found = np.full((len(tokens), top_k), -1)
    queries = np.array([place for place, words in enumerate(tokens) if words])
    index.search(queries, top_k, forbidden, found, tqdm(disable=True))
    return found


def _drawn(seed: int, sentences: int, words: int, mean: float) -> list[list[str]]:
    """Sentences of words drawn by a Zipf law, some empty, many with repeated words, and many equal to one another."""
    rng = np.random.default_rng(seed)
    lengths = rng.poisson(mean, sentences)
    share = 1 / np.arange(1, words + 1)
    drawn = rng.choice(words, lengths.sum(), p=share / share.sum())
    return [[f"w{word}" for word in part] for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def _forbidden(seed: int, sentences: int, pairs: int) -> Forbidden:
    rows = np.random.default_rng(seed).integers(sentences, size=(pairs, 2)).astype(str)
    return Forbidden([str(place) for place in range(sentences)], pd.DataFrame(rows, columns=SENTENCES))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("mean", [3, 12])
def test_the_compiled_search_finds_the_same_by_blocks_in_threads_with_repeated_words_and_ties(
    mean: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(bm25_index, "_BLOCK", 700)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    tokens, forbidden = _drawn(mean, 3_000, 2_000, mean), _forbidden(mean, 3_000, 5_000)
    plain, compiled = (_found(index(tokens, 1.5, 0.75), tokens, 6, forbidden) for index in (Bm25sIndex, CompiledIndex))
    assert np.array_equal(compiled, plain)


def test_the_compiled_search_finds_the_same_in_any_small_collection() -> None:
    pytest.importorskip("numba")
    for seed in range(150):
        rng = np.random.default_rng(seed)
        size, words, mean, top_k = (int(rng.integers(2, most)) for most in (60, 80, 9, 12))
        tokens, forbidden = _drawn(seed, size, words, mean), _forbidden(seed, size, size)
        if any(tokens):
            k1, b = float(rng.choice([0, 0.9, 1.5, 100])), float(rng.choice([0, 0.4, 1]))
            plain, compiled = (
                _found(index(tokens, k1, b), tokens, top_k, forbidden) for index in (Bm25sIndex, CompiledIndex)
            )
            assert np.array_equal(compiled, plain), seed


def test_the_compiled_search_finds_the_same_where_hundreds_tie(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    ties = [*(f"a w{i}" for i in range(300)), *(f"b w{i}" for i in range(400, 500)), "c x", "c y"]
    pool = Pool(ties, NOTHING)
    exclude = pd.DataFrame({"sentence1": [ties[0], ties[330]], "sentence2": [ties[2], ties[300]]})
    plain = BM25()(pool, exclude)
    monkeypatch.setattr(bm25, "_COMPILED_FROM", 0)
    pd.testing.assert_frame_equal(BM25()(pool, exclude), plain)


def test_the_compiled_search_finds_the_same_among_real_questions(data: Callable[[str], Path]) -> None:
    pytest.importorskip("numba")
    train = Quora(path=str(data("quora-IR-dataset.zip")))().train
    tokens = [tokenize(sentence) for sentence in distinct_sentences(train.iloc[:2_500])]
    forbidden = _forbidden(0, len(tokens), 5_000)
    plain, compiled = (_found(index(tokens, 1.5, 0.75), tokens, 6, forbidden) for index in (Bm25sIndex, CompiledIndex))
    assert np.array_equal(compiled, plain)


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0, 0.75), (100, 1)])
def test_the_compiled_search_adds_what_bm25s_adds_to_the_last_bit(k1: float, b: float) -> None:
    tokens = _drawn(0, 500, 200, 8)
    tables, plain = tables_of(tokens, k1, b), Bm25sIndex(tokens, k1, b)
    for query in range(0, 500, 10):
        scores = np.zeros(500)
        for word in tables.tokens[tables.starts[query] : tables.starts[query + 1]]:
            row = slice(tables.words.starts[word], tables.words.starts[word + 1])
            scores[tables.words.columns[row]] += tables.words.scores[row]
        assert np.array_equal(scores, plain.scores(query))


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (100, 1)])
def test_the_compiled_search_has_the_scores_of_bm25s_to_the_last_decimal(k1: float, b: float) -> None:
    pytest.importorskip("numba")
    from augsbert.samplers.bm25_search import find_best

    tokens = _drawn(1, 500, 200, 8)
    queries = np.array([place for place, words in enumerate(tokens) if words])
    scores, places = np.full((len(queries), 5), -np.inf), np.zeros((len(queries), 5), np.uint32)
    find_best(queries, queries, np.arange(1, len(queries) + 1), tables_of(tokens, k1, b), scores, places)
    plain = Bm25sIndex(tokens, k1, b)
    for row, query in enumerate(queries):
        found = np.isfinite(scores[row])
        assert np.array_equal(scores[row, found], plain.scores(query)[places[row, found]].round(9))


@pytest.mark.parametrize("half", [20_515, 20_518, 20_540])
def test_a_word_that_a_query_repeats_ten_thousands_of_times_hides_no_tie(half: int) -> None:
    pytest.importorskip("numba")
    query = ["z"] * 20_000 + ["a", "b"]
    tokens = [["b"]] * half + [["a"]] * half + [query]
    forbidden, found = _forbidden(0, len(tokens), 0), np.full((len(tokens), 4), -1)
    CompiledIndex(tokens, 100, 0).search(np.array([2 * half]), 4, forbidden, found, tqdm(disable=True))
    assert found[-1].tolist() == [0, 1, 2, 3]


def test_the_compiled_search_leaves_out_a_frequent_word_that_cannot_matter() -> None:
    pytest.importorskip("numba")
    # "c" is rarer than "a", so the first has the neighbours, and either is worth more than "the".
    tokens = [["the", "c", "a"], *(["the", "c"] for _ in range(6)), *(["the", "a"] for _ in range(8))]
    tokens += [["the", f"w{place % 40}"] for place in range(600)]
    index, forbidden = CompiledIndex(tokens, 1.5, 0.75), _forbidden(0, len(tokens), 0)
    assert _found(index, tokens, 4, forbidden)[0].tolist() == [1, 2, 3, 4]
    the = index.tables.words.scores[: index.tables.words.starts[1]]
    assert len(the) == len(tokens)
    the[:] = -1e6  # who adds it loses them
    assert _found(index, tokens, 4, forbidden)[0].tolist() == [1, 2, 3, 4]


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
