"""What becomes of a job of a sweep, which it writes into its folder, and what is read of it there.

Hydra says that a job failed only when all have ended, and then calls no callback (Hydra #2284, #2824). So a job's error
ends here.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from augsbert.commandline import typed
from augsbert.errors import Pruned, UserError
from augsbert.hardware import SHARE, cores
from augsbert.run_files import PLANNED, STAGES, STATUS, write_whole
from augsbert.sweep_folders import misplaced, sweep_folder

log = logging.getLogger(__name__)


@dataclass
class Status:
    """What became of a job.

    Args:
        sweep: the sweep's folder.
        job: its number in the sweep, from 0.
        state: how it ended; ``running`` of one that has not, or whose process was killed.
        reason: what was said of a job that failed.
        overrides: what tells it from the others.
        seconds: from its start to its end.
        made: stages that it made.
        found: stages that were there.
        saved: seconds that the stages which were there had cost.
    """

    sweep: str
    job: int
    state: Literal["done", "pruned", "failed", "running"]
    reason: str
    overrides: list[str]
    seconds: float
    made: int = 0
    found: int = 0
    saved: float = 0.0


class Outcome:
    """Set by the block of :func:`recorded` as it ends."""

    value: float | None = float("nan")


def divide_cores(launcher: DictConfig) -> None:
    """Give torch its share of the cores where the launcher runs several jobs on one machine; a user's own stays.

    Called by each job before torch is imported, which reads OMP_NUM_THREADS then; and before the first job, as joblib
    would give its processes a number of its own, which then could not be told from the user's. Ray does so, and what it
    gives is the job's share. A stage on several devices divides it among them
    (:meth:`augsbert.hardware.Hardware.threads`).
    """
    given = os.environ.get("OMP_NUM_THREADS")
    if "ray" in launcher and given:
        os.environ[SHARE] = given
    if given != os.environ.get(SHARE):
        return
    if "n_jobs" in launcher:
        share = max(1, cores() // (launcher.n_jobs if launcher.n_jobs > 0 else cores()))
    elif launcher.get("cpus_per_task"):
        share = int(launcher.cpus_per_task)
    else:
        return
    os.environ["OMP_NUM_THREADS"] = os.environ[SHARE] = str(share)


@contextmanager
def recorded(*, plan: bool) -> Iterator[Outcome]:
    """Run one job of a sweep; an error is written down, in the log and in the job's folder, and goes no further.

    A job that fails returns nan, which a sweeper takes for no result; what an earlier run has left in its folder would
    stand for it, and goes.

    Raises:
        UserError: its folder lies outside the sweep's, or is another job's too.
    """
    divide_cores(HydraConfig.get().launcher)
    start, outcome, state, reason = time.monotonic(), Outcome(), "done", ""
    path = Path(HydraConfig.get().runtime.output_dir, PLANNED if plan else STATUS)
    _refuse_misplaced(path)
    if not plan:
        from augsbert.results import forget

        forget(path.parent)
        _write(path, "running", "", 0)
    try:
        yield outcome
    except UserError as error:
        state, reason = "pruned" if isinstance(error, Pruned) else "failed", str(error)
        log.error("%s", reason)
    except Exception as error:
        state, reason = "failed", f"{type(error).__name__}: {error}"
        log.exception("this job failed; the others go on")
    _write(path, state, reason, time.monotonic() - start)


def _refuse_misplaced(path: Path) -> None:
    """What the sweep could not know before its first job, as the folders of a search's trials."""
    sweep, job = sweep_folder(HydraConfig.get()), int(HydraConfig.get().job.num)
    earlier = _status(path, sweep) if path.is_file() else None
    if said := misplaced(path.parent, sweep, job, earlier.job if earlier else None):
        raise UserError(said)


def _write(path: Path, state: Any, reason: str, seconds: float) -> None:
    job, stages = HydraConfig.get().job, path.with_name(STAGES)
    counts_stages = state == "done" and path.name == STATUS and stages.exists()
    records = json.loads(stages.read_text()) if counts_stages else []
    found = [record for record in records if record["found"]]
    # One that is neither there nor was needed has no manifest, and so no environment.
    made = [record for record in records if not record["found"] and record["environment"]]
    counts = {"made": len(made), "found": len(found), "saved": sum(r["cost"] for r in found)}
    sweep, overrides = str(sweep_folder(HydraConfig.get())), typed(HydraConfig.get())
    status = Status(sweep, int(job.num), state, reason, overrides, round(seconds, 1), **counts)
    write_whole(path, json.dumps(asdict(status), indent=1))


def statuses(sweep: Path, name: str = STATUS) -> dict[Path, Status]:
    """What became of a sweep's jobs, by their folders, in the order of their numbers."""
    read = {path.parent: status for path in sweep.rglob(name) if (status := _status(path, sweep)) is not None}
    return dict(sorted(read.items(), key=lambda item: item[1].job))


def _status(path: Path, sweep: Path) -> Status | None:
    """A job's status; None of what another sweep, or another program, has left below the folder."""
    try:
        status = Status(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return None
    return status if status.sweep == str(sweep.absolute()) else None
