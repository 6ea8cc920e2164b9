"""All against all by BM25, from strings to pairs: the sampler here, bm25s as it is and with numba, tantivy, rank_bm25.

    python experiments/benchmarks/bm25.py --data FOLDER             # the questions of quora-IR-dataset.zip, top 6
    python experiments/benchmarks/bm25.py --data FOLDER --short

rank_bm25 would take hours: it answers a sample of the queries on the whole index, and its time is extrapolated. The
bm25s rows are its own tokenizer, told to keep words of one letter as ours does, and its own ``retrieve``, as it is, in
threads, and compiled by numba in threads, then a table of pairs; without the sampler's other promises (ties by place,
nothing of ``exclude``, each pair once). tantivy (0.27, of 2026; where it is installed) is a looser peer: its index
knows a sentence's length by one byte only, and its k1 is 1.2, so that other neighbours come; it has the same words, one
segment and one thread, as two brought nothing. retriv, which the goal names as well, is none: its last release (0.2.3)
is of August 2023, pins PyStemmer 2.0.1 where 3.1 is current, and needs a KrovetzStemmer that has to be compiled.
``first_call`` is ours in a process that has compiled nothing.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from record import write
from turns import in_turn, ratios, spread

from augsbert.datasets.quora import Quora
from augsbert.pairs import distinct_sentences
from augsbert.pool import Pool
from augsbert.samplers.bm25 import BM25, tokenize

TOP_K = 6
RANK = "rank_bm25, extrapolated"
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


def tantivy_search(sentences: list[str]) -> int:
    """tantivy by its own means; how many pairs of a sentence and another there are."""
    tantivy: Any = importlib.import_module("tantivy")
    builder = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="words", index_option="freq")
    schema = builder.add_integer_field("place", fast=True).build()
    index, lower = tantivy.Index(schema), tantivy.Filter.lowercase()
    words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"\w+")).filter(lower).build()
    index.register_tokenizer("words", words)
    with index.writer(128_000_000, 1) as writer:
        for place, sentence in enumerate(sentences):
            writer.add_document(tantivy.Document(text=sentence, place=place))
        writer.commit()
        writer.wait_merging_threads()
    index.reload()
    searcher, should = index.searcher(), tantivy.Occur.Should

    def found(sentence: str) -> list[Any]:
        terms = [tantivy.Query.term_query(schema, "text", word, "freq") for word in words.analyze(sentence)]
        query = tantivy.Query.boolean_query([(should, term) for term in terms])
        return [address for _, address in searcher.search(query, limit=TOP_K + 1, count=False).hits]

    hits = [found(sentence) for sentence in sentences]
    queries = np.repeat(np.arange(len(sentences)), [len(one) for one in hits])
    others = np.array(searcher.fast_field_values("place", [address for one in hits for address in one]))
    texts, apart = np.asarray(sentences, dtype=object), others != queries
    return len(pd.DataFrame({"sentence1": texts[queries[apart]], "sentence2": texts[others[apart]]}))


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
        RANK: lambda: rank_bm25_seconds(sentences, sample=50),
    }
    if importlib.util.find_spec("numba"):
        sides["bm25s, numba, threads"] = lambda: bm25s_retrieve(sentences, "numba", threads)
    if importlib.util.find_spec("tantivy"):
        sides["tantivy"] = lambda: tantivy_search(sentences)
    seconds = in_turn(sides, repeats)
    best = min((side for side in sides if side not in ("augsbert", RANK)), key=lambda side: sum(seconds[side]))
    return {
        "sentences": len(sentences),
        "top_k": TOP_K,
        "seconds": {side: spread(spent) for side, spent in seconds.items()},
        "first_call_seconds": round(first, 1),
        "best_peer": best,
        "ratio_to_best": ratios(seconds, "augsbert", best),
        "ratio_to_default": ratios(seconds, "augsbert", RANK),
    }


if __name__ == "__main__":
    main()
