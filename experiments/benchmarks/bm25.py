"""All against all by BM25, from strings to pairs: the sampler here, bm25s as it is and with numba, rank_bm25.

    python experiments/benchmarks/bm25.py --data FOLDER             # the questions of quora-IR-dataset.zip, top 6
    python experiments/benchmarks/bm25.py --data FOLDER --short

rank_bm25 would take hours: it answers a sample of the queries on the whole index, and its time is extrapolated. The
bm25s rows are its own tokenizer, told to keep words of one letter as ours does, and its own ``retrieve``, as it is, in
threads, and compiled by numba in threads, then a table of pairs; without the sampler's other promises (ties by place,
nothing of ``exclude``, each pair once).
``first_call`` is ours in a process that has compiled nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from turns import in_turn, ratios, spread, write

from augsbert.datasets.quora import Quora
from augsbert.pairs import distinct_sentences
from augsbert.pool import Pool
from augsbert.samplers.bm25 import BM25, tokenize

TOP_K = 6
NOTHING = pd.DataFrame(columns=["sentence1", "sentence2"])


def ours(sentences: list[str]) -> int:
    """The sampler; how many pairs it gives."""
    return len(BM25(top_k=TOP_K)(Pool(sentences, NOTHING), NOTHING))


def bm25s_retrieve(sentences: list[str], backend: str, threads: int = 0) -> int:
    """bm25s by its own means; how many pairs of a sentence and another there are."""
    import bm25s

    tokens = bm25s.tokenize(sentences, token_pattern=r"(?u)\w+", stopwords=None, show_progress=False)
    index = bm25s.BM25(backend=backend)
    index.index(tokens, show_progress=False)
    others, scores = index.retrieve(tokens, k=TOP_K + 1, n_threads=threads, show_progress=False)
    queries = np.arange(len(sentences))[:, None]
    rows, columns = np.nonzero((scores > 0) & (others != queries))
    texts = np.asarray(sentences, dtype=object)
    return len(pd.DataFrame({"sentence1": texts[rows], "sentence2": texts[others[rows, columns]]}))


def rank_bm25_seconds(sentences: list[str], sample: int) -> float:
    """Seconds for all queries, from those of ``sample`` evenly spaced ones; the index is counted whole."""
    from rank_bm25 import BM25Okapi

    start = time.perf_counter()
    tokens = [tokenize(sentence) for sentence in sentences]
    index = BM25Okapi(tokens)
    indexed = time.perf_counter()
    for query in tokens[:: max(1, len(tokens) // sample)][:sample]:
        index.get_scores(query).argpartition(-TOP_K)
    return indexed - start + (time.perf_counter() - indexed) * len(sentences) / sample


def main() -> None:
    """Measure all sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="5,000 questions, twice; nothing is written")
    args = parser.parse_args()
    splits = Quora(path=str(args.data / "quora-IR-dataset.zip"))()
    sentences = distinct_sentences(pd.concat([splits.train, splits.dev, splits.test]))
    sentences, repeats = (sentences[:5_000], 2) if args.short else (sentences, args.repeats)
    write("bm25", measure(sentences, repeats), args.short)


def measure(sentences: list[str], repeats: int) -> dict[str, Any]:
    """Seconds of all sides, and the ratios to ours."""
    threads, start = torch.get_num_threads(), time.perf_counter()
    ours(sentences)
    first = time.perf_counter() - start
    sides: dict[str, Any] = {
        "augsbert": lambda: ours(sentences),
        "bm25s": lambda: bm25s_retrieve(sentences, "numpy"),
        "bm25s, threads": lambda: bm25s_retrieve(sentences, "numpy", threads),
        "rank_bm25, extrapolated": lambda: rank_bm25_seconds(sentences, sample=50),
    }
    if importlib.util.find_spec("numba"):
        sides["bm25s, numba, threads"] = lambda: bm25s_retrieve(sentences, "numba", threads)
    seconds = in_turn(sides, repeats)
    best = min((side for side in sides if side.startswith("bm25s")), key=lambda side: sum(seconds[side]))
    return {
        "sentences": len(sentences),
        "top_k": TOP_K,
        "seconds": {side: spread(spent) for side, spent in seconds.items()},
        "first_call_seconds": round(first, 1),
        "best_peer": best,
        "ratio_to_best": ratios(seconds, "augsbert", best),
        "ratio_to_default": ratios(seconds, "augsbert", "rank_bm25, extrapolated"),
    }


if __name__ == "__main__":
    main()
