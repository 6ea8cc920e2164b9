"""What BM25 is looked up in: bm25s, a search compiled by numba, and rank_bm25; they find the same neighbours."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np

from augsbert.samplers.bm25_tables import DECIMALS, tables_of
from augsbert.samplers.neighbours import Forbidden, ranked

_BLOCK = 1024


class Index:
    """An index of a pool's n sentences, each of which may be the query."""

    def search(self, queries: np.ndarray, top_k: int, forbidden: Forbidden, found: np.ndarray, bar: Any) -> None:
        """Find the ``top_k`` best sentences of each query, by score (descending), then place (ascending).

        Args:
            queries: places (q,).
            top_k: how many; there are fewer where fewer score above 0.
            forbidden: what does not count.
            found: (n, top_k) takes their places, and keeps -1 where there are fewer.
            bar: is told how many queries are done.
        """
        raise NotImplementedError


class PlainIndex(Index):
    """One that scores all sentences for each query."""

    def scores(self, query: int) -> np.ndarray:
        """Of all n sentences, with one of them as the query: a new float64 array (n,)."""
        raise NotImplementedError

    def search(self, queries: np.ndarray, top_k: int, forbidden: Forbidden, found: np.ndarray, bar: Any) -> None:
        """As any index's."""
        for query in queries:
            scores = self.scores(query)
            scores[forbidden.of(query)] = 0
            best = _best(scores, top_k)
            found[query, : len(best)] = best
            bar.update()


class Bm25sIndex(PlainIndex):
    """bm25s.

    Args:
        tokens: of each sentence.
        k1: how slowly a repeated token saturates.
        b: how much long sentences are marked down.
    """

    def __init__(self, tokens: Sequence[list[str]], k1: float, b: float) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
        vocabulary: dict[str, int] = {}
        self.ids = [[vocabulary.setdefault(word, len(vocabulary)) for word in words] for words in tokens]
        # "atire" is the sampler's term frequency part; float64 and the order of addition are rank_bm25's.
        settings = {"method": "atire", "idf_method": "lucene", "dtype": "float64", "backend": "numpy"}
        self.index = bm25s.BM25(k1=k1, b=b, **settings)
        self.index.index((self.ids, vocabulary), show_progress=False)

    def scores(self, query: int) -> np.ndarray:
        """As any plain index's."""
        return self.index.get_scores_from_ids(self.ids[query])


class CompiledIndex(Index):
    """What finds the same in many queries at once, by machine code that numba makes, without scoring all sentences.

    Args:
        tokens: of each sentence, of which one at least has some.
        k1: how slowly a repeated token saturates.
        b: how much long sentences are marked down.
    """

    def __init__(self, tokens: Sequence[list[str]], k1: float, b: float) -> None:
        self.tables = tables_of(tokens, k1, b)

    def search(self, queries: np.ndarray, top_k: int, forbidden: Forbidden, found: np.ndarray, bar: Any) -> None:
        """As any index's."""
        import torch

        def find(block: np.ndarray) -> int:
            found[block] = self._find(block, top_k, forbidden)
            return len(block)

        blocks = np.split(queries, range(_BLOCK, len(queries), _BLOCK))
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            for done in threads.map(find, blocks):
                bar.update(done)

    def _find(self, queries: np.ndarray, top_k: int, forbidden: Forbidden) -> np.ndarray:
        """Places of the best (q, top_k), -1 where there are fewer."""
        from augsbert.samplers.bm25_search import find_best

        out = [forbidden.of(query) for query in queries]
        ends = np.cumsum([len(places) for places in out])
        scores = np.full((len(queries), top_k), -np.inf)
        places = np.zeros((len(queries), top_k), dtype=np.uint32)
        find_best(queries, np.concatenate(out), ends, self.tables, scores, places)
        return ranked(scores, places.astype(np.int64), top_k)[0]


class RankBM25Index(PlainIndex):
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
        """As any plain index's."""
        return self.index.get_scores(self.tokens[query])


def _best(scores: np.ndarray, top_k: int) -> np.ndarray:
    """The places of the ``top_k`` highest scores above 0, by score (descending), then place (ascending)."""
    floor = 0.0
    if len(scores) > top_k:
        floor = np.partition(scores, -top_k)[-top_k] - 2 * 10.0**-DECIMALS
    places = np.flatnonzero((scores > 0) & (scores >= floor))
    order = np.lexsort((places, -scores[places].round(DECIMALS)))
    return places[order[:top_k]]
