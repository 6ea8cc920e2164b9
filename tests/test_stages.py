"""What the stages leave in their folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from augsbert import stages
from augsbert.evaluation import best_thresholds, metrics
from augsbert.pairs import Splits


def test_an_evaluation_leaves_the_thresholds_that_it_found_on_dev(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    pairs = pd.DataFrame({"sentence1": "a", "sentence2": [str(i) for i in range(44)]})
    pairs["score"] = random.integers(0, 2, 44).astype(float)
    predicted = random.random(44)
    dev, test = slice(0, 20), slice(20, 44)

    def scores(folder: Path, job: Any, pairs: pd.DataFrame) -> np.ndarray:
        return predicted[pairs["sentence2"].astype(int)]

    monkeypatch.setattr(stages, "scores", scores)
    stages.evaluate(tmp_path, [{}], Splits(train=pairs[:0], dev=pairs[dev], test=pairs[test], task="binary"))
    values = json.loads((tmp_path / "metrics.json").read_text())
    labels = pairs["score"].to_numpy()
    found, others = (best_thresholds(predicted[split], labels[split]) for split in (dev, test))
    assert (values["dev/threshold_f1"], values["dev/threshold_accuracy"]) == (found["f1"], found["accuracy"])
    for name, split in (("dev", dev), ("test", test)):
        right = (predicted[split] >= found["accuracy"]) == (labels[split] == 1)
        assert values[f"{name}/accuracy"] == right.mean()
        assert values[f"{name}/f1"] == pytest.approx(f1_score(labels[split], predicted[split] >= found["f1"]))
    # Else nothing is told of whose threshold is used on test.
    assert values["test/f1"] < f1_score(labels[test], predicted[test] >= others["f1"])
    assert values["test/accuracy"] < ((predicted[test] >= others["accuracy"]) == labels[test]).mean()


def test_several_encoders_are_evaluated_by_the_mean_of_their_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    pairs = pd.DataFrame({"sentence1": "a", "sentence2": [str(i) for i in range(44)], "score": random.random(44)})
    members = {"first": random.random(44), "second": random.random(44)}
    monkeypatch.setattr(stages, "scores", lambda folder, job, pairs: members[job["name"]])
    splits = Splits(train=pairs[:0], dev=pairs[:20], test=pairs[20:], task="regression")
    stages.evaluate(tmp_path, [{"name": name} for name in members], splits)
    mean = (members["first"] + members["second"]) / 2
    kept = pd.read_parquet(tmp_path / "predictions.parquet")
    np.testing.assert_allclose(kept["prediction"], mean)
    assert kept["split"].tolist() == ["dev"] * 20 + ["test"] * 24
    values = json.loads((tmp_path / "metrics.json").read_text())
    assert values["test/spearman"] == metrics(mean[20:], pairs["score"][20:].to_numpy(), "regression")["spearman"]
