"""The best few of many sentences, compiled by numba."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit


class Heap(NamedTuple):
    """The best so far (top_k), by score, then place: a binary heap with the worst at 0.

    It starts full, of scores that all others beat.
    """

    scores: np.ndarray
    places: np.ndarray


@njit(nogil=True)
def offer(places: np.ndarray, scores: np.ndarray, best: Heap) -> None:
    """Have sentences replace the worst of the best, one by one, as long as they are better than it."""
    for row in range(len(places)):
        if _worse(best.scores[0], best.places[0], scores[row], places[row]):
            push(best, scores[row], places[row])


@njit(nogil=True)
def push(heap: Heap, score: float, place: int) -> None:
    """Replace the worst by a sentence that is better."""
    scores, places = heap
    parent, child = 0, 1
    while child < len(scores):
        right = child + 1
        if right < len(scores) and _worse(scores[right], places[right], scores[child], places[child]):
            child = right
        if not _worse(scores[child], places[child], score, place):
            break
        scores[parent], places[parent] = scores[child], places[child]
        parent, child = child, 2 * child + 1
    scores[parent], places[parent] = score, place


@njit(nogil=True)
def _worse(score: float, place: int, other: float, other_place: int) -> bool:
    return score < other or (score == other and place > other_place)
