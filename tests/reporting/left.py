"""The files that a run leaves, of figures that are made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

QUALITY = {"untrained": 0.5, "baseline": 0.7, "bi_encoder": 0.8, "cross_encoder": 0.9}
HERE = {"torch": "2.13", "device": "cpu x 1"}


def leave_run(folder: Path, environment: dict[str, str] = HERE, **settings: str) -> Path:
    """Leave a run of these overrides: its scores hang on the seed, its keys on what each encoder reads."""
    folder.mkdir(parents=True)
    settings = {"sampler": "bm25"} | settings
    given = {"seed": "0", "gold_size": "100"} | settings
    resolved = {key: value.replace("$\\{seed\\}", given["seed"]) for key, value in given.items()}
    _settings(folder, settings, resolved)
    keys = _keys(resolved)
    made = (resolved["sampler"], resolved["sampler"] + resolved["gold_size"], keys["bi_encoder"])
    stages = _stages({name: f"{name}{key}" for name, key in keys.items()}, *made)
    stages = [{**stage, "cost": 2.0, "found": False, "environment": environment} for stage in stages]
    (folder / "stages.json").write_text(json.dumps(stages))
    leave_predictions(folder, scored(int(resolved["seed"])))
    bins = pd.DataFrame({"low": np.arange(20) / 20, "high": np.arange(1, 21) / 20, "silver": 5, "gold": 2})
    bins.to_json(folder / "histogram.json", orient="records")
    return folder


def _settings(folder: Path, settings: dict[str, str], resolved: dict[str, str]) -> None:
    size, draw = float(resolved["gold_size"]), {"seed": resolved.get("dataset.draw.seed", "0")}
    config = {"seed": int(resolved["seed"]), "gold_size": int(size), "sampler": {"top_k": 3}, "relabel_gold": False}
    config |= {"dataset": {"draw": draw, "train": resolved.get("dataset.train", "")}}
    written = {"overrides": [f"{key}={value}" for key, value in settings.items()], "config": config}
    choices = {group: settings[group] for group in ("sampler", "dataset") if group in settings}
    (folder / "settings.json").write_text(json.dumps(written | {"choices": choices}))


def _keys(resolved: dict[str, str]) -> dict[str, str]:
    """Encoder -> what its evaluation hangs on."""

    def fit(encoder: str) -> str:
        return "".join(f" {key}={value}" for key, value in resolved.items() if key.startswith(f"{encoder}.fit"))

    data = "".join(resolved.get(key, "") for key in ("dataset", "dataset.draw.seed", "dataset.train"))
    gold = data + resolved["gold_size"] + resolved["seed"]
    own = gold + resolved["sampler"] + fit("bi_encoder")
    return {"untrained": data, "baseline": gold + fit("baseline"), "bi_encoder": own, "cross_encoder": gold}


def _stages(keys: dict[str, str], *made: str) -> list[dict[str, Any]]:
    """The data, what AugSBERT is made by, each of the one before, and an evaluation of each encoder."""
    stages: list[dict[str, Any]] = [{"name": "dataset", "kind": "dataset", "key": "data", "inputs": {}}]
    behind: dict[str, str] = {}
    for name, by in zip(("candidates", "silver", "bi_encoder"), made, strict=True):
        stages.append({"name": name, "kind": name, "key": f"{name} {by}", "inputs": behind})
        behind = {name: f"{name} {by}"}
    evaluated = {name: {"dataset": "data"} | (behind if name == "bi_encoder" else {}) for name in keys}
    return stages + [
        {"name": f"evaluation/{name}", "kind": "evaluation", "key": keys[name], "inputs": inputs}
        for name, inputs in evaluated.items()
    ]


def leave_predictions(folder: Path, table: pd.DataFrame) -> None:
    """Leave these predictions, and the metrics that they come to."""
    table.to_parquet(folder / "predictions.parquet")
    test = table[table["split"] == "test"]
    quality = {name: float(test[name].corr(test["score"], method="spearman")) for name in QUALITY}
    (folder / "metrics.json").write_text(json.dumps(on_both("spearman", quality) | {"silver/pairs": 10.0}))


def on_both(metric: str, values: dict[str, float]) -> dict[str, float]:
    """A metric of each encoder on test, and on dev in the other order, so that neither can be taken for the other."""
    dev = {f"{name}/dev/{metric}": 1 - value for name, value in values.items()}
    return dev | {f"{name}/test/{metric}": value for name, value in values.items()}


def scored(seed: int) -> pd.DataFrame:
    """60 dev and 60 test pairs, which each encoder scores with noise of its own."""
    random, gold = np.random.default_rng(seed), np.tile(np.linspace(0, 1, 60), 2)
    noise = {name: (1 - quality) * random.standard_normal(120) for name, quality in QUALITY.items()}
    sentences = {f"sentence{i}": [f"sentence <{i}> {n}" for n in range(120)] for i in (1, 2)}
    split = {"split": ["dev"] * 60 + ["test"] * 60}
    return pd.DataFrame({**sentences, "score": gold, **split, **{name: gold + noise[name] for name in noise}})


def change(path: Path, **values: Any) -> None:
    """Put other values into a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
