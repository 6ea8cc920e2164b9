"""How the stage of candidates grows: seconds, memory and disk from a file of sentences to silver candidates.

    python experiments/benchmarks/scale.py --data FOLDER            # 10 k, 100 k, 1 M: hours
    python experiments/benchmarks/scale.py --data FOLDER --samplers semantic --sizes 1_000_000    # a part of it
    python experiments/benchmarks/scale.py --data FOLDER --short    # 2 k and 10 k; nothing is written

The sentences are the questions of quora-IR-dataset.zip; where there are too few, each comes again with one of its
words replaced by another question's, so that all are distinct and words are as frequent as they were. Each sampler
and size has a process of its own, whose peak memory is its own. It does what a run does: the pool is read and kept,
read again, the sampler is given the pairs of dev and test to leave out, its pairs are checked as any sampler's are, and
written. ``candidates`` are the seconds of that stage whole, of which ``embed`` and ``search`` are the sampler's.

Sizes that are measured join those on record, but for records of the sampler alone (``sampler_peak_mib``), as they were
made until 2026-11. What candidates among 100 million sentences would take follows from how the last two sizes grow: so
much for each sentence and, for the search, so much for each two, as all samplers but random compare all with all, ivf a
sixteenth of them. It is a guess, by arithmetic, for the processor of the last one; labelling and fits grow with the
pairs, by the rates of their own benchmarks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from growth import grows
from record import RESULTS, write
from turns import minilm, peak_mib

from augsbert import stages
from augsbert.datasets.quora import Quora
from augsbert.hardware import describe
from augsbert.pairs import distinct_sentences, without
from augsbert.pool import read_pool, unlabelled, write_pool
from augsbert.samplers import semantic
from augsbert.samplers.bm25 import BM25
from augsbert.samplers.random import Random

SIZES = [10_000, 100_000, 1_000_000]
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
            write_sentences(Path(folder), args.data, size)
            for sampler in args.samplers:
                found.setdefault(sampler, {})[str(size)] = measure(sampler, Path(folder))
                print(sampler, size, found[sampler][str(size)], flush=True)
    write("scale", {"precision": "32-true", "sizes": found, "grows": grows(found)}, args.short)


def recorded() -> dict[str, dict[str, Any]]:
    """Sampler -> size -> figures of the whole stage that earlier runs have left."""
    path = RESULTS / "scale.json"
    found = dict(json.loads(path.read_text())["sizes"]) if path.exists() else {}
    whole = {sampler: {n: one for n, one in sizes.items() if "peak_mib" in one} for sampler, sizes in found.items()}
    return {sampler: sizes for sampler, sizes in whole.items() if sizes}


def write_sentences(folder: Path, data: Path, size: int) -> None:
    """``pool.txt``, as many distinct sentences, one a line, and ``exclude.parquet``, the pairs of dev and test."""
    splits = Quora(path=str(data / "quora-IR-dataset.zip"))()
    questions = distinct_sentences(pd.concat([splits.train, splits.dev, splits.test]))
    seen: dict[str, None] = {}
    for sentence in _variants([" ".join(question.split()) for question in questions]):
        seen.setdefault(sentence)
        if len(seen) == size:
            break
    (folder / "pool.txt").write_text("\n".join(seen) + "\n", encoding="utf8")
    pd.concat([splits.dev, splits.test])[["sentence1", "sentence2"]].to_parquet(folder / "exclude.parquet")


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
    """The stages of pool and candidates as a run makes them: seconds, peak memory, bytes on disk.

    Args:
        sampler: one of ``SAMPLERS``.
        folder: has ``pool.txt`` and ``exclude.parquet``; the stages are written into it.
    """
    nothing, seconds = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype=str), {"embed": 0.0}
    semantic.embed = _timed("embed", semantic.embed, seconds)
    # A run, too, keeps it in memory while it makes candidates.
    pool = _timed("pool", unlabelled, seconds)(str(folder / "pool.txt"), nothing, nothing)
    for stage in ("pool", "candidates"):
        (folder / f"{sampler}, {stage}").mkdir()
    write_pool(folder / f"{sampler}, pool", pool)
    part = _timed("search", _sampler(sampler, len(pool.sentences)), seconds)
    pairs = _timed("candidates", _candidates, seconds)(part, sampler, folder)
    seconds["search"] -= seconds["embed"]
    return {
        "processor": describe(),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "peak_mib": round(peak_mib()),
        "pairs": pairs,
        "disk_mib": round(sum(path.stat().st_size for path in folder.glob(f"{sampler}, */*")) / 2**20, 1),
    }


def _candidates(part: Callable[..., pd.DataFrame], sampler: str, folder: Path) -> int:
    """What the stage does (augsbert/silver.py); how many pairs it leaves."""
    exclude = pd.read_parquet(folder / "exclude.parquet")
    found = stages.as_promised(part(read_pool(folder / f"{sampler}, pool"), exclude), sampler)
    kept = without(found, exclude)
    stages.write_candidates(folder / f"{sampler}, candidates", [], kept, sampler)
    return len(kept)


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
    if name == "random":
        return Random(num_pairs=3 * sentences, seed=0)
    if name == "bm25":
        return BM25()
    return semantic.Semantic(minilm(), index="ivf" if name == "semantic_ivf" else "flat")


if __name__ == "__main__":
    main()
