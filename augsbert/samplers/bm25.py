"""Pairs of sentences that share words: each sentence with its best matches in the pool by BM25."""

from __future__ import annotations

import logging
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Literal

import numpy as np
import pandas as pd

from augsbert.pairs import Pool, candidate_pairs
from augsbert.ranges import check_choice, check_count, check_number
from augsbert.samplers.neighbours import Forbidden

_log = logging.getLogger(__name__)
_WORD = re.compile(r"\w+")
# Scores that differ by rounding alone (another order of addition) are ties.
_DECIMALS = 9
_SLOW_FROM = 5_000


class BM25:
    """For each sentence, the ``top_k`` others that score highest with it as the query (arXiv 2010.08240, section 3.1).

    A pair's score is the sum over the query's tokens (a repeated one counts again) of

        ``idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))``

    with Lucene's ``idf = ln(1 + (N - df + 0.5) / (df + 0.5))``, as in the paper's Elasticsearch. Every shared token
    adds to it, so a sentence that shares none scores 0 and is never a neighbour. ``rank_bm25`` is given this idf too:
    its own is negative for a word in over half of the pool, and the floor set there puts "a" above rarer words.

    The query and its excluded partners do not count: the next best is taken in their place. Ties go to the sentence
    that stands first in the pool. Memory: the index, and one row of n scores at a time.

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

        queries = [query for query, words in enumerate(tokens) if words]
        rows = [np.empty((0, 2), dtype=np.int64)]
        if not queries:
            return rows[0]
        scores_of = self._index(tokens)
        for query in tqdm(queries, desc="candidates: bm25", unit=" sentences", disable=None, leave=False):
            scores = scores_of(query)
            scores[forbidden.of(query)] = 0
            best = _best(scores, self.top_k)
            rows.append(np.column_stack([np.full_like(best, query), best]))
        return np.concatenate(rows)

    def _index(self, tokens: list[list[str]]) -> Callable[[int], np.ndarray]:
        """Index the pool. The function returned gives all n scores of one query: a new float64 array (n,)."""
        if self.backend == "bm25s":
            return _index_bm25s(tokens, self.k1, self.b)
        if len(tokens) >= _SLOW_FROM:
            _log.warning(
                "sampler.backend=rank_bm25 walks through all %s sentences in Python for each token of each sentence. "
                "backend=bm25s finds the same neighbours in a small part of the time.",
                f"{len(tokens):,}",
            )
        return _index_rank_bm25(tokens, self.k1, self.b)


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


def _index_bm25s(tokens: Sequence[list[str]], k1: float, b: float) -> Callable[[int], np.ndarray]:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
    vocabulary: dict[str, int] = {}
    ids = [[vocabulary.setdefault(word, len(vocabulary)) for word in words] for words in tokens]
    # "atire" is the term frequency part of the formula above; float64 and the order of addition are rank_bm25's.
    index = bm25s.BM25(k1=k1, b=b, method="atire", idf_method="lucene", dtype="float64")
    index.index((ids, vocabulary), show_progress=False)
    return lambda query: index.get_scores_from_ids(ids[query])


def _index_rank_bm25(tokens: Sequence[list[str]], k1: float, b: float) -> Callable[[int], np.ndarray]:
    from rank_bm25 import BM25Okapi

    index = BM25Okapi(tokens, k1=k1, b=b)
    containing = Counter(chain.from_iterable(index.doc_freqs))
    index.idf = {word: math.log(1 + (len(tokens) - df + 0.5) / (df + 0.5)) for word, df in containing.items()}
    return lambda query: index.get_scores(tokens[query])


def _best(scores: np.ndarray, top_k: int) -> np.ndarray:
    """The places of the ``top_k`` highest scores above 0, by score (descending), then place (ascending)."""
    floor = 0.0
    if len(scores) > top_k:
        floor = np.partition(scores, -top_k)[-top_k] - 2 * 10.0**-_DECIMALS
    places = np.flatnonzero((scores > 0) & (scores >= floor))
    order = np.lexsort((places, -scores[places].round(_DECIMALS)))
    return places[order[:top_k]]
