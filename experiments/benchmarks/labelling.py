"""Pairs a second of weak labelling: the score job here, and sentence-transformers' CrossEncoder.predict.

    python experiments/benchmarks/labelling.py --data FOLDER           # of stsbenchmark.tsv.gz and quora-IR-dataset.zip
    python experiments/benchmarks/labelling.py --data FOLDER --short
    python experiments/benchmarks/labelling.py --data FOLDER --accelerator gpu

Both have the same weights, a head of MiniLM, and give float32 scores. The peer is measured as its documentation shows
it (float32, batches of 32) and at its best at the same precision: several batch sizes, bf16 weights or autocast where
it is multiplied in hardware, its pool of processes, its OpenVINO backend (--openvino-python). The fastest of these on a
tenth of the pairs counts. Our time holds all of a job: tokens, shards on disk, reading them back. On a GPU, where the
peer needs neither pool nor OpenVINO, attention is torch's scaled_dot_product_attention on both sides.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from openvino_peer import call, versions
from turns import DEVICES, Work, bound, contest, minilm, pool_of, products, ratios, spread, write

from augsbert.datasets.quora import Quora
from augsbert.datasets.stsb import Stsb
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.hardware import Hardware, keep_freed_memory
from augsbert.pairs import SENTENCES
from augsbert.progress import StageProgress
from augsbert.samplers.bm25 import BM25
from augsbert.scoring import read_scores, score

BATCHES = {"cpu": (32, 64, 128), "gpu": (64, 256, 1024)}
#: Of 32 it is as fast on a tenth of the pairs, and ended in a segmentation fault on all of them (2026.4, bf16).
OPENVINO_BATCH = 64
Texts = list[list[str]]


def silver_pairs(data: Path, count: int) -> pd.DataFrame:
    """BM25's candidates from the sentences of both data sets' train splits, half of each."""
    from augsbert.pairs import distinct_sentences
    from augsbert.pool import Pool

    tables = []
    for part in (Stsb(path=str(data / "stsbenchmark.tsv.gz")), Quora(path=str(data / "quora-IR-dataset.zip"))):
        sentences = distinct_sentences(part().train)[: max(200, count // 2)]
        nothing = pd.DataFrame(columns=["sentence1", "sentence2"])
        pairs = BM25()(Pool(sentences, nothing), nothing)
        tables.append(pairs.sample(count // 2, random_state=0))
    return pd.concat(tables, ignore_index=True)


def new(folder: Path) -> Path:
    """A cross-encoder's folder: MiniLM with a head that is not fitted, which takes the same time."""
    module = CrossEncoder(minilm(), fit=Fit(epochs=1))
    torch.manual_seed(0)
    module.configure_model()
    module.save(folder)
    return folder


def ours(model: Path, precision: str, hardware: Hardware, texts: Texts) -> np.ndarray:
    """A score job in this process."""
    module, pairs = CrossEncoder(str(model)), pd.DataFrame(texts, columns=SENTENCES)
    with tempfile.TemporaryDirectory() as folder:
        score(module, pairs, precision, hardware, Path(folder), StageProgress("labels"))
        return read_scores(module, pairs, hardware, Path(folder))


def main() -> None:
    """Measure all sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", type=Path, help="a cross-encoder's folder; else MiniLM with a new head")
    parser.add_argument("--openvino-python", help="one with sentence-transformers[openvino], see openvino_peer.py")
    parser.add_argument("--accelerator", choices=DEVICES, default="cpu")
    parser.add_argument("--short", action="store_true", help="1,000 pairs, twice; nothing is written")
    args = parser.parse_args()
    count, repeats = (1_000, 2) if args.short else (args.pairs, args.repeats)
    pairs = silver_pairs(args.data, count)
    with tempfile.TemporaryDirectory() as folder:
        model = args.model or new(Path(folder) / "MiniLM, head not fitted")
        found = measure(model, pairs, repeats, Hardware(args.accelerator), args.openvino_python)
        write("labelling", found, args.short, args.accelerator)


def measure(model: Path, pairs: pd.DataFrame, repeats: int, hardware: Hardware, openvino: str | None) -> dict[str, Any]:
    """Ours against the peer's default and best."""
    keep_freed_memory()  # as the stage does; the peers in this process gain by it too
    texts, precision = pairs[SENTENCES].to_numpy().tolist(), hardware.precision("auto")
    bf16 = precision == "bf16-mixed"
    own = {"augsbert": partial(ours, model, precision, hardware)}
    if bf16:
        own["augsbert, fp32"] = partial(ours, model, "32-true", hardware)
    peers = peer_sides(model, hardware.accelerator, bf16) | openvino_sides(openvino, model)
    seconds, scores, best, tried = contest(own, peers, texts, repeats)
    spent, ratio = spread(seconds["augsbert"])["median"], ratios(seconds, "augsbert", best)
    reference = scores["peer, default"]
    return {
        "pairs": len(pairs),
        "model": model.name,
        "precision": precision,
        "pairs_per_second": {side: spread([len(pairs) / s for s in spent]) for side, spent in seconds.items()},
        "peer_seconds_for_a_tenth": tried,
        "best_peer": best,
        **({"openvino_versions": versions(openvino)} if openvino else {}),
        "ratio_to_best": ratio,
        "ratio_to_default": ratios(seconds, "augsbert", "peer, default"),
        "rank_agreement_with_fp32": {side: _agreement(found, reference) for side, found in scores.items()},
        "equal_among_other_neighbours": _alone(own["augsbert"], texts, scores["augsbert"]),
        "bound": bound(
            products(lambda: own["augsbert"](texts)), spent, ratio["median"], bf16, accelerator=hardware.accelerator
        ),
    }


def peer_sides(model: Path, accelerator: str, bf16: bool) -> dict[str, Work]:
    """The peer's default, larger batches, bf16 where hardware multiplies it; on a CPU a pool of a process a core."""
    from sentence_transformers import CrossEncoder as Peer

    device = DEVICES[accelerator]
    default = Peer(str(model), device=device)
    sides: dict[str, Work] = {"peer, default": partial(default.predict, show_progress_bar=False)}
    for size in BATCHES[accelerator]:
        arguments = {"batch_size": size, "show_progress_bar": False}
        sides[f"peer, batches of {size}"] = partial(default.predict, **arguments)
        if bf16:
            halved = Peer(str(model), device=device, model_kwargs={"torch_dtype": torch.bfloat16})
            sides[f"peer, bf16 weights, {size}"] = partial(halved.predict, **arguments)
            sides[f"peer, bf16 autocast, {size}"] = partial(autocast, device, default, arguments)
    if accelerator == "gpu":
        return sides
    pool = {"pool": pool_of(default), "show_progress_bar": False}
    # By default a process gets a tenth of its share at a time, which of few pairs are chunks too small to pay.
    return sides | {
        "peer, pool of processes": partial(default.predict, **pool),
        "peer, pool of processes, chunks of 500": partial(default.predict, chunk_size=500, **pool),
    }


def autocast(device: str, peer: Any, arguments: dict[str, Any], texts: Texts) -> np.ndarray:
    """The peer's scores, multiplied in bfloat16."""
    with torch.autocast(device, dtype=torch.bfloat16):
        return peer.predict(texts, **arguments)


def openvino_sides(python: str | None, model: Path) -> dict[str, Work]:
    """The peer on OpenVINO, where a Python that has it is given."""
    task = {"encoder": "cross", "model": str(model), "batch_size": OPENVINO_BATCH}
    return {f"peer, openvino, {OPENVINO_BATCH}": partial(call, python, task)} if python else {}


def _alone(label: Work, texts: Texts, scores: np.ndarray) -> bool:
    """Whether a tenth of the pairs, in another order, gets the same labels to the bit as among all."""
    some = np.random.default_rng(0).permutation(len(texts))[: len(texts) // 10]
    return np.array_equal(label([texts[i] for i in some]), scores[some])


def _agreement(scores: np.ndarray, reference: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return round(float(spearmanr(scores, reference).statistic), 6)


if __name__ == "__main__":
    main()
