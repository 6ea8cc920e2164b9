"""Sentences a second: the semantic sampler's embeddings, and sentence-transformers' ``encode``.

    python experiments/benchmarks/encoding.py --data FOLDER            # 40,000 questions of quora-IR-dataset.zip
    python experiments/benchmarks/encoding.py --data FOLDER --short    # 2,000, twice; nothing is written

MiniLM with all its layers. The peer is measured as its documentation shows it (float32, batches of 32) and at its best:
bf16 weights or autocast where bfloat16 is multiplied in hardware, a pool of processes (in float32 and of bf16 weights),
OpenVINO (see openvino_peer.py), each with the batch size that is fastest on a tenth of the sentences, chosen once
(peers.py). All of these are then measured on all sentences, and the fastest counts; one that crashes is recorded as
such and left out.

The sampler embeds by torch and in float32 unless its ``backend`` and ``bf16`` are set, as its neighbours must not
depend on the processor nor on what is installed. The ratios are those of ours on OpenVINO, in bf16 where that is
multiplied in hardware, as OpenVINO takes it there by itself; under ``as_shipped`` are those of ours without a setting,
against the same peer. Our time holds the reading of the weights and OpenVINO's compiling.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matrix import bound, products
from openvino_peer import call, versions
from peers import BATCHES, DEFAULT, Contest, Kinds, Work, contest, kind, pool_of
from record import write
from turns import minilm, ratios, spread

from augsbert.datasets.quora import Quora
from augsbert.hardware import Hardware
from augsbert.pairs import distinct_sentences
from augsbert.samplers.embedding import MAX_SEQ_LENGTH, embed

SHIPPED = "augsbert, torch, fp32"


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
    model, precision = minilm(), Hardware().precision("auto")
    bf16 = precision == "bf16-mixed"
    own: dict[str, Work] = {"augsbert": partial(embed, model, bf16=bf16, backend="openvino")}
    in_torch = partial(embed, model, bf16=bf16)
    if bf16:
        own["augsbert, torch, bf16"] = in_torch
    own[SHIPPED] = partial(embed, model)
    found = contest(own, peer_kinds(model, bf16, len(sentences), openvino), sentences, repeats)
    spent, ratio = (spread(found.seconds["augsbert"])["median"], ratios(found.seconds, "augsbert", found.best))
    return {
        "sentences": len(sentences),
        "precision": precision,
        "backend": "openvino",
        **result(found, len(sentences)),
        **({"openvino_versions": versions(openvino)} if openvino else {}),
        # OpenVINO's products are not counted; they are those of torch.
        "bound": bound(products(lambda: in_torch(sentences)), spent, ratio["median"], bf16),
    }


def result(found: Contest, sentences: int) -> dict[str, Any]:
    """What the turns come to."""
    return {
        "sentences_per_second": {side: spread([sentences / s for s in spent]) for side, spent in found.seconds.items()},
        **found.about(),
        "ratio_to_best": ratios(found.seconds, "augsbert", found.best),
        "ratio_to_default": ratios(found.seconds, "augsbert", DEFAULT),
        "as_shipped": {
            "precision": "32-true",
            "backend": "torch",
            "ratio_to_best": ratios(found.seconds, SHIPPED, found.best),
            "ratio_to_default": ratios(found.seconds, SHIPPED, DEFAULT),
        },
        "least_cosine_with_default": float(_cosines(found.outputs["augsbert"], found.outputs[DEFAULT]).min()),
    }


def peer_kinds(model: str, bf16: bool, texts: int, openvino: str | None) -> Kinds:
    """``encode`` by default, and its kinds of settings: bf16 where it is multiplied in hardware, pools, OpenVINO."""
    from sentence_transformers import SentenceTransformer

    def loaded(**how: Any) -> Any:
        peer = SentenceTransformer(model, device="cpu", **how)
        peer.max_seq_length = MAX_SEQ_LENGTH
        return peer

    def sized(peer: Any, **more: Any) -> Any:
        return lambda size: partial(peer.encode, batch_size=size, **more)

    sizes, peers = BATCHES["cpu"], {"fp32": loaded()}
    kinds: dict[str, Mapping[str, Work]] = {DEFAULT: {DEFAULT: peers["fp32"].encode}}
    kinds |= kind("peer, fp32", sizes, sized(peers["fp32"]))
    if bf16:
        peers["bf16"] = loaded(model_kwargs={"torch_dtype": torch.bfloat16})
        kinds |= kind("peer, bf16 weights", sizes, sized(peers["bf16"]))
        kinds |= kind("peer, bf16 autocast", sizes, lambda size: partial(autocast, peers["fp32"], size))
    for name, peer in peers.items():
        kinds |= kind(f"peer, pool of processes, {name}", sizes, sized(peer, **pool_of(peer, texts)))
    return kinds | (kind("peer, openvino", sizes, partial(_openvino, openvino, model)) if openvino else {})


def autocast(peer: Any, size: int, sentences: list[str]) -> np.ndarray:
    """The peer's embeddings, multiplied in bfloat16."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return peer.encode(sentences, batch_size=size)


def _openvino(python: str, model: str, size: int) -> Work:
    """The peer on OpenVINO."""
    task = {"encoder": "bi", "model": model, "batch_size": size, "max_seq_length": MAX_SEQ_LENGTH}
    return partial(call, python, task)


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


if __name__ == "__main__":
    main()
