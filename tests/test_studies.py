"""Searches that are kept: one at a time, whatever store they name, and no result that is lost without a word."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

from augsbert import pruning, studies
from augsbert.cli import CONF
from augsbert.errors import UserError
from hydra_plugins.augsbert_optuna import OptunaSweeper, absolute, distribution


def sweeper(storage: Path | str, n_trials: int = 1, n_jobs: int = 1) -> OptunaSweeper:
    return OptunaSweeper(n_trials, n_jobs, "maximize", "mine", str(storage), 0, optuna.samplers.RandomSampler, None)


@pytest.mark.parametrize("address", ["{folder}/studies.journal", "sqlite:///{folder}/studies.db"])
def test_searches_on_one_file_shut_each_other_out_though_their_stores_differ(address: str, tmp_path: Path) -> None:
    kept = address.format(folder=tmp_path)
    with (
        studies.locked("mine", kept, tmp_path / "here"),
        pytest.raises(UserError, match="another search"),
        studies.locked("mine", kept, tmp_path / "there"),
    ):
        pass


def test_a_study_on_a_server_is_locked_in_the_store(tmp_path: Path) -> None:
    with studies.locked("mine", "postgresql://host/db", tmp_path):
        assert [path.name for path in tmp_path.rglob("*.lock")] == ["study-mine.lock"]


def test_a_value_of_a_trial_that_another_search_took_for_dead_is_said_to_be_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = studies.opened("mine", str(tmp_path / "studies.journal"), "maximize")
    trial = studies.asked(study, {})
    studies.enqueue_killed(study)
    assert not studies.tell(study, trial, 0.5)
    assert "trial 0: another search took it for dead" in caplog.text


def test_a_job_in_another_folder_reports_to_the_study_and_makes_no_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path)
    address = sweeper("sqlite:///studies.db").storage
    study = studies.opened("mine", address, "maximize")
    trial = studies.asked(study, {})
    monkeypatch.chdir("job")
    assert not pruning.EpochReport(address, "mine", trial.number, None)._report(0.5, 0)
    assert study.trials[0].intermediate_values == {0: 0.5}
    assert not list((tmp_path / "job").iterdir())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("studies.journal", "{here}/studies.journal"),
        ("sqlite:///mine/studies.db?timeout=9", "sqlite:///{here}/mine/studies.db?timeout=9"),
        ("sqlite+pysqlite:///studies.db", "sqlite+pysqlite:///{here}/studies.db"),
        *((address, address) for address in ("sqlite:////mine/studies.db", "sqlite:///:memory:", "sqlite://")),
        *((address, address) for address in ("sqlite:///file:studies.db?uri=true", "postgresql://me@host/studies")),
    ],
)
def test_the_address_of_a_file_is_kept_from_the_root_and_any_other_as_it_is(
    given: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute(given) == kept.format(here=tmp_path)


@pytest.fixture(scope="module")
def config() -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config")


def searched(override: str, config: DictConfig) -> Any:
    return distribution(OverridesParser.create().parse_override(override), config)


@pytest.mark.parametrize(
    ("override", "drawn"),
    [
        ("bi_encoder.fit.epochs=interval(1,5)", IntDistribution(1, 5)),
        ("bi_encoder.fit.batch_size=tag(log,interval(8,128))", IntDistribution(8, 128, log=True)),
        ("seed=int(interval(0,9))", IntDistribution(0, 9)),
        ("gold_size=interval(100,600)", FloatDistribution(100, 600)),  # null in the config, so nothing tells
        ("gold_size=int(interval(100,600))", IntDistribution(100, 600)),
        ("bi_encoder.fit.epochs=interval(1,2.5)", FloatDistribution(1, 2.5)),
        ("bi_encoder.fit.weight_decay=interval(0,1)", FloatDistribution(0, 1)),
        ("compare.baseline=interval(0,1)", FloatDistribution(0, 1)),
        ("+mine.own=interval(0,1)", FloatDistribution(0, 1)),
        ("bi_encoder.fit.learning_rate=tag(log,interval(1e-5,1e-3))", FloatDistribution(1e-5, 1e-3, log=True)),
    ],
)
def test_an_interval_of_a_whole_number_draws_whole_numbers(override: str, drawn: Any, config: DictConfig) -> None:
    assert searched(override, config) == drawn


@pytest.mark.parametrize(
    "value",
    ["tag(lgo,interval(1e-5,1e-3))", "tag(log,lgo,interval(1,2))", "tag(log,choice(1,2))", "tag(log,range(1,9))"],
)
def test_a_tag_that_would_do_nothing_is_refused(value: str, config: DictConfig) -> None:
    with pytest.raises(UserError, match=r"seed=.*: the tag l(go|og) would do nothing\. There is log, of an interval"):
        searched(f"seed={value}", config)


def test_a_misspelt_tag_ends_the_search_before_its_first_trial(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    override = "bi_encoder.fit.learning_rate=tag(lgo,interval(1e-5,1e-3))"
    swept = preloaded_program("-m", *tiny_run, "hydra/sweeper=optuna", override)
    assert swept.returncode == 1
    assert swept.stderr.strip().splitlines()[-1].startswith(f"error: {override}: the tag lgo would do nothing.")
    assert not list(tmp_path.rglob("studies.journal"))


@pytest.mark.parametrize("nothing", [math.nan, None])
def test_a_trial_without_an_objective_has_failed_counts_in_this_search_and_is_never_the_best(
    nothing: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, values = sweeper(tmp_path / "studies.journal", n_trials=4, n_jobs=2), iter([0.25, nothing, nothing, 0.125])

    def launch(jobs: Sequence[Sequence[str]], initial_job_idx: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(return_value=next(values)) for _ in jobs]

    monkeypatch.setattr(search, "validate_batch_is_legal", lambda jobs: None)
    search.launcher = SimpleNamespace(launch=launch)  # type: ignore[assignment]
    search.config = OmegaConf.create({"hydra": {"sweeper": {"pruner": None}}})
    study = studies.opened("mine", search.storage, "maximize")
    search._search(study, {"seed": IntDistribution(0, 9)}, [])
    complete, failed = TrialState.COMPLETE, TrialState.FAIL
    assert [trial.state for trial in study.trials] == [complete, failed, failed, complete]
    assert (next(values, "all"), studies.finished(study), study.best_value) == ("all", 2, 0.25)


@pytest.mark.slow
def test_trials_at_once_are_each_told_their_own_jobs_objective(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    search = ["hydra/sweeper=optuna", "hydra.sweeper.study_name=mine", "hydra.sweeper.n_trials=3"]
    at_once = ["hydra.sweeper.n_jobs=2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    baseline = ["scenario=baseline", "compare.untrained=false"]
    ranges = ["baseline.fit.epochs=interval(1,2)", "baseline.fit.learning_rate=interval(1e-4,1e-2)"]
    swept = preloaded_program("-m", *tiny_run, *baseline, *ranges, *search, *at_once)
    assert swept.returncode == 0, swept.stderr
    trials = studies.opened("mine", str(tmp_path / "store" / "studies.journal"), "maximize").trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    for trial in trials:
        job = tmp_path / "sweep" / str(trial.number)
        fit = json.loads((job / "settings.json").read_text())["config"]["baseline"]["fit"]
        assert {f"baseline.fit.{name}": fit[name] for name in ("epochs", "learning_rate")} == trial.params
        assert json.loads((job / "metrics.json").read_text())["baseline/dev/spearman"] == trial.value
    assert len({trial.value for trial in trials}) == 3
