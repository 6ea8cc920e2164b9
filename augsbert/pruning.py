"""Giving up a fit whose curve lies below those of earlier trials: a job of an Optuna search reports each epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from augsbert.errors import Pruned


def storage(address: str) -> Any:
    """Optuna's storage: a database where the address has a scheme (``sqlite:///studies.db``), else a journal file."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if "://" in address:
        return RDBStorage(address)
    # The lock is a link to the file; a relative one leads nowhere, and Optuna then waits for it without end.
    path = Path(address).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))


class EpochReport(pl.Callback):
    """Reports the dev metric of each epoch to a trial, and ends the fit where the study's pruner says so.

    What was fitted stays in the store's scratch folder, so that a later run with these settings goes on from there.

    Args:
        storage: address of the study's storage.
        study: its name.
        trial: its number.
        pruner: settings of Optuna's pruner, with its ``_target_``; None gives up nothing.

    Raises:
        Pruned: before an epoch, on every rank.
    """

    def __init__(self, storage: str, study: str, trial: int, pruner: dict[str, Any] | None) -> None:
        self.storage, self.study, self.trial, self.pruner = storage, study, trial, pruner

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch before, which is saved by now; the first rank asks, all do what it is told.

        After the last epoch there is nothing to give up, and after a resume the epoch before is not known.
        """
        value, epoch = trainer.callback_metrics.get("dev"), trainer.current_epoch
        pruned = value is not None and trainer.is_global_zero and self._report(float(value), epoch - 1)
        if trainer.strategy.broadcast(pruned):
            raise Pruned(f"given up after epoch {epoch}: on dev it is worse than earlier trials were there")

    def _report(self, value: float, epoch: int) -> bool:
        from optuna import load_study
        from optuna.pruners import NopPruner
        from optuna.trial import Trial, TrialState

        from augsbert.config import make

        pruner = NopPruner() if self.pruner is None else make(self.pruner)
        study = load_study(study_name=self.study, storage=storage(self.storage), pruner=pruner)
        if study.trials[self.trial].state.is_finished():  # the search was started again, and took it for dead
            return False
        trial = Trial(study, study.trials[self.trial]._trial_id)
        trial.report(value, epoch)
        if not trial.should_prune():
            return False
        study.tell(self.trial, state=TrialState.PRUNED)
        return True
