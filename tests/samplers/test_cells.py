from __future__ import annotations

import tracemalloc

import faiss
import numpy as np
import pytest

from augsbert.samplers import cells
from augsbert.samplers.cells import search_cells


def _vectors(size: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(size, 24)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _inverted_file(vectors: np.ndarray, centroids: np.ndarray, probes: int) -> faiss.IndexIVFFlat:
    """FAISS's own index over cells that are given."""
    quantizer = faiss.IndexFlatIP(vectors.shape[1])
    quantizer.add(centroids)
    index = faiss.IndexIVFFlat(quantizer, vectors.shape[1], len(centroids), faiss.METRIC_INNER_PRODUCT)
    index.nprobe = probes
    index.add(vectors)
    return index


@pytest.mark.parametrize("products", [1, 1_000, cells._PRODUCTS])
@pytest.mark.parametrize("probes", [1, 2, 7, 40])
def test_on_the_same_cells_it_finds_what_faiss_finds(
    monkeypatch: pytest.MonkeyPatch, probes: int, products: int
) -> None:
    monkeypatch.setattr(cells, "_PRODUCTS", products)
    vectors, queries = _vectors(1_600), _vectors(300, seed=1)
    centroids = cells._centroids(faiss, vectors, 40, seed=3)
    expected_scores, expected = _inverted_file(vectors, centroids, probes).search(queries, 50)
    scores, found = search_cells(vectors, lists=40, probes=probes, seed=3)(queries, 50)
    # What differs by rounding alone may change its rank.
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(expected, axis=1))
    np.testing.assert_allclose(scores[found >= 0], expected_scores[expected >= 0], atol=1e-6)


def test_where_the_cells_hold_fewer_than_asked_the_rest_is_marked() -> None:
    vectors = _vectors(200)
    found = search_cells(vectors, lists=5, probes=1, seed=0)(vectors, 150)[1]
    held = (found >= 0).sum(axis=1)
    assert held.max() < 150
    assert all((row[:count] >= 0).all() and (row[count:] == -1).all() for row, count in zip(found, held, strict=True))


def test_a_cell_that_holds_all_takes_no_more_memory_than_any_other() -> None:
    vectors = np.repeat(_vectors(1), 20_000, axis=0)
    search = search_cells(vectors, lists=100, probes=4, seed=0)
    tracemalloc.start()
    search(vectors[:2_000], 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * cells._PRODUCTS  # 50 MB; the products of all at once would be 160
