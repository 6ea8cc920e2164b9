"""Pairs of sentences that share words: each sentence with its best matches in the pool by BM25."""

from __future__ import annotations

import importlib.util
import logging
import re
import unicodedata
from typing import Literal

import numpy as np
import pandas as pd

from augsbert.pairs import Pool, candidate_pairs
from augsbert.ranges import check_choice, check_count, check_number
from augsbert.samplers.bm25_index import Bm25sIndex, CompiledIndex, Index, RankBM25Index
from augsbert.samplers.neighbours import Forbidden

_log = logging.getLogger(__name__)
_WORD = re.compile(r"\w+")
_SLOW_FROM = 5_000
# Compiling takes about as long as this many sentences do without it.
_COMPILED_FROM = 20_000


class BM25:
    """For each sentence, the ``top_k`` others that score highest with it as the query (arXiv 2010.08240, section 3.1).

    A pair's score is the sum over the query's tokens (a repeated one counts again) of

        ``idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))``

    with Lucene's ``idf = ln(1 + (N - df + 0.5) / (df + 0.5))``, as in the paper's Elasticsearch. Every shared token
    adds to it, so a sentence that shares none scores 0 and is never a neighbour. ``rank_bm25`` is given this idf too:
    its own is negative for a word in over half of the pool, and the floor set there puts "a" above rarer words.

    The query and its excluded partners do not count: the next best is taken in their place. Ties go to the sentence
    that stands first in the pool. Memory: the index, and one row of n scores at a time.

    With numba installed (``pip install 'augsbert[numba]'``), a search is used from 20,000 sentences on that finds the
    same without scoring all of them. It is compiled first, which takes some six seconds, and keeps 12 bytes a sentence
    and 4 a word for each thread.

    Args:
        top_k: neighbours of each sentence, at least 1; there are fewer where fewer share a token with it.
        backend: ``bm25s``, or ``rank_bm25``, which finds the same neighbours, much slower.
        k1: how slowly a repeated token saturates, 0..100.
        b: how much long sentences are marked down, 0..1.
        stopwords: ``english`` leaves out Lucene's 33 most frequent words; None keeps all words.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(
        self,
        top_k: int = 4,
        backend: Literal["bm25s", "rank_bm25"] = "bm25s",
        k1: float = 1.5,
        b: float = 0.75,
        stopwords: Literal["english"] | None = None,
    ) -> None:
        check_count("top_k", top_k)
        check_choice("backend", backend, ["bm25s", "rank_bm25"])
        check_choice("stopwords", stopwords, [None, "english"])
        check_number("k1", k1, 0, 100)
        check_number("b", b, 0, 1)
        self.top_k, self.backend, self.k1, self.b, self.stopwords = top_k, backend, k1, b, stopwords

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        """Find candidates.

        Args:
            pool: the sentences to pair.
            exclude: pairs that must not come, in either order.

        Returns:
            A table of ``sentence1`` (the query), ``sentence2``, ``origin``: queries as in the pool, the best neighbour
            first; a pair that both ends find comes once.
        """
        sentences = list(dict.fromkeys(pool.sentences))
        tokens = [tokenize(sentence, self.stopwords) for sentence in sentences]
        rows = self._neighbours(tokens, Forbidden(sentences, exclude))
        return candidate_pairs(sentences, rows, "bm25", exclude)

    def _neighbours(self, tokens: list[list[str]], forbidden: Forbidden) -> np.ndarray:
        """Rows (query, neighbour) as int array (m, 2)."""
        from tqdm import tqdm

        queries = np.array([query for query, words in enumerate(tokens) if words], dtype=np.int64)
        if not len(queries):
            return np.empty((0, 2), dtype=np.int64)
        found = np.full((len(tokens), self.top_k), -1, dtype=np.int64)
        index = self._index(tokens)
        with tqdm(total=len(queries), desc="candidates: bm25", unit=" sentences", disable=None, leave=False) as bar:
            index.search(queries, self.top_k, forbidden, found, bar)
        rows = np.column_stack([np.repeat(np.arange(len(tokens)), self.top_k), found.ravel()])
        return rows[rows[:, 1] >= 0]

    def _index(self, tokens: list[list[str]]) -> Index:
        """Index the pool."""
        if self.backend == "bm25s":
            compiled = len(tokens) >= _COMPILED_FROM and importlib.util.find_spec("numba") is not None
            return (CompiledIndex if compiled else Bm25sIndex)(tokens, self.k1, self.b)
        if len(tokens) >= _SLOW_FROM:
            _log.warning(
                "sampler.backend=rank_bm25 walks through all %s sentences in Python for each token of each sentence. "
                "backend=bm25s finds the same neighbours in a small part of the time.",
                f"{len(tokens):,}",
            )
        return RankBM25Index(tokens, self.k1, self.b)


def tokenize(sentence: str, stopwords: Literal["english"] | None = None) -> list[str]:
    """Split into lower-case words: runs of letters, digits and underscores of any script, after NFKC normalisation.

    Args:
        sentence: any text.
        stopwords: as in :class:`BM25`.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", sentence).lower())
    if stopwords is None:
        return words
    from bm25s.stopwords import STOPWORDS_EN

    return [word for word in words if word not in STOPWORDS_EN]
