"""What every sampler promises, whatever it looks for. The encoder is a stand-in: a vector depends on its text alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from augsbert.cli import CONF
from augsbert.config import make, plain
from augsbert.errors import UserError
from augsbert.pairs import Pool, unordered_keys
from augsbert.samplers.bm25 import BM25
from augsbert.samplers.given import Given
from augsbert.samplers.hard import Hard
from augsbert.samplers.random import Random
from augsbert.samplers.semantic import Semantic
from augsbert.samplers.union import Union

TOP_K = 3
SAMPLERS: dict[str, Callable[[], Callable[[Pool, pd.DataFrame], pd.DataFrame]]] = {
    "random": lambda: Random(num_pairs=200, seed=3),
    "bm25": lambda: BM25(top_k=TOP_K),
    "rank_bm25": lambda: BM25(top_k=TOP_K, backend="rank_bm25"),
    "flat": lambda: Semantic("stand-in", top_k=TOP_K),
    "hnsw": lambda: Semantic("stand-in", top_k=TOP_K, index="hnsw"),
    "ivf": lambda: Semantic("stand-in", top_k=TOP_K, index="ivf", ivf={"lists": 4, "probes": 2}),
    "hard": lambda: Hard("stand-in", top_k=TOP_K, window={"range_min": 0, "max_score": 1.0}),
    "hard_drawn": lambda: Hard("stand-in", top_k=TOP_K, window={"range_min": 0, "max_score": 1.0}, seed=3),
    "given": lambda: Given(),
    "given_drawn": lambda: Given(num_pairs=70, seed=3),
    "union": lambda: Union(bm25=BM25(top_k=TOP_K), random=Random(num_pairs=200, seed=3), given=Given()),
}
ORIGINS = {
    "rank_bm25": {"bm25"},
    **{name: {"semantic"} for name in ("flat", "hnsw", "ivf")},
    "hard_drawn": {"hard"},
    "given_drawn": {"given"},
    "union": {"bm25", "random", "given"},
}
NOTHING = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")


def _embed(folder: str, sentences: Sequence[str], device: str, **_: bool) -> np.ndarray:
    seeds = [int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:8], "little") for sentence in sentences]
    vectors = np.stack([np.random.default_rng(seed).normal(size=8) for seed in seeds]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augsbert.samplers.semantic.embed", _embed)
    monkeypatch.setattr("augsbert.samplers.hard.embed", _embed)


@pytest.fixture(params=SAMPLERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def _pool(size: int = 60) -> Pool:
    rng = np.random.default_rng(0)
    words = ["man", "woman", "dog", "plays", "runs", "eats", "guitar", "park", "food", "the", "a", "in", "of", "red"]
    # Each has a word of its own, and one that two others have.
    sentences = [f"{' '.join(rng.choice(words, rng.integers(1, 7)))} s{n // 3} {n}" for n in range(size)]
    # Some of its pairs stand there twice, or in both orders, or are of a sentence with itself.
    texts = np.array(sentences, dtype=object)[rng.integers(0, size, (250, 2))]
    texts = np.concatenate([texts, texts[:10], texts[10:20, ::-1], texts[:5, [0, 0]]])
    return Pool(sentences, pd.DataFrame({"sentence1": texts[:, 0], "sentence2": texts[:, 1]}))


def _swapped(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})


def test_the_table_has_the_columns_and_the_origin(name: str) -> None:
    pairs = SAMPLERS[name]()(_pool(), NOTHING)
    assert list(pairs.columns) == ["sentence1", "sentence2", "origin"]
    assert set(pairs["origin"]) == ORIGINS.get(name, {name})
    assert list(pairs.index) == list(range(len(pairs)))


def test_pairs_are_of_the_pool_distinct_whatever_their_order_and_never_of_a_sentence_with_itself(name: str) -> None:
    pool = _pool()
    pairs = SAMPLERS[name]()(pool, NOTHING)
    assert len(pairs) > 60
    assert not unordered_keys(pairs).duplicated().any()
    assert (pairs["sentence1"] != pairs["sentence2"]).all()
    assert set(pairs["sentence1"]) | set(pairs["sentence2"]) <= set(pool.sentences)


def test_nothing_of_exclude_comes_back_in_either_order(name: str) -> None:
    first = SAMPLERS[name]()(_pool(), NOTHING)
    exclude = pd.concat([first.iloc[::3], _swapped(first.iloc[1::3])])
    second = SAMPLERS[name]()(_pool(), exclude[["sentence1", "sentence2"]])
    assert not set(unordered_keys(second)) & set(unordered_keys(exclude))
    assert len(second) > 60


def test_the_same_arguments_give_the_same_rows_in_the_same_order(name: str) -> None:
    exclude = SAMPLERS[name]()(_pool(), NOTHING).iloc[:20]
    pd.testing.assert_frame_equal(SAMPLERS[name]()(_pool(), exclude), SAMPLERS[name]()(_pool(), exclude))


def test_a_sentence_that_the_pool_repeats_counts_once(name: str) -> None:
    pool = _pool()
    repeated = pool._replace(sentences=[*pool.sentences, *pool.sentences[:20]])
    pd.testing.assert_frame_equal(SAMPLERS[name]()(repeated, NOTHING), SAMPLERS[name]()(pool, NOTHING))


def test_excluded_pairs_of_other_sentences_change_nothing(name: str) -> None:
    exclude = pd.DataFrame(
        {"sentence1": ["not in the pool", _pool().sentences[0]], "sentence2": ["nor this", "nor that"]}
    )
    pd.testing.assert_frame_equal(SAMPLERS[name]()(_pool(), exclude), SAMPLERS[name]()(_pool(), NOTHING))


@pytest.mark.parametrize("sentences", [[], ["one alone"], ["twice", "twice"]])
def test_a_pool_without_a_pair_gives_an_empty_table(name: str, sentences: list[str]) -> None:
    pairs = SAMPLERS[name]()(Pool(sentences, NOTHING), NOTHING)
    assert len(pairs) == 0
    assert list(pairs.columns) == ["sentence1", "sentence2", "origin"]


def test_two_sentences_give_their_pair_unless_it_is_excluded(name: str) -> None:
    sentences = ["a red dog", "a big dog"]
    pool = Pool(sentences, pd.DataFrame([sentences], columns=["sentence1", "sentence2"]))
    pairs = SAMPLERS[name]()(pool, NOTHING)
    assert [set(row) for row in pairs[["sentence1", "sentence2"]].to_numpy()] == [set(pool.sentences)]
    assert len(SAMPLERS[name]()(pool, _swapped(pairs))) == 0


@pytest.mark.parametrize("name", ["bm25", "rank_bm25", "flat", "hnsw", "ivf", "hard", "hard_drawn"])
def test_no_query_brings_more_than_top_k_pairs(name: str) -> None:
    assert SAMPLERS[name]()(_pool(), NOTHING)["sentence1"].value_counts().max() <= TOP_K


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Random(num_pairs=0, seed=0), "num_pairs=0: it must be a whole number of at least 1."),
        (lambda: Random(num_pairs=1, seed=-1), "seed=-1: it must be a whole number of at least 0."),
        (lambda: BM25(top_k=0), "top_k=0: it must be a whole number of at least 1."),
        (lambda: BM25(top_k=1.5), "top_k=1.5: it must be a whole number of at least 1."),  # type: ignore[arg-type]
        (lambda: BM25(backend="bm25"), "backend=bm25: it must be one of bm25s, rank_bm25. Did you mean bm25s?"),  # type: ignore[arg-type]
        (lambda: BM25(stopwords="french"), "stopwords=french: it must be one of null, english."),  # type: ignore[arg-type]
        (lambda: BM25(k1=-1), "k1=-1: it must be a number in 0..100."),
        (lambda: BM25(b=float("nan")), "b=nan: it must be a number in 0..1."),
        (lambda: Semantic("x", top_k=True), "top_k=True: it must be a whole number of at least 1."),
        (lambda: Semantic("x", index="pq"), "index=pq: it must be one of flat, hnsw, ivf."),  # type: ignore[arg-type]
        (lambda: Semantic("x", memory_mib=0), "memory_mib=0: it must be a whole number of at least 1."),
        (lambda: Semantic("x", ivf={"probes": 0}), "ivf.probes=0: it must be a whole number of at least 1."),
        (lambda: Given(num_pairs=0), "num_pairs=0: it must be a whole number of at least 1."),
        (lambda: Given(seed=-1), "seed=-1: it must be a whole number of at least 0."),
        (lambda: Hard("x", top_k=0), "top_k=0: it must be a whole number of at least 1."),
        (lambda: Hard("x", seed=-1), "seed=-1: it must be a whole number of at least 0."),
        (lambda: Hard("x", memory_mib=0), "memory_mib=0: it must be a whole number of at least 1."),
        (lambda: Hard("x", window={"range_min": -1}), "window.range_min=-1: it must be a whole number of at least 0."),
        (
            lambda: Hard("x", window={"range_min": 50, "range_max": 50}),
            "window.range_max=50: it must be a whole number of at least 51.",
        ),
        (
            lambda: Hard("x", window={"range_max": 2.5}),
            "window.range_max=2.5: it must be a whole number of at least 11.",
        ),
        (lambda: Hard("x", window={"min_score": -2}), "window.min_score=-2: it must be a number in -1..1."),
        (lambda: Hard("x", window={"min_score": 0.9}), "window.max_score=0.8: it must be a number in 0.9..1."),
        (
            lambda: Hard("x", window={"margin": 0.1}),
            "window.margin=0.1: window takes range_min, range_max, min_score, max_score only.",
        ),
        (lambda: Semantic("x", hnsw={"m": 8}), "hnsw.m=8: hnsw takes links, ef_construction, ef_search only."),
    ],
)
def test_a_bad_argument_is_named_with_its_value_and_what_is_allowed(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError) as error:
        make()
    assert str(error.value) == message


@pytest.mark.parametrize("yaml", sorted((CONF / "sampler").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sampler_on_disk_keeps_to_the_columns_the_pool_and_what_is_excluded(yaml: Path) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = plain(compose("config", overrides=[f"sampler={yaml.stem}"]).sampler)
    pool = _pool()
    exclude = pool.pairs.iloc[::2]
    pairs = make(node)(pool, exclude)
    assert list(pairs.columns) == ["sentence1", "sentence2", "origin"]
    assert len(pairs), "_pool() has nothing that it looks for: add some"
    assert set(pairs["sentence1"]) | set(pairs["sentence2"]) <= set(pool.sentences)
    assert (pairs["sentence1"] != pairs["sentence2"]).all()
    assert not unordered_keys(pairs).duplicated().any()
    assert not set(unordered_keys(pairs)) & set(unordered_keys(exclude))
    pd.testing.assert_frame_equal(make(node)(pool, exclude), pairs)
