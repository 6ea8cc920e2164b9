"""How samplers grow: seconds, memory and disk from a file of sentences to silver candidates.

    python experiments/benchmarks/scale.py --data FOLDER            # 10 k, 100 k, 1 M: hours
    python experiments/benchmarks/scale.py --data FOLDER --samplers semantic --sizes 1_000_000    # a part of it
    python experiments/benchmarks/scale.py --data FOLDER --short    # 2 k and 10 k; nothing is written

The sentences are the questions of quora-IR-dataset.zip; where there are too few, each comes again with one of its
words replaced by another question's, so that all are distinct and words are as frequent as they were. Each sampler
and size has a process of its own, whose peak memory is its own. Sizes that are measured join those on record. What
candidates among 100 million sentences would take follows from how the last two sizes grow: so much for each sentence
and, for the search, so much for each two, as all samplers but random compare all with all, ivf a sixteenth of them. It
is a guess, by arithmetic, for the processor of the last one; labelling and fits grow with the pairs, by the rates of
their own benchmarks.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from turns import RESULTS, minilm, peak_mib, write

SIZES = [10_000, 100_000, 1_000_000]
FAR = 100_000_000
SAMPLERS = ("random", "bm25", "semantic", "semantic_ivf")


def main() -> None:
    """Measure each sampler at each size, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("SAMPLER", "FOLDER"), help="one sampler on FOLDER/pool.txt")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one[0], Path(args.one[1]))))
        return
    if args.data is None:
        parser.error("--data is needed: the folder of quora-IR-dataset.zip")
    found = {} if args.short else recorded()
    for size in [2_000, 10_000] if args.short else args.sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_sentences(Path(folder) / "pool.txt", args.data, size)
            for sampler in args.samplers:
                found.setdefault(sampler, {})[str(size)] = measure(sampler, Path(folder))
                print(sampler, size, found[sampler][str(size)], flush=True)
    write("scale", {"sizes": found, "grows": grows(found)}, args.short)


def recorded() -> dict[str, dict[str, Any]]:
    """Sampler -> size -> figures that earlier runs have left."""
    path = RESULTS / "scale.json"
    return dict(json.loads(path.read_text())["sizes"]) if path.exists() else {}


def write_sentences(path: Path, data: Path, size: int) -> None:
    """As many distinct sentences, one a line."""
    from augsbert.datasets.quora import Quora
    from augsbert.pairs import distinct_sentences

    splits = Quora(path=str(data / "quora-IR-dataset.zip"))()
    questions = distinct_sentences(pd.concat([splits.train, splits.dev, splits.test]))
    seen: dict[str, None] = {}
    for sentence in _variants([" ".join(question.split()) for question in questions]):
        seen.setdefault(sentence)
        if len(seen) == size:
            break
    path.write_text("\n".join(seen) + "\n", encoding="utf8")


def _variants(questions: list[str]) -> Iterator[str]:
    """The questions, then without end each with one word of another one, by chance."""
    yield from questions
    random = np.random.default_rng(0)
    while True:
        for question, other in zip(questions, random.integers(len(questions), size=len(questions)), strict=True):
            words, others = question.split(), questions[other].split()
            words[random.integers(len(words))] = others[random.integers(len(others))]
            yield " ".join(words)


def measure(sampler: str, folder: Path) -> dict[str, Any]:
    """One sampler in a process of its own."""
    command = [sys.executable, __file__, "--one", sampler, str(folder)]
    return dict(
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    )


def one(sampler: str, folder: Path) -> dict[str, Any]:
    """Read the pool, keep it, find candidates and keep them: seconds of each, peak memory, bytes on disk."""
    from augsbert.hardware import describe
    from augsbert.pool import unlabelled, write_pool
    from augsbert.samplers import semantic

    nothing, seconds = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype=str), {"embed": 0.0}
    semantic.embed = _timed("embed", semantic.embed, seconds)
    pool = _timed("pool", unlabelled, seconds)(str(folder / "pool.txt"), nothing, nothing)
    write_pool(folder, pool)
    found = _timed("candidates", _sampler(sampler, len(pool.sentences)), seconds)(pool, nothing)
    found.to_parquet(folder / "candidates.parquet")
    seconds["candidates"] -= seconds["embed"]
    return {
        "processor": describe(),
        "seconds": {stage: round(spent, 2) for stage, spent in seconds.items()},
        "peak_mib": round(peak_mib()),
        "pairs": len(found),
        "disk_mib": round(sum(path.stat().st_size for path in folder.glob("*.parquet")) / 2**20, 1),
    }


def _timed(name: str, function: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    """The same, and its seconds noted under the name."""

    def timed(*arguments: Any, **settings: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments, **settings)
        seconds[name] = time.perf_counter() - start
        return result

    return timed


def _sampler(name: str, sentences: int) -> Any:
    """As conf/sampler has them; random draws as many pairs as the others find, about."""
    from augsbert.samplers.bm25 import BM25
    from augsbert.samplers.random import Random
    from augsbert.samplers.semantic import Semantic

    if name == "random":
        return Random(num_pairs=3 * sentences, seed=0)
    if name == "bm25":
        return BM25()
    return Semantic(minilm(), index="ivf" if name == "semantic_ivf" else "flat")


def grows(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sampler -> how it grows between its two largest sizes, and what ``FAR`` sentences come to by that."""
    return {
        sampler: _growth(*sorted((int(size), figures) for size, figures in sizes.items())[-2:])
        for sampler, sizes in found.items()
        if len(sizes) > 1
    }


def _growth(less: tuple[int, Mapping[str, Any]], more: tuple[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Memory and disk are a start and so much a sentence; the search's exponent is 1 if linear, 2 if all with all."""
    before, after = (figures["seconds"]["candidates"] for _, figures in (less, more))
    power = math.log(after / before) / math.log(more[0] / less[0])
    each = {what: (more[1][what] - less[1][what]) / (more[0] - less[0]) for what in ("peak_mib", "disk_mib")}
    far = {what: more[1][what] + slope * (FAR - more[0]) for what, slope in each.items()}
    seconds = {
        "embed": more[1]["seconds"]["embed"] * FAR / more[0],
        "candidates": _far(less[0], before, more[0], after),
    }
    return {
        "between": [less[0], more[0]],
        "exponent": {"candidates": round(power, 2)},
        "bytes_a_sentence": {what.removesuffix("_mib"): round(slope * 2**20) for what, slope in each.items()},
        f"guess_at_{FAR}": {
            "hours": {stage: float(f"{spent / 3600:.3g}") for stage, spent in seconds.items()},
            "peak_gib": float(f"{far['peak_mib'] / 1024:.3g}"),
            "disk_gib": float(f"{far['disk_mib'] / 1024:.3g}"),
        },
    }


def _far(less: int, before: float, more: int, after: float) -> float:
    """Seconds for ``FAR`` sentences, if those of n are a n + b n^2 with a and b of at least 0."""
    each_two = max(0.0, (after / more - before / less) / (more - less))
    each_two = min(each_two, after / more**2)
    return (after / more - each_two * more) * FAR + each_two * FAR**2


if __name__ == "__main__":
    main()
