"""Pairs a second of weak labelling: the score job here, and sentence-transformers' CrossEncoder.predict.

    python experiments/benchmarks/labelling.py --data FOLDER           # of stsbenchmark.tsv.gz and quora-IR-dataset.zip
    python experiments/benchmarks/labelling.py --data FOLDER --short
    python experiments/benchmarks/labelling.py --data FOLDER --accelerator gpu

Both have the same weights, a head of MiniLM, and give float32 scores. The peer is measured as its documentation shows
it (float32, batches of 32) and at its best at the same precision: bf16 weights or autocast where it is multiplied in
hardware, its pool of processes (in float32 and of bf16 weights), its OpenVINO backend (--openvino-python), each with
the batch size that is fastest on a tenth of the pairs, chosen once (peers.py). All of these are then measured on all
pairs, and the fastest counts; one that crashes is recorded as such and left out. Our time holds all of a job: tokens,
shards on disk, reading them back, and OpenVINO's compiling. The ratios are those of ours on OpenVINO, which is a
setting here as it is there (cross_encoder.backend); under ``as_shipped`` are those of ours in torch. On a GPU, where
neither needs pool or OpenVINO, attention is torch's scaled_dot_product_attention on both sides.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matrix import DEVICES, bound, products
from openvino_peer import call, versions
from peers import BATCHES, DEFAULT, Contest, Kinds, Work, contest, kind, pool_of
from record import write
from turns import ratios, spread, with_new_head

from augsbert.datasets.quora import Quora
from augsbert.datasets.stsb import Stsb
from augsbert.encoders.backends import Backend
from augsbert.encoders.cross import CrossEncoder
from augsbert.hardware import Hardware, keep_freed_memory
from augsbert.pairs import SENTENCES
from augsbert.progress import StageProgress
from augsbert.samplers.bm25 import BM25
from augsbert.scoring import read_scores, score

Texts = list[list[str]]
#: Our side as it is without an override.
SHIPPED = "augsbert, torch"


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


def ours(model: Path, backend: Backend, precision: str, hardware: Hardware, texts: Texts) -> np.ndarray:
    """A score job in this process."""
    module, pairs = CrossEncoder(str(model), backend=backend), pd.DataFrame(texts, columns=SENTENCES)
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
        model = args.model or with_new_head(Path(folder) / "MiniLM, head not fitted")
        found = measure(model, pairs, repeats, Hardware(args.accelerator), args.openvino_python)
        write("labelling", found, args.short, args.accelerator)


def measure(model: Path, pairs: pd.DataFrame, repeats: int, hardware: Hardware, openvino: str | None) -> dict[str, Any]:
    """Ours against the peer's default and best."""
    keep_freed_memory()  # as the stage does; the peers in this process gain by it too
    texts, precision = pairs[SENTENCES].to_numpy().tolist(), hardware.precision("auto")
    bf16 = precision == "bf16-mixed"
    best: Backend = "openvino" if hardware.accelerator == "cpu" else "torch"
    own = {"augsbert": partial(ours, model, best, precision, hardware)}
    if best != "torch":
        own[SHIPPED] = partial(ours, model, "torch", precision, hardware)
    if bf16:
        own["augsbert, fp32"] = partial(ours, model, "torch", "32-true", hardware)
    found = contest(own, peer_kinds(model, hardware.accelerator, bf16, len(texts), openvino), texts, repeats)
    return {
        "pairs": len(pairs),
        "model": model.name,
        "precision": precision,
        "backend": best,
        **result(found, len(pairs)),
        **({"openvino_versions": versions(openvino)} if openvino else {}),
        "equal_among_other_neighbours": _alone(own["augsbert"], texts, found.outputs["augsbert"]),
        # OpenVINO's products are not counted; they are those of torch.
        "bound": _bound(found, partial(own.get(SHIPPED, own["augsbert"]), texts), bf16, hardware.accelerator),
    }


def result(found: Contest, pairs: int) -> dict[str, Any]:
    """What the turns come to."""
    reference, shipped = found.outputs[DEFAULT], SHIPPED if SHIPPED in found.seconds else "augsbert"
    return {
        "pairs_per_second": {side: spread([pairs / s for s in spent]) for side, spent in found.seconds.items()},
        **found.about(),
        "ratio_to_best": ratios(found.seconds, "augsbert", found.best),
        "ratio_to_default": ratios(found.seconds, "augsbert", DEFAULT),
        "as_shipped": {
            "backend": "torch",
            "ratio_to_best": ratios(found.seconds, shipped, found.best),
            "ratio_to_default": ratios(found.seconds, shipped, DEFAULT),
        },
        "rank_agreement_with_fp32": {side: _agreement(scores, reference) for side, scores in found.outputs.items()},
    }


def _bound(found: Contest, work: Any, bf16: bool, accelerator: str) -> dict[str, float]:
    spent, ratio = spread(found.seconds["augsbert"]), ratios(found.seconds, "augsbert", found.best)
    return bound(products(work), spent["median"], ratio["median"], bf16, accelerator)


def peer_kinds(model: Path, accelerator: str, bf16: bool, texts: int, openvino: str | None) -> Kinds:
    """The peer's default, and its kinds of settings; on a CPU pools of a process a core and OpenVINO among them."""
    from sentence_transformers import CrossEncoder as Peer

    device, sizes = DEVICES[accelerator], BATCHES[accelerator]
    default = Peer(str(model), device=device)

    def sized(peer: Any, **more: Any) -> Any:
        return lambda size: partial(peer.predict, batch_size=size, show_progress_bar=False, **more)

    kinds: dict[str, Mapping[str, Work]] = {DEFAULT: {DEFAULT: partial(default.predict, show_progress_bar=False)}}
    kinds |= kind("peer, fp32", sizes, sized(default))
    peers = {"fp32": default}
    if bf16:
        peers["bf16"] = Peer(str(model), device=device, model_kwargs={"torch_dtype": torch.bfloat16})
        kinds |= kind("peer, bf16 weights", sizes, sized(peers["bf16"]))
        kinds |= kind("peer, bf16 autocast", sizes, lambda size: partial(autocast, device, default, size))
    if accelerator == "gpu":
        return kinds
    for name, peer in peers.items():
        kinds |= kind(f"peer, pool of processes, {name}", sizes, sized(peer, **pool_of(peer, texts)))
    return kinds | (kind("peer, openvino", sizes, partial(_openvino, openvino, model)) if openvino else {})


def autocast(device: str, peer: Any, size: int, texts: Texts) -> np.ndarray:
    """The peer's scores, multiplied in bfloat16."""
    with torch.autocast(device, dtype=torch.bfloat16):
        return peer.predict(texts, batch_size=size, show_progress_bar=False)


def _openvino(python: str, model: Path, size: int) -> Work:
    """The peer on OpenVINO."""
    return partial(call, python, {"encoder": "cross", "model": str(model), "batch_size": size})


def _alone(label: Work, texts: Texts, scores: np.ndarray) -> bool:
    """Whether a tenth of the pairs, in another order, gets the same labels to the bit as among all."""
    some = np.random.default_rng(0).permutation(len(texts))[: len(texts) // 10]
    return np.array_equal(label([texts[i] for i in some]), scores[some])


def _agreement(scores: np.ndarray, reference: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return round(float(spearmanr(scores, reference).statistic), 6)


if __name__ == "__main__":
    main()
