"""Pairs of sentences that mean the same: each sentence with its nearest neighbours by cosine, found by FAISS."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from augsbert.encoders.backends import Backend, check_backend
from augsbert.pairs import Pool, candidate_pairs
from augsbert.ranges import check_choice, check_count, filled
from augsbert.samplers.cells import search_cells
from augsbert.samplers.embedding import embed
from augsbert.samplers.flat import import_faiss, require_faiss, search_flat
from augsbert.samplers.neighbours import Forbidden, Search, nearest

HNSW = {"links": 32, "ef_construction": 80, "ef_search": 128}
IVF = {"lists": 512, "probes": 32, "seed": 0}
_LEAST = {"links": 2, "seed": 0}


class Semantic:
    """For each sentence, the ``top_k`` others with the highest cosine (arXiv 2010.08240, section 3.1).

    The sentence and its excluded partners do not count: the next best is taken in their place. What FAISS finds is
    scored again in float64, rounded to 6 decimals and ranked by score, then place in the pool, so ``flat`` gives what
    brute force gives, whatever the block, the threads and the BLAS. ``hnsw`` and ``ivf`` may miss neighbours.

    Memory: the embeddings (4 d bytes a sentence), somewhat more again for ``hnsw`` and ``ivf``, and ``memory_mib``; for
    ``ivf`` up to 32 MiB of products besides.

    Args:
        encoder: folder with the encoder's weights.
        top_k: neighbours of each sentence, at least 1.
        index: ``flat`` is exact; ``ivf`` and ``hnsw`` are faster from several 100,000 sentences on.
        memory_mib: MiB that a block of queries and their neighbours may take, at least 1.
        hnsw: ``links`` of a node, ``ef_construction`` and ``ef_search`` (candidates kept while building, searching);
            built by one thread, because several would build another graph each time.
        ivf: ``lists`` that the pool is divided into (fewer where a list would get under 39 sentences), ``probes`` of
            them searched, ``seed`` of the division.
        device: where the encoder runs, as torch names it; the search runs on the CPU.
        bf16: embed in bfloat16, about twice as fast where the processor multiplies it in hardware; of sentences that
            are about as near others may come.
        backend: what embeds: torch, or openvino, on a CPU sooner still; likewise.

    Raises:
        UserError: an argument is out of its range, or FAISS or the backend is not installed.
    """

    VERSION = 3
    LATER: ClassVar[dict[str, Any]] = {"bf16": False, "backend": "torch"}

    def __init__(
        self,
        encoder: str,
        top_k: int = 4,
        index: Literal["flat", "hnsw", "ivf"] = "flat",
        memory_mib: int = 256,
        hnsw: Mapping[str, int] = HNSW,
        ivf: Mapping[str, int] = IVF,
        device: str = "cpu",
        bf16: bool = False,
        backend: Backend = "torch",
    ) -> None:
        require_faiss("semantic")
        check_backend(backend, device)
        check_count("top_k", top_k)
        check_choice("index", index, ["flat", "hnsw", "ivf"])
        check_count("memory_mib", memory_mib)
        self.encoder, self.top_k, self.index, self.memory_mib = encoder, top_k, index, memory_mib
        self.device, self.bf16, self.backend = device, bf16, backend
        self.hnsw, self.ivf = filled("hnsw", hnsw, HNSW), filled("ivf", ivf, IVF)
        for argument, settings in (("hnsw", self.hnsw), ("ivf", self.ivf)):
            for key, value in settings.items():
                check_count(f"{argument}.{key}", value, _LEAST.get(key, 1))

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        """Find candidates.

        Args:
            pool: the sentences to pair.
            exclude: pairs that must not come, in either order.

        Returns:
            A table of ``sentence1`` (the query), ``sentence2``, ``origin``: queries as in the pool, the nearest
            neighbour first; a pair that both ends find comes once.

        Raises:
            UserError: the encoder cannot be used.
        """
        sentences = list(dict.fromkeys(pool.sentences))
        rows = np.empty((0, 2), dtype=np.int64)
        if len(sentences) > 1:
            vectors = embed(self.encoder, sentences, self.device, bf16=self.bf16, backend=self.backend)
            forbidden = Forbidden(sentences, exclude)
            rows = nearest(vectors, self._searcher(vectors), forbidden, self.top_k, self.memory_mib)
        return candidate_pairs(sentences, rows, "semantic", exclude)

    def _searcher(self, vectors: np.ndarray) -> Search:
        """Index unit vectors (n, d) by inner product."""
        if self.index == "flat":
            return search_flat(vectors)
        if self.index == "hnsw":
            return _search_hnsw(import_faiss(), vectors, **self.hnsw)
        return search_cells(vectors, **self.ivf)


def _search_hnsw(faiss: ModuleType, vectors: np.ndarray, links: int, ef_construction: int, ef_search: int) -> Search:
    index = faiss.IndexHNSWFlat(vectors.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ef_construction
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    index.add(vectors)
    faiss.omp_set_num_threads(threads)

    def search(block: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        index.hnsw.efSearch = max(ef_search, width)
        return index.search(block, width)

    return search
