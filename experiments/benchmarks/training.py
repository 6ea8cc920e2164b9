"""Fits on STSb: ours, and sentence-transformers' trainers as their documentation shows them and at their best.

    python experiments/benchmarks/training.py --data FOLDER            # of stsbenchmark.tsv.gz
    python experiments/benchmarks/training.py --data FOLDER --short    # 320 pairs, once; nothing is written
    python experiments/benchmarks/training.py --data FOLDER --accelerator gpu

The bi-encoder (MiniLM, its first two layers, cosine regression) and the cross-encoder (all six, binary cross-entropy)
take one epoch over the train split, the same steps and settings on each side, and are saved. Each fit has a process of
its own; importing and reading weights are not counted, tokenising is, and of ours the scores of ``FEW`` dev pairs,
which a fit does not do without. All of dev is then scored by the peer's evaluator, off the clock. The peer's best:
bfloat16 autocast where it is multiplied in hardware, batches of pairs of like length (a batch sampler of ours), and
memory that is freed kept for the next step, as ours does; or its default, where that is faster.

Each round has a seed of its own, which both sides set, and weights that both start from: the cross-encoder's head is
drawn once a round and saved in a folder, which all sides read.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matrix import DEVICES, bound, products
from record import write
from turns import in_turn, minilm, ratios, spread, with_new_head

from augsbert.datasets.stsb import Stsb
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses.cosine_similarity import CosineSimilarityLoss
from augsbert.hardware import Hardware, keep_freed_memory
from augsbert.training import fit

SIDES = ("augsbert", "peer, default", "peer, best")
#: Ours once more, its products counted, which takes time.
COUNTED = "augsbert, counted"
SETTINGS = {
    "bi_encoder": {"batch_size": 32, "learning_rate": 1e-4},
    "cross_encoder": {"batch_size": 16, "learning_rate": 5e-5},
}
LAYERS = {"bi_encoder": 2, "cross_encoder": None}
FEW = 16


class Task(NamedTuple):
    """One fit: which encoder, by which side, of how many pairs, with which seed, from which weights."""

    encoder: str
    side: str
    pairs: str
    seed: str
    start: str


def main() -> None:
    """Measure all sides in turn, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=5749)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--accelerator", choices=DEVICES, default="cpu")
    parser.add_argument("--short", action="store_true", help="320 pairs, once; nothing is written")
    parser.add_argument(
        "--side", nargs=5, metavar=tuple(name.upper() for name in Task._fields), help="one fit; seconds and dev score"
    )
    args = parser.parse_args()
    hardware = Hardware(args.accelerator)
    if args.side:
        print(json.dumps(one(args.data, Task(*args.side), hardware)))
        return
    pairs, repeats = (320, 1) if args.short else (args.pairs, args.repeats)
    result = {encoder: measure(args.data, encoder, pairs, repeats, hardware) for encoder in SETTINGS}
    about = {"pairs": pairs, "precision": hardware.precision("auto")}
    write("training", {**about, **result}, args.short, args.accelerator)


def measure(data: Path, encoder: str, pairs: int, repeats: int, hardware: Hardware) -> dict[str, Any]:
    """Fits of one encoder: pairs a second, dev scores, ratios."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in (*SIDES, COUNTED)}
    command = [sys.executable, __file__, "--data", str(data), "--accelerator", hardware.accelerator, "--side"]

    with tempfile.TemporaryDirectory() as folder:

        def fitted(side: str) -> float:
            seed = len(found[side])
            task = Task(encoder, side, str(pairs), str(seed), str(start(encoder, seed, Path(folder))))
            # Of several GPUs the peer would take all, and other batches with them.
            environment = {"CUDA_VISIBLE_DEVICES": "0", **os.environ}
            done = subprocess.run([*command, *task], check=True, stdout=subprocess.PIPE, text=True, env=environment)
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
            return found[side][-1]["seconds"]

        seconds = in_turn({side: partial(fitted, side) for side in SIDES}, repeats, warm_up=0)
        fitted(COUNTED)
    best = min(SIDES[1:], key=lambda side: sum(seconds[side]))
    spent, ratio = spread(seconds["augsbert"])["median"], ratios(seconds, "augsbert", best)
    bf16 = hardware.precision("auto") == "bf16-mixed"
    return {
        "settings": {**SETTINGS[encoder], "layers": LAYERS[encoder], "epochs": 1},
        "pairs_per_second": {side: spread([pairs / s for s in spent]) for side, spent in seconds.items()},
        "dev_spearman": {side: spread([run["spearman"] for run in found[side]]) for side in SIDES},
        "best_peer": best,
        "ratio_to_best": ratio,
        "ratio_to_default": ratios(seconds, "augsbert", "peer, default"),
        "bound": bound(int(found[COUNTED][0]["operations"]), spent, ratio["median"], bf16, hardware.accelerator),
    }


def start(encoder: str, seed: int, folder: Path) -> Path:
    """The weights that all sides of a round start from: MiniLM's, of a cross-encoder with a head drawn by the seed."""
    if encoder == "bi_encoder":
        return Path(minilm())
    place = folder / f"head of seed {seed}"
    return place if place.exists() else with_new_head(place, seed)


def one(data: Path, task: Task, hardware: Hardware) -> dict[str, float]:
    """One fit in this process."""
    from training_peer import fitted, loaded, score
    from transformers import set_seed

    set_seed(int(task.seed))
    splits = Stsb(path=str(data / "stsbenchmark.tsv.gz"))()
    train, dev = splits.train.head(int(task.pairs)), splits.dev.head(int(task.pairs))
    settings = {**SETTINGS[task.encoder], "seed": int(task.seed)}
    with tempfile.TemporaryDirectory() as folder:
        if task.side not in (COUNTED, SIDES[0]):
            model = loaded(task.encoder, task.start, hardware, LAYERS[task.encoder])
            spent = fitted(model, train, settings, Path(folder), hardware, best=task.side.endswith("best"))
            return {"seconds": spent, "spearman": score(model, dev)}
        module = ours(task, hardware)
        work = partial(fit, module, train, dev.head(FEW), "regression", hardware, Path(folder))
        if task.side == COUNTED:
            return {"operations": products(work), "seconds": 0.0}
        wake(hardware)
        began = time.perf_counter()
        work()
        spent = time.perf_counter() - began
        return {"seconds": spent, "spearman": score(loaded(task.encoder, f"{folder}/model", hardware), dev)}


def wake(hardware: Hardware) -> None:
    """Start a GPU, which takes seconds and is no part of a fit."""
    if hardware.accelerator == "gpu":
        torch.zeros(1, device=DEVICES["gpu"])
        torch.cuda.synchronize()


def ours(task: Task, hardware: Hardware) -> Any:
    """The module to fit, its weights read."""
    keep_freed_memory()
    numbers = {"epochs": 1, "weight_decay": 0.0, "seed": int(task.seed), **SETTINGS[task.encoder]}
    settings = Fit(precision=hardware.precision("auto"), **numbers)  # type: ignore[arg-type]
    if task.encoder == "bi_encoder":
        layers = LAYERS[task.encoder]
        module: Any = BiEncoder(task.start, layers, loss=CosineSimilarityLoss(), fit=settings)
    else:
        module = CrossEncoder(task.start, train_both_orders=False, fit=settings)
    module.configure_model()
    return module


if __name__ == "__main__":
    main()
