from __future__ import annotations

import importlib.util
import tracemalloc
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import Pool, places
from augsbert.samplers.neighbours import Forbidden, nearest
from augsbert.samplers.semantic import Semantic

Index = Literal["flat", "hnsw", "ivf"]


def _vectors(size: int, width: int = 32, seed: int = 0) -> np.ndarray:
    """Unit vectors around a few centres, a third of them copies of others: ties in plenty."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(8, width))[rng.integers(0, 8, size)] + rng.normal(size=(size, width))
    copies = rng.choice(size, size // 3, replace=False)
    vectors[copies] = vectors[rng.choice(size, size // 3)]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _exclude(size: int, pairs: int) -> tuple[list[str], pd.DataFrame]:
    sentences, rows = [str(place) for place in range(size)], np.random.default_rng(1).integers(0, size, (pairs, 2))
    return sentences, pd.DataFrame(rows.astype(str), columns=["sentence1", "sentence2"])


def _brute_force(vectors: np.ndarray, exclude: np.ndarray, top_k: int) -> np.ndarray:
    scores = (vectors.astype(np.float64) @ vectors.T.astype(np.float64)).round(6)
    np.fill_diagonal(scores, -np.inf)
    scores[exclude[:, 0], exclude[:, 1]] = scores[exclude[:, 1], exclude[:, 0]] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    rows = np.column_stack([np.repeat(np.arange(len(vectors)), order.shape[1]), order.ravel()])
    return rows[np.isfinite(scores[rows[:, 0], rows[:, 1]])]


def _neighbours(
    vectors: np.ndarray, exclude: int, top_k: int, index: Index = "flat", memory_mib: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    sentences, excluded = _exclude(len(vectors), exclude)
    search = Semantic("unread", index=index)._searcher(vectors)
    found = nearest(vectors, search, Forbidden(sentences, excluded), top_k, memory_mib)
    return found, _brute_force(vectors, places(sentences, excluded), top_k)


@pytest.mark.parametrize("top_k", [1, 4, 30])
@pytest.mark.parametrize(("size", "exclude"), [(2, 0), (20, 60), (500, 0), (500, 5_000)])
def test_flat_equals_brute_force_with_ties_and_exclusions(size: int, exclude: int, top_k: int) -> None:
    found, expected = _neighbours(_vectors(size), exclude, top_k)
    np.testing.assert_array_equal(found, expected)


def test_flat_equals_brute_force_where_all_sentences_are_alike() -> None:
    found, expected = _neighbours(np.repeat(_vectors(1), 200, axis=0), 50, 4)
    np.testing.assert_array_equal(found, expected)


def test_flat_does_not_depend_on_the_size_of_the_block() -> None:
    vectors = _vectors(3_000)
    one, many = (_neighbours(vectors, 1_000, 4, memory_mib=size)[0] for size in (1, 256))
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("index", ["flat", "ivf"])
@pytest.mark.parametrize("memory_mib", [1, 8])
def test_the_search_keeps_to_its_memory(memory_mib: int, index: Index) -> None:
    vectors = _vectors(4_000, width=128)
    sentences, exclude = _exclude(len(vectors), 100)
    search, forbidden = Semantic("unread", index=index)._searcher(vectors), Forbidden(sentences, exclude)
    tracemalloc.start()
    found = nearest(vectors, search, forbidden, 4, memory_mib)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < memory_mib * 2**20 + 4 * found.nbytes


@pytest.mark.parametrize("index", ["hnsw", "ivf"])
def test_the_approximate_indices_find_nearly_all_and_the_same_each_time(index: Index) -> None:
    vectors = _vectors(3_000)
    found, expected = _neighbours(vectors, 100, 4, index)
    hits = set(map(tuple, found)) & set(map(tuple, expected))
    assert len(hits) > 0.9 * len(expected)
    np.testing.assert_array_equal(found, _neighbours(vectors, 100, 4, index)[0])


def test_without_faiss_the_error_names_the_lines_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as error:
        Semantic("unread")
    assert str(error.value).splitlines()[1:] == ["  pip install 'augsbert[cpu]'", "  pip install 'augsbert[gpu]'"]


def test_a_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    pool = Pool(["a", "b"], pd.DataFrame({"sentence1": [], "sentence2": []}))
    with pytest.raises(UserError, match=r"^encoder=.*nowhere: give a folder that holds config.json and safetensors"):
        Semantic(str(tmp_path / "nowhere"))(pool, pool.pairs)
