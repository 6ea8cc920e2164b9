"""The loggers that write files, and the one that writes none."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.reporting.csv_logger import Csv
from augsbert.reporting.no_logger import NoLogger
from augsbert.reporting.tensorboard_logger import TensorBoard

CONFIG = {"seed": 0, "dataset": {"path": None}}
KEYS = {"baseline": "f" * 64}
CURVE = [{"step": 10, "epoch": 0.5, "loss": 1.5}, {"step": 20, "epoch": 1.0, "loss": 0.5, "spearman": 0.7}]
METRICS = {"baseline/test/spearman": 0.7, "bi_encoder/test/spearman": 0.75, "silver/pairs": 3.0}
GOLD = pd.DataFrame({"score": np.linspace(0, 1, 11)})


def log_everything(logger: Any, folder: Path) -> None:
    """What a pipeline says to a logger."""
    with logger.run(config=CONFIG, keys=KEYS, folder=folder, group="sweep") as run:
        run.curve("baseline", CURVE)
        run.curve("bi_encoder", CURVE[:1])
        run.silver(GOLD * 0.5, GOLD)
        run.metrics(METRICS)


def test_csv_writes_metrics_curves_and_the_histogram(tmp_path: Path) -> None:
    log_everything(Csv(), tmp_path / "run")
    assert {file.name for file in (tmp_path / "run").iterdir()} == {"metrics.csv", "curves.csv", "silver_histogram.csv"}
    metrics = pd.read_csv(tmp_path / "run/metrics.csv").set_index("name")["value"].to_dict()
    assert metrics.items() >= METRICS.items()
    assert metrics["gold/positives"] == pytest.approx(6 / 11)
    curves = pd.read_csv(tmp_path / "run/curves.csv")
    assert curves["stage"].tolist() == ["baseline", "baseline", "bi_encoder"]
    assert curves["loss"].tolist() == [1.5, 0.5, 1.5]
    assert pd.read_csv(tmp_path / "run/silver_histogram.csv")["gold"].sum() == len(GOLD)


def test_csv_keeps_the_curves_of_a_run_that_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with Csv().run(CONFIG, KEYS, tmp_path) as run:
            run.curve("baseline", CURVE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert len(pd.read_csv(tmp_path / "curves.csv")) == 2


def test_tensorboard_events_hold_curves_histograms_and_metrics(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_everything(TensorBoard(), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(point.step, point.value) for point in events.Scalars("curve/baseline/loss")] == [(10, 1.5), (20, 0.5)]
    assert events.Scalars("bi_encoder/test/spearman")[0].value == 0.75
    assert set(events.Tags()["histograms"]) == {"silver/scores", "gold/scores"}
    assert {"config/text_summary", "keys/text_summary", "table/text_summary"} <= set(events.Tags()["tensors"])


def test_tensorboard_is_closed_and_the_error_passes_when_a_run_fails(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with pytest.raises(RuntimeError), TensorBoard().run(CONFIG, KEYS, tmp_path):
        raise RuntimeError
    assert list((tmp_path / "tensorboard").iterdir())


def test_without_tensorboard_the_line_to_type_is_given_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(name: str, *rest: Any) -> Any:
        return None if name == "tensorboard" else find_spec(name, *rest)

    monkeypatch.setattr("augsbert.reporting.tensorboard_logger.find_spec", hidden)
    with pytest.raises(UserError, match="pip install tensorboard"):
        TensorBoard()


def test_no_logger_takes_everything_and_writes_nothing(tmp_path: Path) -> None:
    log_everything(NoLogger(), tmp_path / "run")
    assert not list(tmp_path.iterdir())
