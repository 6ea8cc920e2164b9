"""A pool in tables of numbers, for the compiled search: what each word adds to each sentence's BM25 score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

#: Scores that differ by rounding alone (another order of addition) are ties.
DECIMALS = 9
#: As many of the most frequent words have a bit in a sentence's mask.
FREQUENT = 32


class Rows(NamedTuple):
    """A sparse matrix: row i has ``scores[starts[i] : starts[i + 1]]`` (float64) in the ``columns`` there (uint32)."""

    starts: np.ndarray
    columns: np.ndarray
    scores: np.ndarray


class Tables(NamedTuple):
    """A pool of n sentences and v words, which are numbered from the one that occurs most often on.

    Args:
        starts: where the tokens of a sentence start (n + 1).
        tokens: the words of all sentences, one sentence after another, repeated ones too, as they stand there (uint32).
        sentences: what a sentence gets for each word that it has (n rows, ascending columns).
        counts: how often a sentence has each of these words, in the same order (uint32).
        words: what ``sentences`` holds, by word (v rows, ascending columns).
        most: the most that any sentence gets for a word (v).
        masks: a bit for each of the 32 most frequent words that a sentence has (n, uint32).
        ratios: a sentence gets at most this part of the ``most`` for any of these words (n).
    """

    starts: np.ndarray
    tokens: np.ndarray
    sentences: Rows
    counts: np.ndarray
    words: Rows
    most: np.ndarray
    masks: np.ndarray
    ratios: np.ndarray


def tables_of(tokens: Sequence[list[str]], k1: float, b: float) -> Tables:
    """Index a pool, of which one sentence at least has a token; the scores are those of bm25s to the last bit."""
    lengths = np.array([len(words) for words in tokens])
    numbers = _numbers(list(chain.from_iterable(tokens)))
    size = numbers.max() + 1
    codes = np.repeat(np.arange(len(tokens), dtype=np.int64), lengths) * size + numbers
    codes, counts = np.unique(codes, return_counts=True)
    places, words = np.divmod(codes, size)
    sentences = Rows(
        _starts(np.bincount(places, minlength=len(tokens))),
        words.astype(np.uint32),
        _scores(places, words, counts, lengths, k1, b),
    )
    by_word = _transposed(sentences, size)
    most = np.maximum.reduceat(by_word.scores, by_word.starts[:-1])
    masks, ratios = _frequent(by_word, most, len(tokens))
    texts = _starts(lengths), numbers.astype(np.uint32)
    return Tables(*texts, sentences, counts.astype(np.uint32), by_word, most, masks, ratios)


def _numbers(words: list[str]) -> np.ndarray:
    """The number of each word, from the most frequent (0) on, then in order of appearance: int64."""
    numbers = pd.factorize(np.array(words, dtype=object))[0]
    order = np.argsort(-np.bincount(numbers), kind="stable")
    return np.argsort(order)[numbers]


def _scores(
    places: np.ndarray, words: np.ndarray, counts: np.ndarray, lengths: np.ndarray, k1: float, b: float
) -> np.ndarray:
    """What a word adds to a sentence that has it so many times: the formula that is told in the sampler."""
    size = len(lengths)
    idf = np.array([math.log(1 + (size - df + 0.5) / (df + 0.5)) for df in np.bincount(words).tolist()])
    norms = k1 * (1 - b + b * lengths / lengths.mean())
    return idf[words] * (counts * (k1 + 1) / (counts + norms[places]))


def _transposed(rows: Rows, columns: int) -> Rows:
    order = np.argsort(rows.columns, kind="stable")
    places = np.repeat(np.arange(len(rows.starts) - 1, dtype=np.uint32), np.diff(rows.starts))
    return Rows(_starts(np.bincount(rows.columns, minlength=columns)), places[order], rows.scores[order])


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)])


def _frequent(words: Rows, most: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The masks and ratios of all ``size`` sentences."""
    masks, ratios = np.zeros(size, dtype=np.uint32), np.zeros(size)
    for word in range(min(FREQUENT, len(most))):
        part = slice(words.starts[word], words.starts[word + 1])
        places = words.columns[part]
        masks[places] |= np.uint32(1 << word)
        ratios[places] = np.maximum(ratios[places], words.scores[part] / most[word])
    return masks, ratios
