"""Seed optimisation: what is tried, what is chosen, and that the chosen one is fitted as if it had been named."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl

from augsbert import seed_optimization, training
from augsbert.config import make
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.module import PairEncoder
from augsbert.errors import UserError
from augsbert.hardware import Hardware


class CountsSteps(pl.Callback):
    """The number of steps of each fit."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.steps.append(trainer.global_step)


@pytest.fixture
def run(tiny_model: Path, tiny_table: Path, tmp_path: Path) -> Any:
    def run(name: str, progress: pl.Callback, **fit: Any) -> PairEncoder:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        settings = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3, "precision": "32-true", **fit}
        loss = {"_target_": "augsbert.encoders.losses.CoSENTLoss"}
        node = {"_target_": "augsbert.encoders.bi.BiEncoder", "encoder": str(tiny_model), "loss": loss}
        module = make({**node, "fit": {"_target_": "augsbert.encoders.fit.Fit", **settings}})
        train, dev = pd.read_csv(tiny_table / "train.csv")[:60], pd.read_csv(tiny_table / "dev.csv")
        what = (module, train, dev, "regression", Hardware(), folder, progress)
        seed_optimization.choose_seed(*what)
        training.fit(*what)
        return module

    return run


def test_every_seed_stops_at_the_share_and_the_best_is_fitted_as_if_it_were_named(run: Any, tmp_path: Path) -> None:
    counts = CountsSteps()
    chosen = run("tried", counts, seed=3, seed_optimization={"seeds": 3, "stop_at": 0.3})
    assert counts.steps == [3, 3, 3, 8]  # of 2 epochs of 4 batches, the third step is the first past 0.3
    values = {int(seed): value for seed, value in json.loads((tmp_path / "tried" / "seeds.json").read_text()).items()}
    assert set(values) == {3, 10_003, 20_003}  # those of seed=4 are others
    assert len(set(values.values())) > 1
    best = max(values, key=lambda seed: values[seed])
    assert chosen.fit_settings is not None
    assert chosen.fit_settings.seed == best
    run("named", CountsSteps(), seed=best)
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("tried", "named")]
    assert weights[0] == weights[1]


class HearsLightning(pl.Callback):
    """Whether Lightning's hints on hardware are heard, at the start of each fit."""

    def __init__(self) -> None:
        self.hints = logging.getLogger("pytorch_lightning.utilities.rank_zero")
        self.heard: list[bool] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.heard.append(self.hints.isEnabledFor(logging.INFO))


def test_a_start_is_as_quiet_as_a_fit(run: Any) -> None:
    hears = HearsLightning()
    hears.hints.setLevel(logging.INFO)
    run("quiet", hears, seed_optimization={"seeds": 2, "stop_at": 0.3})
    assert hears.heard == [False, False, False]


def test_a_start_that_was_finished_is_not_made_again(run: Any, tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "seeds.json").write_text(json.dumps({"0": 2.0}))
    counts = CountsSteps()
    chosen = run("killed", counts, seed_optimization={"seeds": 2, "stop_at": 0.5})
    assert counts.steps == [4, 8]
    assert chosen.fit_settings is not None
    assert chosen.fit_settings.seed == 0


NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.1, 0.5, 0.3], 1),
        ([0.2, 0.5, 0.5], 1),
        ([0.5, 0.5, 0.5], 0),
        ([NAN, -0.9, NAN], 1),
        ([0.1, NAN, 0.1], 0),
        ([NAN, NAN, NAN], 0),
    ],
)
def test_the_best_seed_is_the_first_of_the_highest_and_none_without_a_number(
    values: list[float], best: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, first = iter(values), SimpleNamespace(is_global_zero=True)
    monkeypatch.setattr(seed_optimization, "_started", lambda *_: (first, next(left)))
    module = BiEncoder("folder", fit=Fit(seed=7, seed_optimization={"seeds": 3}))
    pairs = pd.DataFrame({"score": [0.0, 1.0]})
    seed_optimization.choose_seed(module, pairs, pairs, "regression", Hardware(), tmp_path, pl.Callback())
    assert module.fit_settings is not None
    assert module.fit_settings.seed == 7 + 10_000 * best


def test_one_seed_is_fitted_at_once(run: Any, tmp_path: Path) -> None:
    counts = CountsSteps()
    run("plain", counts)
    assert counts.steps == [8]
    assert not (tmp_path / "plain" / "seeds.json").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": 0}, "seed_optimization.seeds=0: it must be a whole number of at least 1."),
        ({"seeds": 1.5}, "seed_optimization.seeds=1.5: it must be a whole number of at least 1."),
        ({"stop_at": 0}, "seed_optimization.stop_at=0: it must be a number above 0 and up to 1."),
        ({"seed": 3}, "seed_optimization.seed=3: seed_optimization takes seeds, stop_at only."),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UserError) as error:
        Fit(seed_optimization=settings)
    assert str(error.value) == message
