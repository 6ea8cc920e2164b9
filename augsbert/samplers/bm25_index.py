"""What BM25 is looked up in: bm25s, the same compiled by numba, and rank_bm25; they find the same neighbours."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from augsbert.samplers.neighbours import Forbidden, ranked

#: Scores that differ by rounding alone (another order of addition) are ties.
DECIMALS = 9
_SPARE = 8
_BLOCK = 4096


class Index:
    """An index of a pool's sentences, each of which may be the query."""

    def scores(self, query: int) -> np.ndarray:
        """Of all n sentences, with one of them as the query: a new float64 array (n,)."""
        raise NotImplementedError

    def search(self, queries: np.ndarray, top_k: int, forbidden: Forbidden, found: np.ndarray, bar: Any) -> None:
        """Find the ``top_k`` best sentences of each query, by score (descending), then place (ascending).

        Args:
            queries: places (q,).
            top_k: how many; there are fewer where fewer score above 0.
            forbidden: what does not count.
            found: (n, top_k) takes their places, and keeps -1 where there are fewer.
            bar: is told how many queries are done.
        """
        for query in queries:
            scores = self.scores(query)
            scores[forbidden.of(query)] = 0
            best = _best(scores, top_k)
            found[query, : len(best)] = best
            bar.update()


class Bm25sIndex(Index):
    """bm25s, in numpy.

    Args:
        tokens: of each sentence.
        k1: how slowly a repeated token saturates.
        b: how much long sentences are marked down.
    """

    BACKEND = "numpy"

    def __init__(self, tokens: Sequence[list[str]], k1: float, b: float) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
        vocabulary: dict[str, int] = {}
        self.ids = [[vocabulary.setdefault(word, len(vocabulary)) for word in words] for words in tokens]
        # "atire" is the sampler's term frequency part; float64 and the order of addition are rank_bm25's.
        settings = {"method": "atire", "idf_method": "lucene", "dtype": "float64", "backend": self.BACKEND}
        self.index = bm25s.BM25(k1=k1, b=b, **settings)
        self.index.index((self.ids, vocabulary), show_progress=False)

    def scores(self, query: int) -> np.ndarray:
        """As any index's."""
        return self.index.get_scores_from_ids(self.ids[query])


class CompiledIndex(Bm25sIndex):
    """The same, which finds the best of many queries at once, by machine code that numba makes of bm25s."""

    BACKEND = "numba"

    def search(self, queries: np.ndarray, top_k: int, forbidden: Forbidden, found: np.ndarray, bar: Any) -> None:
        """As any index's; what two searches, a little wider and wider yet, leave open by ties goes the long way."""
        for width in (top_k + 1 + _SPARE, 8 * (top_k + 1 + _SPARE)):
            unsettled = [queries[:0]]
            for start in range(0, len(queries), _BLOCK):
                block = queries[start : start + _BLOCK]
                best, settled = self._settle(block, top_k, width, forbidden)
                found[block[settled]] = best[settled]
                unsettled.append(block[~settled])
                bar.update(int(settled.sum()))
            queries = np.concatenate(unsettled)
        super().search(queries, top_k, forbidden, found, bar)

    def _settle(
        self, queries: np.ndarray, top_k: int, width: int, forbidden: Forbidden
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places of the best (q, top_k), -1 where there are fewer, and whether they are final (q,)."""
        import torch

        others, raw = self.index.retrieve(
            [self.ids[query] for query in queries],
            k=min(width, len(self.ids)),
            n_threads=torch.get_num_threads(),
            show_progress=False,
        )
        others = others.astype(np.int64)
        scores = raw.round(DECIMALS)
        scores[(raw <= 0) | forbidden.contains(queries[:, None], others)] = -np.inf
        best, last = ranked(scores, others, top_k)
        return best, (raw[:, -1] <= 0) | (raw[:, -1] < last - 2 * 10.0**-DECIMALS)


class RankBM25Index(Index):
    """rank_bm25, with the sampler's idf instead of its own.

    Args:
        tokens: of each sentence.
        k1: how slowly a repeated token saturates.
        b: how much long sentences are marked down.
    """

    def __init__(self, tokens: Sequence[list[str]], k1: float, b: float) -> None:
        from rank_bm25 import BM25Okapi

        self.tokens, self.index = tokens, BM25Okapi(tokens, k1=k1, b=b)
        containing = Counter(chain.from_iterable(self.index.doc_freqs))
        self.index.idf = {word: math.log(1 + (len(tokens) - df + 0.5) / (df + 0.5)) for word, df in containing.items()}

    def scores(self, query: int) -> np.ndarray:
        """As any index's."""
        return self.index.get_scores(self.tokens[query])


def _best(scores: np.ndarray, top_k: int) -> np.ndarray:
    """The places of the ``top_k`` highest scores above 0, by score (descending), then place (ascending)."""
    floor = 0.0
    if len(scores) > top_k:
        floor = np.partition(scores, -top_k)[-top_k] - 2 * 10.0**-DECIMALS
    places = np.flatnonzero((scores > 0) & (scores >= floor))
    order = np.lexsort((places, -scores[places].round(DECIMALS)))
    return places[order[:top_k]]
