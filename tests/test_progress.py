"""The bar of a stage: what it says on a terminal, and that a log gets none."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import pandas as pd
import pytest
from tqdm import tqdm

from augsbert import progress, scoring, training
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.hardware import Hardware
from augsbert.progress import StageProgress


class Screen(io.StringIO):
    """What is written to a terminal, or to a file."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def _shown(screen: Screen, model: Path, table: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a fit of 32 pairs and a scoring of 40 write to the screen."""
    monkeypatch.setattr(progress, "tqdm", functools.partial(tqdm, file=screen, mininterval=0))
    train, dev = pd.read_csv(table / "train.csv")[:32], pd.read_csv(table / "dev.csv")
    settings = Fit(epochs=2, precision="32-true")
    module = CrossEncoder(str(model), max_seq_length=64, train_both_orders=False, fit=settings)
    training.fit(module, train, dev, "regression", Hardware(), folder, StageProgress("cross_encoder"))
    fitted = CrossEncoder(str(folder / "model"))
    scoring.score(fitted, dev, "32-true", Hardware(), folder, StageProgress("labels"))
    return screen.getvalue()


def test_a_terminal_sees_the_stage_the_pairs_a_second_and_the_time_left(
    tiny_model: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _shown(Screen(terminal=True), tiny_model, tiny_table, tmp_path, monkeypatch)
    for stage, pairs in (("cross_encoder", 2 * 32), ("labels", 40)):
        *_, last = (line for line in shown.split("\r") if line.startswith(stage))
        assert f"/{pairs} [" in last
        assert "<00:00" in last
        assert "pairs/s" in last


def test_a_log_gets_no_bar(tiny_model: Path, tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _shown(Screen(terminal=False), tiny_model, tiny_table, tmp_path, monkeypatch) == ""
