"""Sentences a second: the semantic sampler's embeddings, and sentence-transformers' ``encode``.

    python experiments/benchmarks/encoding.py --data FOLDER            # 40,000 questions of quora-IR-dataset.zip
    python experiments/benchmarks/encoding.py --data FOLDER --short    # 2,000, twice; nothing is written

MiniLM with all its layers. The peer is measured as its documentation shows it (float32, batches of 32) and at its best:
larger batches, a pool of processes, OpenVINO (see openvino_peer.py), whichever is fastest on a tenth of the sentences.
The sampler embeds in float32 unless its ``bf16`` is set, as its neighbours must not depend on the processor. Where
bfloat16 is multiplied in hardware, both are measured, the peer's bf16 weights and autocast are sides too, and the
ratios are those of ours in bf16, as OpenVINO takes it by itself there.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from openvino_peer import call, versions
from turns import Work, bound, contest, minilm, pool_of, products, ratios, spread, write

from augsbert.datasets.quora import Quora
from augsbert.hardware import Hardware
from augsbert.pairs import distinct_sentences
from augsbert.samplers.embedding import MAX_SEQ_LENGTH, embed

BATCHES = (64, 128)


def main() -> None:
    """Measure all sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--openvino-python", help="one with sentence-transformers[openvino]")
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    count, repeats = (2_000, 2) if args.short else (args.sentences, args.repeats)
    splits = Quora(path=str(args.data / "quora-IR-dataset.zip"))()
    sentences = distinct_sentences(pd.concat([splits.train, splits.dev, splits.test]))[:count]
    write("encoding", measure(sentences, repeats, args.openvino_python), args.short)


def measure(sentences: list[str], repeats: int, openvino: str | None) -> dict[str, Any]:
    """Ours against the peer's default and best."""
    model, bf16 = minilm(), Hardware().precision("auto") == "bf16-mixed"
    own: dict[str, Work] = {"augsbert": partial(embed, model, bf16=bf16)}
    if bf16:
        own["augsbert, fp32"] = partial(embed, model)
    peers = peer_sides(model, bf16)
    for size in (32, *BATCHES) if openvino else ():
        task = {"encoder": "bi", "model": model, "batch_size": size, "max_seq_length": MAX_SEQ_LENGTH}
        peers[f"peer, openvino, {size}"] = partial(call, openvino or "", task)
    seconds, outputs, best, tried = contest(own, peers, sentences, repeats)
    spent, ratio = spread(seconds["augsbert"])["median"], ratios(seconds, "augsbert", best)
    return {
        "sentences": len(sentences),
        "bf16": bf16,
        "sentences_per_second": {side: spread([len(sentences) / s for s in spent]) for side, spent in seconds.items()},
        "peer_seconds_for_a_tenth": tried,
        "best_peer": best,
        **({"openvino_versions": versions(openvino)} if openvino else {}),
        "ratio_to_best": ratio,
        "ratio_to_default": ratios(seconds, "augsbert", "peer, default"),
        "least_cosine_with_default": float(_cosines(outputs["augsbert"], outputs["peer, default"]).min()),
        "bound": bound(products(lambda: own["augsbert"](sentences)), spent, ratio["median"], bf16),
    }


def peer_sides(model: str, bf16: bool) -> dict[str, Work]:
    """``encode`` by default, in larger batches, in bf16 where it is multiplied in hardware, by a process a core."""
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(model, device="cpu")
    peer.max_seq_length = MAX_SEQ_LENGTH
    sides: dict[str, Work] = {"peer, default": peer.encode}
    for size in BATCHES:
        sides[f"peer, batches of {size}"] = partial(peer.encode, batch_size=size)
    if bf16:
        halved = SentenceTransformer(model, device="cpu", model_kwargs={"torch_dtype": torch.bfloat16})
        halved.max_seq_length = MAX_SEQ_LENGTH
        for size in BATCHES:
            sides[f"peer, bf16 weights, {size}"] = partial(halved.encode, batch_size=size)
            sides[f"peer, bf16 autocast, {size}"] = partial(autocast, peer, size)
    sides["peer, pool of processes"] = partial(peer.encode, pool=pool_of(peer))
    return sides


def autocast(peer: Any, size: int, sentences: list[str]) -> np.ndarray:
    """The peer's embeddings, multiplied in bfloat16."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return peer.encode(sentences, batch_size=size)


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


if __name__ == "__main__":
    main()
