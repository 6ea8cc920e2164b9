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
    labels = np.tile([0.0, 1.0, 1.0, 0.0], 5)
    pairs = pd.DataFrame({"sentence1": "a", "sentence2": [str(i) for i in range(20)], "score": labels})
    predicted = np.random.default_rng(0).random(20)

    def scores(folder: Path, job: Any, pairs: pd.DataFrame) -> np.ndarray:
        return np.tile(predicted, 2)

    monkeypatch.setattr(stages, "scores", scores)
    stages.evaluate(tmp_path, [{}], Splits(train=pairs, dev=pairs, test=pairs, task="binary"))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    found = best_thresholds(predicted, labels)
    assert (metrics["dev/threshold_f1"], metrics["dev/threshold_accuracy"]) == (found["f1"], found["accuracy"])
    assert metrics["dev/accuracy"] == ((predicted >= found["accuracy"]) == (labels == 1)).mean()
