"""The best of many queries, compiled by numba: exact, though few of the sentences that share a word are scored.

A query's words are added up from the rarest on. The 32 most frequent words of the pool, which are most of the work, are
added only until those left can give less than the ``top_k``-th score found so far, as in MaxScore (Turtle and Flood
1995); before each of them, and after the last word, the sentences with the largest sums are scored. By then, whoever
has not been met is out. Those met are still in where their sum, and the most that their own words among those left can
give them, reach that score. They are scored as bm25s does it, in the query's order of words, so that scores and ties
are the same to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from augsbert.samplers.bm25_heap import Heap, offer, push
from augsbert.samplers.bm25_tables import DECIMALS, FREQUENT, Rows, Tables

_SCALE = 10.0**DECIMALS
# Sums are not rounded as scores are, by half a decimal each, and are added up in another order: of a hundred thousand
# tokens either is off by less than that part.
_MARGIN = 2 / _SCALE
_PART = 1 - 1e-10
_BYTES = FREQUENT // 8


class _Query(NamedTuple):
    """A sentence's tokens in their order, and its words from the rarest on with their counts."""

    tokens: np.ndarray
    words: np.ndarray
    counts: np.ndarray


class _Room(NamedTuple):
    """What a query needs; it leaves ``sums`` and ``slots`` at 0 for the next one.

    Args:
        sums: of what was added to each sentence (n); -inf for one that is forbidden or has been scored.
        met: the sentences that have a sum, later those of them that are still in; one more is written than counted
            (n + 1).
        slots: the slot of each word (v), from 1 for the query's; 0 for all others.
        lead: the sentences to score first.
    """

    sums: np.ndarray
    met: np.ndarray
    slots: np.ndarray
    lead: Heap


@njit(nogil=True)
def find_best(
    queries: np.ndarray, out: np.ndarray, ends: np.ndarray, tables: Tables, scores: np.ndarray, places: np.ndarray
) -> None:
    """Find the best sentences of each query, by score rounded to 9 decimals (descending), then place (ascending).

    Args:
        queries: places (q,).
        out: places that do not count, those of the first query first.
        ends: where those of each query end in ``out`` (q,).
        tables: the pool.
        scores: (q, top_k) of -inf, takes the scores in any order, and keeps -inf where there are fewer.
        places: (q, top_k) of uint32, takes their places.
    """
    room = _room(len(tables.masks), len(tables.most), scores.shape[1])
    for row in range(len(queries)):
        query = _query(queries[row], tables)
        forbidden = out[ends[row - 1] if row else 0 : ends[row]]
        for place in forbidden:
            room.sums[place] = -np.inf
        for slot in range(len(query.words)):
            room.slots[query.words[slot]] = slot + 1
        _find(query, tables, room, Heap(scores[row], places[row]))
        for word in query.words:
            room.slots[word] = 0
        for place in forbidden:
            room.sums[place] = 0.0


@njit(nogil=True)
def _room(size: int, words: int, top_k: int) -> _Room:
    lead = Heap(np.empty(top_k), np.zeros(top_k, np.uint32))
    return _Room(np.zeros(size), np.empty(size + 1, np.uint32), np.zeros(words, np.uint32), lead)


@njit(nogil=True)
def _query(place: int, tables: Tables) -> _Query:
    tokens = tables.tokens[tables.starts[place] : tables.starts[place + 1]]
    own = slice(tables.sentences.starts[place], tables.sentences.starts[place + 1])
    return _Query(tokens, tables.sentences.columns[own][::-1], tables.counts[own][::-1])


@njit(nogil=True)
def _find(query: _Query, tables: Tables, room: _Room, best: Heap) -> None:
    """Find the best of one query."""
    met, added = _add_words(query, tables, room, best)
    shares = _shares(query.words[added:], query.counts[added:], tables.most)
    near = room.met[: _keep_near(met, _least(best), shares, tables, room)]
    scores = np.empty(len(near))
    _score(near, query, tables.sentences, room.slots, scores)
    offer(near, scores, best)


@njit(nogil=True)
def _add_words(query: _Query, tables: Tables, room: _Room, best: Heap) -> tuple[int, int]:
    """Add up words as long as they may bring a sentence that is among the best: how many it has met, words added."""
    words, counts, starts = query.words, query.counts, tables.words.starts
    left = _left(words, counts, tables.most)
    met, added = 0, 0
    while added < len(words) and (words[added] >= FREQUENT or _least(best) <= left[added]):
        word, count = words[added], counts[added]
        added += 1
        lead = added == len(words) or words[added] < FREQUENT
        met = _add(starts[word], starts[word + 1], count, tables.words, room, met, lead)
        if lead:
            _score_lead(query, tables.sentences, room, best)
    return met, added


@njit(nogil=True)
def _left(words: np.ndarray, counts: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The most that a word and those after it give to a sentence; none is taken from a larger sum, so all are near."""
    left = np.zeros(len(words) + 1)
    for at in range(len(words) - 1, -1, -1):
        left[at] = left[at + 1] + counts[at] * most[words[at]]
    return left


@njit(nogil=True)
def _add(start: int, stop: int, count: int, words: Rows, room: _Room, met: int, lead: bool) -> int:
    """Add a word to its sentences, of which the best take the lead if wanted: how many sentences are met then."""
    sums, reached = room.sums, room.met
    room.lead.scores[:] = 0.0 if lead else np.inf
    for at in range(start, stop):
        place = words.columns[at]
        before = sums[place]
        total = before + count * words.scores[at]
        sums[place] = total
        reached[met] = place
        met += before == 0.0  # a branch would be foreseen badly
        if total > room.lead.scores[0]:
            push(room.lead, total, place)
    return met


@njit(nogil=True)
def _least(best: Heap) -> float:
    """What a sum must reach."""
    return _PART * max(best.scores[0], 0.0) - _MARGIN


@njit(nogil=True)
def _score_lead(query: _Query, sentences: Rows, room: _Room, best: Heap) -> None:
    """Score those in the lead, if there are ``top_k``, and take them out."""
    lead = room.lead
    if lead.scores[0] > 0.0:
        for place in lead.places:
            room.sums[place] = -np.inf
        _score(lead.places, query, sentences, room.slots, lead.scores)
        offer(lead.places, lead.scores, best)


@njit(nogil=True)
def _shares(words: np.ndarray, counts: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The most that frequent words give to a sentence, for each value of each byte of its mask (4, 256)."""
    shares = np.zeros((_BYTES, 256))
    for at in range(len(words)):
        shares[words[at] // 8, 1 << words[at] % 8] = counts[at] * most[words[at]]
    for share in shares:
        for bit in range(8):
            for lower in range(1 << bit):
                share[(1 << bit) + lower] = share[1 << bit] + share[lower]
    return shares


@njit(nogil=True)
def _keep_near(met: int, least: float, shares: np.ndarray, tables: Tables, room: _Room) -> int:
    """Keep those met that can reach ``least``: how many. The sums of all that were met are 0 again."""
    near = 0
    for at in range(met):
        place = room.met[at]
        mask, share = tables.masks[place], 0.0
        for byte in range(_BYTES):
            share += shares[byte, mask >> 8 * byte & 255]
        room.met[near] = place
        near += room.sums[place] + share * tables.ratios[place] >= least
        room.sums[place] = 0.0
    return near


@njit(nogil=True)
def _score(places: np.ndarray, query: _Query, sentences: Rows, slots: np.ndarray, scores: np.ndarray) -> None:
    """Score sentences. No branch hangs on a score, so that the waits for memory overlap."""
    parts = np.empty(len(query.words) + 1)
    for row in range(len(places)):
        parts[:] = 0.0
        for at in range(sentences.starts[places[row]], sentences.starts[places[row] + 1]):
            parts[slots[sentences.columns[at]]] = sentences.scores[at]
        score = 0.0
        for word in query.tokens:
            score += parts[slots[word]]
        scores[row] = np.rint(score * _SCALE) / _SCALE
