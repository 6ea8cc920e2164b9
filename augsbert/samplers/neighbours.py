"""What the samplers share: the pairs that must not be drawn, and exact ranking of what a vector search finds.

Sentences are named by their place in the pool, from 0. Nothing here knows FAISS, BM25 or a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from augsbert.pairs import places

# Unit vectors (q, d) and a width k to inner products and places, both (q, k), best first; place -1: nothing found.
Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]

# A search in float32 adds up in an order that depends on the block: for d <= 1,600 it is off by less than this.
_MARGIN = 1e-4
#: Scores are rounded to so many decimals before they are compared, so that ties are ties whatever the order of adding.
DECIMALS = 6
_SPARE = 8
_CACHE = 2**19  # bytes of neighbours that are scored at a time: what a core keeps close


class Forbidden:
    """The neighbours that a sentence must not get: itself, and its partners in ``exclude`` in either order.

    They are looked up by place in the pool, never by comparing texts. Memory: two numbers for each sentence and for
    each excluded pair.

    Args:
        sentences: the n distinct sentences of the pool.
        exclude: pairs that must not be drawn.
    """

    def __init__(self, sentences: Sequence[str], exclude: pd.DataFrame) -> None:
        pairs, own = places(sentences, exclude), np.arange(len(sentences))
        self._size = len(sentences)
        rows = np.concatenate([pairs, pairs[:, ::-1], np.column_stack([own, own])])
        self._codes = np.unique(rows[:, 0] * self._size + rows[:, 1])
        self._starts = np.searchsorted(self._codes, np.arange(self._size + 1) * self._size)

    def of(self, query: int) -> np.ndarray:
        """The places that sentence ``query`` must not get: int array, ascending."""
        return self._codes[self._starts[query] : self._starts[query + 1]] - query * self._size

    def contains(self, queries: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
        """Whether a neighbour is forbidden: int arrays that broadcast against one another, to a bool array."""
        codes = queries * self._size + neighbours
        found = np.searchsorted(self._codes, codes)
        return self._codes[np.minimum(found, len(self._codes) - 1)] == codes


def nearest(vectors: np.ndarray, search: Search, forbidden: Forbidden, top_k: int, memory_mib: int) -> np.ndarray:
    """The ``top_k`` nearest neighbours of each vector among the others, as exact as ``search`` is complete.

    What the search finds is scored again in float64, rounded to 6 decimals and ranked by score, then place. A query is
    settled once the search went a margin below its last neighbour, so that no tie is cut in two; the others are
    searched again, four times as wide.

    Args:
        vectors: float32 array (n, d) of unit length rows.
        search: finds neighbours, the query among them.
        forbidden: what does not count.
        top_k: neighbours to keep, at least 1.
        memory_mib: MiB that a block may take, if one query fits into it.

    Returns:
        Rows (query, neighbour) as int array (m, 2), by query, then rank.
    """
    from tqdm import tqdm

    found = np.full((len(vectors), top_k), -1, dtype=np.int64)
    queries, width = np.arange(len(vectors)), min(top_k + 1 + _SPARE, len(vectors))
    with tqdm(total=len(vectors), desc="candidates: search", unit=" sentences", disable=None, leave=False) as bar:
        while len(queries):
            size = max(1, (memory_mib * 2**20 - _CACHE) // (128 * width + 8 * vectors.shape[1]))
            unsettled = []
            for block in np.split(queries, range(size, len(queries), size)):
                found[block], settled = _rank(vectors, search, forbidden, block, width, top_k)
                unsettled.append(block[~settled])
                bar.update(settled.sum())
            queries, width = np.concatenate(unsettled), min(4 * width, len(vectors))
    rows = np.column_stack([np.repeat(np.arange(len(vectors)), top_k), found.ravel()])
    return rows[rows[:, 1] >= 0]


def _rank(
    vectors: np.ndarray, search: Search, forbidden: Forbidden, queries: np.ndarray, width: int, top_k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Places of the best (q, top_k), -1 where there are fewer, and whether they are final (q,)."""
    raw, others = search(vectors[queries], width)  # (q, width)
    scores = _inner_products(vectors, queries, others).round(DECIMALS)
    exhausted = (others[:, -1] < 0) | (width == len(vectors))
    scores[(others < 0) | forbidden.contains(queries[:, None], others)] = -np.inf
    best, last = ranked(scores, others, top_k)
    return best, exhausted | (raw[:, -1] < last - _MARGIN)


def _inner_products(vectors: np.ndarray, queries: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each query (q,) with its own neighbours (q, w), in float64; the order of adding is always the same."""
    scores = np.empty(others.shape, dtype=np.float64)
    step = max(1, _CACHE // (4 * others.shape[1] * vectors.shape[1]))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        scores[part] = np.einsum("qd,qwd->qw", vectors[queries[part]], vectors[others[part]], dtype=np.float64)
    return scores


def ranked(scores: np.ndarray, others: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
    """What a search found, by score (descending), then place (ascending).

    Args:
        scores: (q, w), -inf for what does not count.
        others: their places (q, w).
        top_k: how many to keep of each row.

    Returns:
        Places (q, top_k), -1 where fewer count, and the scores of the ``top_k``-th (q,), -inf where there is none.
    """
    order = np.lexsort((others, -scores), axis=1)[:, :top_k]
    scores, others = np.take_along_axis(scores, order, axis=1), np.take_along_axis(others, order, axis=1)
    best = np.full((len(scores), top_k), -1, dtype=np.int64)
    best[:, : order.shape[1]] = np.where(np.isfinite(scores), others, -1)
    return best, scores[:, -1] if order.shape[1] == top_k else np.full(len(scores), -np.inf)
