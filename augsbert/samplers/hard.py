"""Pairs that are near but not nearest by embeddings, where a labeller's judgement tells most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from augsbert.encoders.backends import Backend, check_backend
from augsbert.pairs import Pool, candidate_pairs
from augsbert.ranges import check_count, check_number, filled
from augsbert.samplers.embedding import embed
from augsbert.samplers.flat import require_faiss, search_flat
from augsbert.samplers.neighbours import DECIMALS, Forbidden, nearest

WINDOW = {"range_min": 10, "range_max": 50, "min_score": -1.0, "max_score": 0.8}


class Hard:
    """Of each sentence's neighbours by cosine, some from a window of ranks and scores.

    The window's names are those of sentence-transformers' ``mine_hard_negatives``, which counts ranks after it has left
    out the scores beyond the window; here they are counted before. The pairs are labelled afterwards, so one that turns
    out to mean the same does no harm. Neighbours are ranked as the semantic sampler ranks them (exact; the sentence and
    its excluded partners do not count). A pair comes if the window of either of its sentences holds it, though it may
    be the other's nearest.

    Memory: the embeddings (4 d bytes a sentence), some 40 bytes for each of ``range_max`` neighbours of a sentence, and
    ``memory_mib``.

    Args:
        encoder: folder with the encoder's weights.
        top_k: neighbours of each sentence, at least 1; there are fewer where the window holds fewer.
        window: ``range_min`` nearest neighbours are passed over (at least 0), those after rank ``range_max`` too (more
            than ``range_min``), and those whose cosine is not in ``min_score..max_score`` (-1..1, ends included).
        seed: at least 0, draws which of the window come; None takes its nearest.
        memory_mib: MiB that a block of queries and their neighbours may take, at least 1.
        device: where the encoder runs, as torch names it; the search runs on the CPU.
        bf16: embed in bfloat16, about twice as fast where the processor multiplies it in hardware; of sentences that
            are about as near others may come.
        backend: what embeds: torch, or openvino, on a CPU sooner still; likewise.

    Raises:
        UserError: an argument is out of its range, or FAISS or the backend is not installed.
    """

    VERSION = 2
    LATER: ClassVar[dict[str, Any]] = {"bf16": False, "backend": "torch"}

    def __init__(
        self,
        encoder: str,
        top_k: int = 4,
        window: Mapping[str, float] = WINDOW,
        seed: int | None = None,
        memory_mib: int = 256,
        device: str = "cpu",
        bf16: bool = False,
        backend: Backend = "torch",
    ) -> None:
        require_faiss("hard")
        check_backend(backend, device)
        check_count("top_k", top_k)
        if seed is not None:
            check_count("seed", seed, least=0)
        check_count("memory_mib", memory_mib)
        self.encoder, self.top_k, self.window, self.seed = encoder, top_k, _checked(window), seed
        self.memory_mib, self.device = memory_mib, device
        self.bf16, self.backend = bf16, backend

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        """Find candidates.

        Args:
            pool: the sentences to pair.
            exclude: pairs that must not come, in either order.

        Returns:
            A table of ``sentence1`` (the query), ``sentence2``, ``origin``: queries as in the pool, the nearer
            neighbour first; a pair that both ends find comes once.

        Raises:
            UserError: the encoder cannot be used.
        """
        sentences = list(dict.fromkeys(pool.sentences))
        rows = np.empty((0, 2), dtype=np.int64)
        if len(sentences) > 1:
            vectors = embed(self.encoder, sentences, self.device, bf16=self.bf16, backend=self.backend)
            rows = self._pick(self._in_window(vectors, Forbidden(sentences, exclude)))
        return candidate_pairs(sentences, rows, "hard", exclude)

    def _in_window(self, vectors: np.ndarray, forbidden: Forbidden) -> np.ndarray:
        """Rows (query, neighbour) of the neighbours that the window holds: int array (m, 2), by query, then rank."""
        width = min(int(self.window["range_max"]), len(vectors) - 1)
        rows = nearest(vectors, search_flat(vectors), forbidden, width, self.memory_mib)
        rows = rows[_place_in_group(rows[:, 0]) >= self.window["range_min"]]
        scores = _cosines(vectors, rows, self.memory_mib)
        return rows[(self.window["min_score"] <= scores) & (scores <= self.window["max_score"])]

    def _pick(self, rows: np.ndarray) -> np.ndarray:
        """At most ``top_k`` rows of each query, in their order."""
        if self.seed is None:
            return rows[_place_in_group(rows[:, 0]) < self.top_k]
        shuffled = np.lexsort((np.random.default_rng(self.seed).random(len(rows)), rows[:, 0]))
        return rows[np.sort(shuffled[_place_in_group(rows[shuffled, 0]) < self.top_k])]


def _place_in_group(sorted_values: np.ndarray) -> np.ndarray:
    """For each of the values (m,), how many equal ones stand before it."""
    return np.arange(len(sorted_values)) - np.searchsorted(sorted_values, sorted_values)


def _cosines(vectors: np.ndarray, rows: np.ndarray, memory_mib: int) -> np.ndarray:
    """The cosine of each row's two unit vectors, rounded as neighbours are ranked: float64 array (m,)."""
    size = max(1, memory_mib * 2**20 // (8 * vectors.shape[1] + 128))
    blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
    scores = [np.einsum("md,md->m", vectors[b[:, 0]], vectors[b[:, 1]], dtype=np.float64) for b in blocks]
    return np.concatenate([np.empty(0), *scores]).round(DECIMALS)


def _checked(window: Mapping[str, float]) -> dict[str, float]:
    """``window`` with the defaults for what it leaves out."""
    whole = filled("window", window, WINDOW)
    check_count("window.range_min", whole["range_min"], least=0)
    check_count("window.range_max", whole["range_max"], least=int(whole["range_min"]) + 1)
    check_number("window.min_score", whole["min_score"], -1, 1)
    check_number("window.max_score", whole["max_score"], whole["min_score"], 1)
    return whole
