"""Fits on STSb: ours, and sentence-transformers' trainers as their documentation shows them and at their best.

    python experiments/benchmarks/training.py --data FOLDER            # of stsbenchmark.tsv.gz
    python experiments/benchmarks/training.py --data FOLDER --short    # 320 pairs, once; nothing is written
    python experiments/benchmarks/training.py --data FOLDER --accelerator gpu

The bi-encoder (MiniLM, its first two layers, cosine regression) and the cross-encoder (all six, binary cross-entropy)
take one epoch over the train split, the same steps and settings on each side, and are saved. Each fit has a process of
its own; importing and reading weights are not counted, tokenising is, and of ours the scores of ``FEW`` dev pairs,
which a fit does not do without. All of dev is then scored by the peer's evaluator, off the clock. The peer's best:
bfloat16 autocast where it is multiplied in hardware, batches of pairs of like length (a batch sampler of ours), and
memory that is freed kept for the next step, as ours does; or its default, where that is faster. Each round has a seed
of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from sentence_transformers.base.sampler import DefaultBatchSampler
from turns import DEVICES, bound, in_turn, minilm, products, ratios, spread, write

from augsbert.batching import GlobalBatches
from augsbert.datasets.stsb import Stsb
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.losses.cosine_similarity import CosineSimilarityLoss
from augsbert.encoders.network import keep_layers
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


class GroupedByLength(DefaultBatchSampler):
    """A batch sampler for the peer's bi-encoder that groups pairs by their longer sentence, as ours does."""

    def joined(self, lengths: pd.DataFrame) -> pd.Series:
        """What a pair is padded by, of the lengths of its sentences."""
        return lengths.max(axis=1)

    def __iter__(self) -> Iterator[list[int]]:
        texts: Any = self.sampler.with_format("pandas")[:]  # type: ignore[union-attr]
        lengths = texts[["sentence1", "sentence2"]].apply(lambda column: column.str.len())
        yield from GlobalBatches(self.joined(lengths).to_numpy(), self.batch_size, self.seed)


class GroupedByJointLength(GroupedByLength):
    """The same for a cross-encoder, whose input is both sentences."""

    def joined(self, lengths: pd.DataFrame) -> pd.Series:
        """As of any pair."""
        return lengths.sum(axis=1)


SAMPLERS = {"bi_encoder": GroupedByLength, "cross_encoder": GroupedByJointLength}


def main() -> None:
    """Measure all sides in turn, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=5749)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--accelerator", choices=DEVICES, default="cpu")
    parser.add_argument("--short", action="store_true", help="320 pairs, once; nothing is written")
    parser.add_argument(
        "--side", nargs=4, metavar=("ENCODER", "SIDE", "PAIRS", "SEED"), help="one fit; seconds and dev score"
    )
    args = parser.parse_args()
    hardware = Hardware(args.accelerator)
    if args.side:
        encoder, side, count, seed = args.side
        print(json.dumps(one(args.data, encoder, side, int(count), int(seed), hardware)))
        return
    pairs, repeats = (320, 1) if args.short else (args.pairs, args.repeats)
    result = {encoder: measure(args.data, encoder, pairs, repeats, hardware) for encoder in SETTINGS}
    about = {"pairs": pairs, "precision": hardware.precision("auto")}
    write("training", {**about, **result}, args.short, args.accelerator)


def measure(data: Path, encoder: str, pairs: int, repeats: int, hardware: Hardware) -> dict[str, Any]:
    """Fits of one encoder: pairs a second, dev scores, ratios."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in (*SIDES, COUNTED)}
    command = [sys.executable, __file__, "--data", str(data), "--accelerator", hardware.accelerator, "--side", encoder]

    def fitted(side: str) -> float:
        task = [*command, side, str(pairs), str(len(found[side]))]
        # Of several GPUs the peer would take all, and other batches with them.
        environment = {"CUDA_VISIBLE_DEVICES": "0", **os.environ}
        out = subprocess.run(task, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        found[side].append(json.loads(out.splitlines()[-1]))
        return found[side][-1]["seconds"]

    seconds = in_turn({side: partial(fitted, side) for side in SIDES}, repeats, warm_up=0)
    best = min(SIDES[1:], key=lambda side: sum(seconds[side]))
    spent, ratio = spread(seconds["augsbert"])["median"], ratios(seconds, "augsbert", best)
    fitted(COUNTED)
    operations = int(found[COUNTED][0]["operations"])
    return {
        "settings": {**SETTINGS[encoder], "layers": LAYERS[encoder], "epochs": 1},
        "pairs_per_second": {side: spread([pairs / s for s in spent]) for side, spent in seconds.items()},
        "dev_spearman": {side: spread([run["spearman"] for run in found[side]]) for side in SIDES},
        "best_peer": best,
        "ratio_to_best": ratio,
        "ratio_to_default": ratios(seconds, "augsbert", "peer, default"),
        "bound": bound(
            operations, spent, ratio["median"], hardware.precision("auto") == "bf16-mixed", hardware.accelerator
        ),
    }


def one(data: Path, encoder: str, side: str, pairs: int, seed: int, hardware: Hardware) -> dict[str, float]:
    """One fit in this process."""
    splits = Stsb(path=str(data / "stsbenchmark.tsv.gz"))()
    train, dev = splits.train.head(pairs), splits.dev.head(pairs)
    with tempfile.TemporaryDirectory() as folder:
        if side != COUNTED and side != SIDES[0]:
            where = {"output_dir": folder, "seed": seed}
            return _peer(encoder, train, dev, where, hardware, best=side.endswith("best"))
        module = _ours(encoder, seed, hardware)
        fitted = partial(fit, module, train, dev.head(FEW), "regression", hardware, Path(folder))
        if side == COUNTED:
            return {"operations": products(fitted), "seconds": 0.0}
        wake(hardware)
        start = time.perf_counter()
        fitted()
        spent = time.perf_counter() - start
        return {"seconds": spent, "spearman": _score(encoder, _loaded(encoder, f"{folder}/model", hardware), dev)}


def wake(hardware: Hardware) -> None:
    """Start a GPU, which takes seconds and is no part of a fit."""
    if hardware.accelerator == "gpu":
        torch.zeros(1, device=DEVICES["gpu"])
        torch.cuda.synchronize()


def _ours(encoder: str, seed: int, hardware: Hardware) -> Any:
    """The module to fit."""
    keep_freed_memory()
    numbers = {"epochs": 1, "weight_decay": 0.0, "seed": seed, **SETTINGS[encoder]}
    settings = Fit(precision=hardware.precision("auto"), **numbers)  # type: ignore[arg-type]
    if encoder == "bi_encoder":
        module: Any = BiEncoder(minilm(), LAYERS[encoder], loss=CosineSimilarityLoss(), fit=settings)
    else:
        module = CrossEncoder(minilm(), train_both_orders=False, fit=settings)
    module.configure_model()
    return module


def _peer(
    encoder: str, train: pd.DataFrame, dev: pd.DataFrame, where: dict[str, Any], hardware: Hardware, best: bool
) -> dict[str, float]:
    from datasets import Dataset

    if best:
        keep_freed_memory()
    kinds, loss = _peer_bi() if encoder == "bi_encoder" else _peer_cross()
    model = _loaded(encoder, minilm(), hardware)
    if layers := LAYERS[encoder]:
        keep_layers(model[0].auto_model, layers)
    arguments = {
        **where,
        "num_train_epochs": 1,
        "per_device_train_batch_size": SETTINGS[encoder]["batch_size"],
        "learning_rate": SETTINGS[encoder]["learning_rate"],
        "warmup_steps": 0.1,
        "save_strategy": "epoch",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": hardware.accelerator == "cpu",
    }
    if best:
        bf16 = hardware.precision("auto") == "bf16-mixed"
        arguments |= {"bf16": bf16, "batch_sampler": SAMPLERS[encoder]}
    pairs = Dataset.from_pandas(train[["sentence1", "sentence2", "score"]], preserve_index=False)
    trainer = kinds[0](model=model, args=kinds[1](**arguments), train_dataset=pairs, loss=loss(model))
    wake(hardware)
    start = time.perf_counter()
    trainer.train()
    return {"seconds": time.perf_counter() - start, "spearman": _score(encoder, model, dev)}


def _peer_bi() -> tuple[tuple[Any, Any], Any]:
    """Trainer and arguments, and the loss."""
    import sentence_transformers as st
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    return (st.SentenceTransformerTrainer, st.SentenceTransformerTrainingArguments), CosineSimilarityLoss


def _peer_cross() -> tuple[tuple[Any, Any], Any]:
    """Trainer and arguments, and the loss."""
    from sentence_transformers import cross_encoder as ce
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    return (ce.CrossEncoderTrainer, ce.CrossEncoderTrainingArguments), BinaryCrossEntropyLoss


def _loaded(encoder: str, folder: str, hardware: Hardware) -> Any:
    """The peer's model."""
    import sentence_transformers as st

    device = DEVICES[hardware.accelerator]
    if encoder == "bi_encoder":
        return st.SentenceTransformer(folder, device=device)
    return st.CrossEncoder(folder, num_labels=1, device=device)


def _score(encoder: str, model: Any, dev: pd.DataFrame) -> float:
    """Spearman's correlation on dev by the peer's evaluator."""
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderCorrelationEvaluator
    from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

    first, second, scores = (list(dev[column]) for column in ("sentence1", "sentence2", "score"))
    if encoder == "bi_encoder":
        bi = EmbeddingSimilarityEvaluator(first, second, scores, name="dev")
        return float(bi(model)["dev_spearman_cosine"])
    cross = CrossEncoderCorrelationEvaluator(
        [list(pair) for pair in zip(first, second, strict=True)], scores, name="dev"
    )
    return float(cross(model)["dev_spearman"])


if __name__ == "__main__":
    main()
