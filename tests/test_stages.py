"""What the stages leave in their folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert import stages
from augsbert.evaluation import best_thresholds
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
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    labels = pairs["score"].to_numpy()
    found, others = (best_thresholds(predicted[split], labels[split]) for split in (dev, test))
    assert (metrics["dev/threshold_f1"], metrics["dev/threshold_accuracy"]) == (found["f1"], found["accuracy"])
    assert found["accuracy"] != others["accuracy"]
    for name, split in (("dev", dev), ("test", test)):
        right = (predicted[split] >= found["accuracy"]) == (labels[split] == 1)
        assert metrics[f"{name}/accuracy"] == right.mean()
