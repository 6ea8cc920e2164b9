"""Why AugSBERT exists: what it costs to compare 10,000 sentences with one another, and how well each encoder does it.

    python run.py dataset=stsb gold_size=1000 bi_encoder.num_layers=2 compare.poly=true poly_encoder.num_layers=2 \\
        bi_encoder.fit.epochs=2 bi_encoder.fit.learning_rate=4e-4 hydra.run.dir=out/pairs
    python experiments/benchmarks/pair_scoring.py out/pairs

The encoders are those of that run, tested on the same pairs. The bi-encoder's times are measured; those of the other
two for all pairs are extrapolated from a sample, as nobody waits that long, and said to be.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from record import commit

from augsbert.hardware import describe
from augsbert.pairs import distinct_sentences

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
SAMPLE_PAIRS, SAMPLE_CONTEXTS = 1_000, 20
ENCODERS = ("cross_encoder", "poly_encoder", "bi_encoder")


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """The median of several runs, after one that does not count."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def cross_encoder(folder: Path, sentences: Sequence[str], repeats: int) -> dict[str, float]:
    """All pairs and one against all, extrapolated from ``SAMPLE_PAIRS`` drawn pairs."""
    from sentence_transformers import CrossEncoder

    model, count = CrossEncoder(str(folder)), len(sentences)
    drawn = np.random.default_rng(0).integers(count, size=(SAMPLE_PAIRS, 2))
    pairs = [(sentences[a], sentences[b]) for a, b in drawn]
    each = seconds(lambda: model.predict(pairs, batch_size=32), repeats) / SAMPLE_PAIRS
    return {"all_pairs": each * count * (count - 1) / 2, "one_against_all": each * count}


def bi_encoder(folder: Path, sentences: Sequence[str], repeats: int) -> dict[str, float]:
    """All measured: embedding, every cosine, clusters, and one new sentence against the kept ones."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import community_detection

    model = SentenceTransformer(str(folder))
    embed = seconds(lambda: model.encode(sentences, batch_size=64), min(repeats, 2))
    kept = model.encode(sentences, batch_size=64, convert_to_tensor=True, normalize_embeddings=True)
    cosines = seconds(lambda: [(kept[i : i + 1000] @ kept.T).topk(10) for i in range(0, len(kept), 1000)], repeats)
    clusters = seconds(lambda: community_detection(kept, threshold=0.8, min_community_size=2), repeats)
    one = seconds(
        lambda: model.encode([sentences[0]], convert_to_tensor=True, normalize_embeddings=True) @ kept.T, repeats
    )
    return {"embed": embed, "all_pairs": embed + cosines, "clusters": embed + clusters, "one_against_all": one}


def poly_encoder(folder: Path, sentences: Sequence[str], repeats: int) -> dict[str, float]:
    """One context against kept candidates measured; all pairs extrapolated from ``SAMPLE_CONTEXTS`` contexts."""
    from augsbert.encoders.poly import PolyEncoder

    model = PolyEncoder.from_folder(folder)
    embed = seconds(lambda: model.embed_candidates(sentences), min(repeats, 2))
    kept = model.embed_candidates(sentences)
    one = seconds(lambda: model.score_context(sentences[0], kept), repeats)
    some = seconds(lambda: [model.score_context(s, kept) for s in sentences[:SAMPLE_CONTEXTS]], repeats)
    return {
        "embed": embed,
        "all_pairs": embed + some / SAMPLE_CONTEXTS * len(sentences),
        "one_against_all": one,
    }


def main() -> None:
    """Measure, write JSON, a table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run with compare.poly=true")
    parser.add_argument("--count", type=int, default=10_000, help="sentences, of the run's pairs")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    tables = [pd.read_parquet(arguments.run / f"{name}.parquet") for name in ("predictions", "silver")]
    sentences = distinct_sentences(pd.concat(tables))[: arguments.count]
    metrics = json.loads((arguments.run / "metrics.json").read_text())
    metric = "average_precision" if "bi_encoder/test/average_precision" in metrics else "spearman"
    folder, repeats = arguments.run, arguments.repeats
    spent = {
        "bi_encoder": bi_encoder(folder / "bi_encoder", sentences, repeats),
        "poly_encoder": poly_encoder(folder / "poly_encoder", sentences, repeats),
        "cross_encoder": cross_encoder(folder / "cross_encoder", sentences, repeats),
    }
    names = ("torch", "transformers", "sentence-transformers")
    result = {
        "sentences": len(sentences),
        "metric": metric,
        "quality": {name: metrics[f"{name}/test/{metric}"] for name in (*ENCODERS, "baseline")},
        "seconds": spent,
        "extrapolated": {
            "cross_encoder": f"from {SAMPLE_PAIRS} pairs",
            "poly_encoder": f"from {SAMPLE_CONTEXTS} contexts",
        },
        "repeats": repeats,
        "threads": torch.get_num_threads(),
        "processor": describe(),
        "commit": commit(),
        "versions": {name: importlib.metadata.version(name) for name in names},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "pair_scoring.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "pair_scoring.md").write_text(table(result) + "\n")
    draw(result, RESULTS / "pair_scoring.svg")
    print(table(result))


def table(result: dict[str, Any]) -> str:
    """A row per encoder, for people."""
    lines = [
        f"| {result['sentences']:,} sentences | {result['metric'].replace('_', ' ')} x100 "
        "| all pairs | clusters | one against all |",
        "|---|---|---|---|---|",
    ]
    for name in ENCODERS:
        spent = result["seconds"][name]
        note = " (extrapolated)" if name in result["extrapolated"] else ""
        # One against all takes every pair of one sentence: measured for the poly-encoder, for the cross-encoder not.
        one_note = note if name == "cross_encoder" else ""
        clusters = said(spent["clusters"]) if "clusters" in spent else "needs all pairs"
        lines.append(
            f"| {name.replace('_', '-')} | {100 * result['quality'][name]:.2f} "
            f"| {said(spent['all_pairs'])}{note} | {clusters} | {said(spent['one_against_all'])}{one_note} |"
        )
    return "\n".join(lines)


def said(value: float) -> str:
    """Seconds as a person says them."""
    if value >= 3600:
        return f"{value / 3600:.1f} h"
    if value >= 120:
        return f"{value / 60:.0f} min"
    return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.1f} ms"


def draw(result: dict[str, Any], path: Path) -> None:
    """Quality against cost, the cost on a logarithmic scale."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.6))
    for name in ENCODERS:
        x, y = result["seconds"][name]["all_pairs"], 100 * result["quality"][name]
        axes.scatter([x], [y], s=60)
        axes.annotate(f"{name.replace('_', '-')}\n{said(x)}", (x, y), xytext=(8, -4), textcoords="offset points")
    axes.set_xscale("log")
    axes.margins(x=0.35, y=0.25)
    axes.set_xlabel(f"seconds for all pairs of {result['sentences']:,} sentences")
    axes.set_ylabel(f"{result['metric'].replace('_', ' ')} x100 on test")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
