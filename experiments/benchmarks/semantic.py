"""Nearest neighbours among many vectors: the semantic sampler's search, and sentence-transformers' utilities.

    python experiments/benchmarks/semantic.py --data FOLDER            # questions of quora-IR-dataset.zip
    python experiments/benchmarks/semantic.py --data FOLDER --short    # a tenth of it, twice; nothing is written

Two tasks on the same vectors, MiniLM's embeddings of real questions, repeated with noise until there are enough:
``search``, the top 10 of 10,000 queries among 1,000,000 vectors (``util.semantic_search``), and ``all``, each with its
10 nearest among 100,000 (``util.paraphrase_mining_embeddings``, asked for as many pairs as it can give). Each side has
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
from turns import in_turn, minilm, peak_mib, ratios, spread, write

from augsbert.samplers.embedding import embed

TOP_K = 10
#: Sides of each task; ours by the name of the sampler's index.
SIDES = {"search": ["flat", "ivf", "peer"], "all": ["flat", "ivf", "peer"]}
NOISE = 0.05


def main() -> None:
    """Measure all sides in turn, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--side", nargs=3, metavar=("TASK", "SIDE", "FOLDER"), help="one search")
    args = parser.parse_args()
    if args.side:
        task, side, folder = args.side
        print(json.dumps(one(task, side, Path(folder))))
        return
    share, repeats = (10, 2) if args.short else (1, args.repeats)
    with tempfile.TemporaryDirectory() as folder:
        write_vectors(Path(folder), args.data, {"search": 1_000_000 // share, "all": 100_000 // share}, 10_000 // share)
        write("semantic", {task: measure(task, Path(folder), repeats) for task in SIDES}, args.short)


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
    """All sides of a task."""
    found: dict[str, dict[str, Any]] = {}

    def run(side: str) -> float:
        command = [sys.executable, __file__, "--side", task, side, str(folder)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found[side] = json.loads(out.splitlines()[-1])
        return float(found[side]["seconds"])

    seconds = in_turn({side: partial(run, side) for side in SIDES[task]}, repeats, warm_up=0)
    exact = np.load(folder / f"{task}_flat.npy")
    return {
        "seconds": {side: spread(spent) for side, spent in seconds.items()},
        "peak_mib": {side: round(run["peak_mib"]) for side, run in found.items()},
        "recall": {side: recall(np.load(folder / f"{task}_{side}.npy"), exact) for side in SIDES[task]},
        "ratio_to_peer": {side: ratios(seconds, side, "peer") for side in SIDES[task] if side != "peer"},
    }


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """The share of the exact neighbours (q, k) that were found."""
    return round(float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)])), 4)


def one(task: str, side: str, folder: Path) -> dict[str, float]:
    """One search in this process: its seconds and its peak memory; the places found go to a file."""
    vectors, queries = np.load(folder / f"{task}.npy"), np.load(folder / "queries.npy")
    work: Callable[..., np.ndarray] = {"search": search, "all": among_themselves}[task]
    # Imported before the clock starts, on either side.
    importlib.import_module("sentence_transformers.util" if side == "peer" else "augsbert.samplers.semantic")
    importlib.import_module("torch" if side == "peer" else "faiss")
    start = time.perf_counter()
    found = work(side, vectors, queries)
    spent = time.perf_counter() - start
    np.save(folder / f"{task}_{side}.npy", found)
    return {"seconds": spent, "peak_mib": peak_mib()}


def search(side: str, vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The ``TOP_K`` nearest of each query (q, k)."""
    if side != "peer":
        return _searcher(side, vectors)(queries, TOP_K)[1]
    import torch
    from sentence_transformers.util import semantic_search

    hits = semantic_search(torch.from_numpy(queries), torch.from_numpy(vectors), top_k=TOP_K)
    return np.array([[hit["corpus_id"] for hit in row] for row in hits])


def among_themselves(side: str, vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The ``TOP_K`` nearest others of each vector (n, k), -1 where the peer's list of pairs has fewer."""
    if side != "peer":
        from augsbert.samplers.neighbours import Forbidden, nearest

        nothing = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype=str)
        forbidden = Forbidden([str(i) for i in range(len(vectors))], nothing)
        rows = nearest(vectors, _searcher(side, vectors), forbidden, TOP_K, memory_mib=256)
        return rows[:, 1].reshape(len(vectors), TOP_K)
    import torch
    from sentence_transformers.util import paraphrase_mining_embeddings

    pairs: Any = paraphrase_mining_embeddings(torch.from_numpy(vectors), max_pairs=len(vectors) * TOP_K, top_k=TOP_K)
    found: list[list[int]] = [[] for _ in vectors]
    for _, first, second in pairs:
        found[first].append(second)
        found[second].append(first)
    return np.array([(row + [-1] * TOP_K)[:TOP_K] for row in found])


def _searcher(index: str, vectors: np.ndarray) -> Any:
    from augsbert.samplers.semantic import Semantic

    return Semantic("", top_k=TOP_K, index=index)._searcher(vectors)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
