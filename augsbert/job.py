"""One fit or scoring in plain values, and doing it: in this process, or as one of several ranks."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import pandas as pd

from augsbert import ranks
from augsbert.config import make
from augsbert.errors import UserError
from augsbert.hardware import keep_freed_memory, return_memory
from augsbert.pairs import Task
from augsbert.startup import uncollected
from augsbert.store import files

_INPUTS = ".inputs"


@dataclass(frozen=True)
class Job:
    """One fit or scoring, in plain values: what travels to the processes that do it.

    Args:
        work: ``fit`` or ``score``.
        stage: its name, for the progress bar.
        encoder: the encoder's settings, ``_target_`` and resolved precision included.
        hardware: the trainer's settings.
        folder: the scratch folder; the pairs lie in its ``.inputs/``.
        task: for a fit, decides the metric that chooses the epoch.
        precision: for a scoring.
        pruning: for a fit, the trial of a search that it reports to.
    """

    work: Literal["fit", "score"]
    stage: str
    encoder: dict[str, Any]
    hardware: dict[str, Any]
    folder: str
    task: Task = "regression"
    precision: str = "32-true"
    pruning: dict[str, Any] | None = None

    @property
    def inputs(self) -> Path:
        """Where the tables lie while the job runs."""
        return Path(self.folder) / _INPUTS


def perform(job: Job) -> None:
    """Do the job, or this rank's part of it, in this process."""
    with uncollected():
        from augsbert import scoring, seed_optimization, training
        from augsbert.progress import StageProgress
        from augsbert.pruning import EpochReport

    table = {path.stem: pd.read_parquet(path) for path in job.inputs.glob("*.parquet")}
    module, hardware, folder = make(job.encoder), make(job.hardware), Path(job.folder)
    progress = StageProgress(job.stage)
    keep_freed_memory()
    with _interruptible():
        if job.work == "fit":
            what = (module, table["train"], table["dev"], job.task, hardware, folder, progress)
            seed_optimization.choose_seed(*what)
            training.fit(*what, *([EpochReport(**job.pruning)] if job.pruning else []))
        else:
            scoring.score(module, table["pairs"], job.precision, hardware, folder, progress)


class _interruptible:
    """Lightning turns Ctrl-C into exit status 1 and ignores the next one; here it stays what it was."""

    def __enter__(self) -> None:
        self.handler = signal.getsignal(signal.SIGINT)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self.handler is not None:
            signal.signal(signal.SIGINT, self.handler)
        if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error


def serve() -> int:
    """Do this rank's share of every job that the first rank hands out, until it dismisses the others with its status.

    A user's mistake is found by every rank alike; the first one says it.
    """
    ranks.join()
    while not isinstance(settings := ranks.hand_out(0), int):
        job = Job(**settings)
        with files.alive(Path(job.folder)), contextlib.suppress(UserError):
            share(job)
        return_memory()
    return settings


def share(job: Job) -> None:
    """This rank's part of a job that all ranks have been given.

    A rank that fails alone ends at once, and torchrun ends the others, which may wait for it in the middle of a step.
    """
    try:
        perform(job)
    except UserError:
        raise
    except BaseException:
        traceback.print_exc()
        leave(1)
    ranks.meet()


def leave(status: int) -> NoReturn:
    """End this rank at once, its work being on the disk.

    An ordinary end takes down the process group's threads in an order of its own, and now and then aborts ("terminate
    called without an active exception"), which torchrun takes for a failure: once in some 60 jobs on two ranks.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
