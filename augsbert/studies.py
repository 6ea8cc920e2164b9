"""Studies of Optuna that are kept: opened by one search at a time, gone on with after a kill, asked and told."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from augsbert.errors import UserError

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

log = logging.getLogger(__name__)

#: The attribute of a trial that says which killed one it stands for.
_KILLED = "killed"


@contextmanager
def locked(study: str, address: str, store: Path) -> Iterator[None]:
    """One search at a time goes on with a study, as it takes the trials under way for dead.

    The lock lies beside the file that keeps the study, as any search may name it; where a server does, in the store.

    Raises:
        UserError: another one is at work.
    """
    file = address.removeprefix("sqlite:///")
    folder = store if "://" in file else Path(file).absolute().parent
    lock = folder / ".locks" / f"study-{study}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"study {study}: another search is at work on it. Wait for it, or set hydra.sweeper.study_name; "
            "hydra.sweeper.n_jobs and a launcher run several trials at once."
        ) from None


def opened(name: str, address: str, direction: Literal["maximize", "minimize"]) -> Study:
    """The study of that name, a new one where there is none.

    Raises:
        UserError: the storage cannot be opened, or the study goes in the other direction.
    """
    import optuna

    from augsbert.pruning import storage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(storage=storage(address), study_name=name, direction=direction, load_if_exists=True)
    except Exception as error:  # of many kinds, for the storage is a file, or a database of any make
        said = str(error).strip().splitlines()[0]
        raise UserError(f"hydra.sweeper.storage={address}: it cannot be opened ({said}).") from error
    if study.direction.name.lower() != direction:
        raise UserError(
            f"hydra.sweeper.direction={direction}: study {name} is to {study.direction.name.lower()}. "
            "Set hydra.sweeper.study_name to another one."
        )
    return study


def enqueue_killed(study: Study) -> None:
    """Let the settings of trials that a kill left under way come again, once."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if _KILLED in trial.user_attrs:
            log.warning("trial %d was killed again, and is given up: %s", trial.number, trial.params)
            continue
        study.enqueue_trial(trial.params, user_attrs={_KILLED: trial.number})
        log.info("trial %d was killed; its settings come again", trial.number)


def asked(study: Study, searched: Mapping[str, BaseDistribution]) -> Trial:
    """A new trial.

    Raises:
        UserError: the study was begun with other values of a setting.
    """
    try:
        return study.ask(dict(searched))
    except ValueError as error:
        raise UserError(
            f"study {study.study_name}: it was begun with other values ({error}). Give it those, or set "
            "hydra.sweeper.study_name to another one."
        ) from error


def finished(study: Study) -> int:
    """Trials with a result. Those that failed in earlier runs do not count, as what made them fail may be mended."""
    from optuna.trial import TrialState

    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))


def tell(study: Study, trial: Trial, value: float | None) -> bool:
    """Tell a trial's value, unless it was pruned, which it has said itself; whether it has ended well."""
    from optuna.trial import TrialState

    state = study.trials[trial.number].state
    if state == TrialState.FAIL:
        log.warning("trial %d: another search took it for dead; its value is not counted", trial.number)
    if state.is_finished():
        return state != TrialState.FAIL
    failed = value is None or math.isnan(value)
    study.tell(trial, None if failed else value, state=TrialState.FAIL if failed else None)
    return not failed


def report(study: Study, folder: Path) -> None:
    """Write the best trial to ``optimization_results.yaml``, and say it."""
    from optuna.trial import TrialState

    done = study.get_trials(states=(TrialState.COMPLETE,))
    if not done:
        log.warning("study %s: no trial was finished", study.study_name)
        return
    best = {"name": study.study_name, "best_params": study.best_params, "best_value": study.best_value}
    OmegaConf.save(OmegaConf.create(best), folder / "optimization_results.yaml")
    settings = " ".join(f"{key}={value}" for key, value in study.best_params.items())
    log.info("study %s, %d trials: best %.4f with %s", study.study_name, len(study.trials), study.best_value, settings)
