"""Approximate search in cells, as FAISS's IndexIVFFlat has it, with the queries of a cell taken together."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from augsbert.samplers.flat import import_faiss
from augsbert.samplers.neighbours import Search

_LEARNT_FROM = 128  # vectors a cell; more find other cells, hardly better ones (experiments/LOG.md)
_LEAST = 39  # vectors a cell, below which FAISS warns that its k-means has too little to learn from
_FIRST = 2  # cells whose whole content goes into a query's heap; of later ones only what betters it
_PRODUCTS = 2**22  # inner products at a time: 16 MiB, and again for those that are kept


def search_cells(vectors: np.ndarray, lists: int, probes: int, seed: int) -> Search:
    """Divide unit vectors (n, d) into cells by k-means, and search the ``probes`` cells nearest to a query.

    ``IndexIVFFlat`` (Johnson et al., arXiv 1702.08734) reads a query's cells one after the other, at a tenth of what
    the processor can multiply. Here all queries that look into a cell are one matrix product, as in FAISS's
    ``contrib.big_batch_search``, which bounds no memory. On the same cells both find the same.

    Args:
        vectors: float32 array, rows of length 1; kept once more, in the order of the cells.
        lists: cells, at least 1; fewer where one would get under 39 vectors.
        probes: cells that a query looks into, at least 1.
        seed: of the k-means, which learns from 128 vectors a cell.
    """
    faiss = import_faiss()
    centroids = _centroids(faiss, vectors, max(1, min(lists, len(vectors) // _LEAST)), seed)
    cells = _nearest_cells(faiss, vectors, centroids, 1).ravel()
    order = np.argsort(cells, kind="stable")
    content, bounds = vectors[order], np.searchsorted(cells[order], np.arange(len(centroids) + 1))

    def search(block: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        heap = faiss.ResultHeap(len(block), width, keep_max=True)
        looked = _nearest_cells(faiss, block, centroids, min(probes, len(centroids)))
        for part in (looked[:, :_FIRST], looked[:, _FIRST:]):
            for cell, queries in _queries_by_cell(part, bounds):
                inside = slice(bounds[cell], bounds[cell + 1])
                _add(heap, queries, block[queries] @ content[inside].T, order[inside])
        heap.finalize()
        return heap.D, heap.I

    return search


def _centroids(faiss: ModuleType, vectors: np.ndarray, lists: int, seed: int) -> np.ndarray:
    """Centres of ``lists`` cells (lists, d), of unit length."""
    settings = {"niter": 10, "spherical": True, "max_points_per_centroid": _LEARNT_FROM}
    means = faiss.Kmeans(vectors.shape[1], lists, seed=seed, **settings)
    means.train(vectors)
    return means.centroids


def _nearest_cells(faiss: ModuleType, vectors: np.ndarray, centroids: np.ndarray, count: int) -> np.ndarray:
    """The cells nearest to each vector, best first (n, count)."""
    return faiss.knn(vectors, centroids, count, metric=faiss.METRIC_INNER_PRODUCT)[1]


def _queries_by_cell(looked: np.ndarray, bounds: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each cell with the queries that look into it, in parts of bounded size; ``looked`` is (q, cells of a query)."""
    if not looked.size:
        return
    by_cell = np.argsort(looked, axis=None, kind="stable")
    queries, cells = by_cell // looked.shape[1], looked.ravel()[by_cell]
    starts = np.searchsorted(cells, np.arange(len(bounds)))
    for cell in np.flatnonzero((np.diff(starts) > 0) & (np.diff(bounds) > 0)):
        step = max(1, _PRODUCTS // (bounds[cell + 1] - bounds[cell]))
        for start in range(starts[cell], starts[cell + 1], step):
            yield int(cell), queries[start : min(start + step, starts[cell + 1])]


def _add(heap: Any, queries: np.ndarray, scores: np.ndarray, places: np.ndarray) -> None:
    """Offer ``scores`` (q, m) of the vectors at ``places`` (m,) to the heaps of ``queries`` (q,), if one is better.

    The root of a heap, its first value, is the least that was kept: -inf until the heap is full.
    """
    better = scores.max(axis=1) > heap.D[queries, 0]
    heap.add_result_subset(queries[better], scores[better], places)
