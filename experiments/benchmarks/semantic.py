"""Nearest neighbours among many vectors: the semantic sampler's search, and sentence-transformers' utilities.

    python experiments/benchmarks/semantic.py --data FOLDER            # questions of quora-IR-dataset.zip
    python experiments/benchmarks/semantic.py --data FOLDER --short    # a tenth of it, twice; nothing is written

Two tasks on the same vectors, MiniLM's embeddings of real questions, repeated with noise until there are enough:
``search``, the top 10 of 10,000 queries among 1,000,000 vectors (``util.semantic_search``), and ``all``, each with its
10 nearest among 100,000 (``util.paraphrase_mining_embeddings``, asked for as many pairs as it can give). The peer is
measured with its default chunks and with those of ``CHUNKS`` that are fastest on a tenth of the queries. Each side has
a process of its own, so that its peak memory is its own; building an index is counted. Recall is against exact search.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matrix import bound
from record import write
from turns import in_turn, minilm, peak_mib, ratios, spread

from augsbert.samplers.embedding import embed

TOP_K = 10
TASKS = ("search", "all")
#: Our sides, by the name of the sampler's index.
OURS = ("flat", "ivf")
DEFAULT = "peer, default"
#: Queries and vectors that the peer multiplies at a time; its documentation says that more are faster.
CHUNKS = ((1_000, 10_000), (1_000, 50_000), (2_000, 20_000), (5_000, 10_000))
NOISE = 0.05


def main() -> None:
    """Measure all sides in turn, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--side", nargs=4, metavar=("TASK", "SIDE", "FOLDER", "SHARE"), help="one search")
    args = parser.parse_args()
    if args.side:
        task, side, folder, share = args.side
        print(json.dumps(one(task, side, Path(folder), int(share))))
        return
    if args.data is None:
        parser.error("--data is needed: the folder of quora-IR-dataset.zip")
    share, repeats = (10, 2) if args.short else (1, args.repeats)
    with tempfile.TemporaryDirectory() as folder:
        write_vectors(Path(folder), args.data, {"search": 1_000_000 // share, "all": 100_000 // share}, 10_000 // share)
        found = {task: measure(task, Path(folder), repeats) for task in TASKS}
        write("semantic", {"precision": "32-true", **found}, args.short)


def write_vectors(folder: Path, data: Path, sizes: dict[str, int], queries: int) -> None:
    """Each task's vectors, and the queries: unit rows, float32."""
    from augsbert.datasets.quora import Quora
    from augsbert.pairs import distinct_sentences

    splits = Quora(path=str(data / "quora-IR-dataset.zip"))()
    sentences = distinct_sentences(pd.concat([splits.train, splits.dev, splits.test]))[: max(queries, 20_000)]
    real, random = embed(minilm(), sentences), np.random.default_rng(0)
    np.save(folder / "queries.npy", real[:queries])
    for task, size in sizes.items():
        vectors = real[np.arange(size) % len(real)]
        vectors += NOISE * random.standard_normal(vectors.shape, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.save(folder / f"{task}.npy", vectors)


def measure(task: str, folder: Path, repeats: int) -> dict[str, Any]:
    """All our sides of a task, the peer's default and its best chunks."""
    found: dict[str, dict[str, Any]] = {}

    def run(side: str, share: int = 1) -> float:
        command = [sys.executable, __file__, "--side", task, side, str(folder), str(share)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[side] = json.loads(out.splitlines()[-1])
        return float(found[side]["seconds"])

    peers = [DEFAULT, *(f"peer, {queries} x {vectors}" for queries, vectors in CHUNKS)]
    tenth = in_turn({side: partial(run, side, 10) for side in peers}, min(2, repeats), warm_up=0)
    best = min(peers, key=lambda side: sum(tenth[side]))
    sides = list(dict.fromkeys([*OURS, DEFAULT, best]))
    seconds = in_turn({side: partial(run, side) for side in sides}, repeats, warm_up=0)
    exact = np.load(_places(folder, task, "flat"))
    return {
        "seconds": {side: spread(spent) for side, spent in seconds.items()},
        "peak_mib": {side: round(found[side]["peak_mib"]) for side in sides},
        "recall": {side: recall(np.load(_places(folder, task, side)), exact) for side in sides},
        "peer_seconds_for_a_tenth": {side: spread(spent)["median"] for side, spent in tenth.items()},
        "best_peer": best,
        "ratio_to_best": {side: ratios(seconds, side, best) for side in OURS},
        "ratio_to_default": {side: ratios(seconds, side, DEFAULT) for side in OURS},
        "bound": _bound(task, folder, seconds, best),
    }


def _bound(task: str, folder: Path, seconds: dict[str, list[float]], best: str) -> dict[str, float]:
    """Of exact search: its products, all against all, at the rate of products alone."""
    vectors, queries = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in (task, "queries"))
    products = 2 * len(queries if task == "search" else vectors) * vectors.shape[0] * vectors.shape[1]
    return bound(products, spread(seconds["flat"])["median"], ratios(seconds, "flat", best)["median"], bf16=False)


def _places(folder: Path, task: str, side: str) -> Path:
    return folder / f"{task}_{side.replace(' ', '_')}.npy"


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """The share of the exact neighbours (q, k) that were found."""
    return round(float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)])), 4)


def one(task: str, side: str, folder: Path, share: int) -> dict[str, float]:
    """One search in this process for a part of the queries: its seconds and peak memory; the places go to a file."""
    vectors, queries = np.load(folder / f"{task}.npy"), np.load(folder / "queries.npy")
    queries = queries[: len(queries) // share]
    if task == "all":
        vectors = vectors[: len(vectors) // share]
    work: Callable[..., np.ndarray] = {"search": search, "all": among_themselves}[task]
    # Imported before the clock starts, on either side.
    importlib.import_module("augsbert.samplers.semantic" if side in OURS else "sentence_transformers.util")
    importlib.import_module("torch")
    if side in OURS:
        importlib.import_module("faiss")
    start = time.perf_counter()
    found = work(side, vectors, queries)
    spent = time.perf_counter() - start
    np.save(_places(folder, task, side), found)
    return {"seconds": spent, "peak_mib": peak_mib()}


def search(side: str, vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The ``TOP_K`` nearest of each query (q, k)."""
    if side in OURS:
        return _searcher(side, vectors)(queries, TOP_K)[1]
    import torch
    from sentence_transformers.util import semantic_search

    hits = semantic_search(torch.from_numpy(queries), torch.from_numpy(vectors), top_k=TOP_K, **_chunks(side))
    return np.array([[hit["corpus_id"] for hit in row] for row in hits])


def among_themselves(side: str, vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The ``TOP_K`` nearest others of each vector (n, k), -1 where the peer's list of pairs has fewer."""
    if side in OURS:
        from augsbert.samplers.neighbours import Forbidden, nearest

        nothing = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype=str)
        forbidden = Forbidden([str(i) for i in range(len(vectors))], nothing)
        rows = nearest(vectors, _searcher(side, vectors), forbidden, TOP_K, memory_mib=256)
        return rows[:, 1].reshape(len(vectors), TOP_K)
    import torch
    from sentence_transformers.util import paraphrase_mining_embeddings

    most: dict[str, Any] = {"max_pairs": len(vectors) * TOP_K, "top_k": TOP_K}
    pairs: Any = paraphrase_mining_embeddings(torch.from_numpy(vectors), **most, **_chunks(side))
    found: list[list[int]] = [[] for _ in vectors]
    for _, first, second in pairs:
        found[first].append(second)
        found[second].append(first)
    return np.array([(row + [-1] * TOP_K)[:TOP_K] for row in found])


def _chunks(side: str) -> dict[str, Any]:
    """The arguments of a side of the peer's."""
    if side == DEFAULT:
        return {}
    queries, vectors = side.removeprefix("peer, ").split(" x ")
    return {"query_chunk_size": int(queries), "corpus_chunk_size": int(vectors)}


def _searcher(index: str, vectors: np.ndarray) -> Any:
    from augsbert.samplers.semantic import Semantic

    return Semantic("", top_k=TOP_K, index=index)._searcher(vectors)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
