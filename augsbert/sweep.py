"""A sweep as one thing: what became of each job, in its folder and at the end on the screen, and the exit status.

Hydra says that a job failed only when all have ended, and then calls no callback (Hydra #2284, #2824). So a job's error
ends here: the job writes down what became of it, and the callback, which runs in the process that was started, reads it
from the jobs' folders. Every launcher fills these alike.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from augsbert.errors import Pruned, UserError
from augsbert.hardware import cores
from augsbert.run_files import METRICS, PLANNED, STAGES, STATUS
from augsbert.sweep_checks import refusal

log = logging.getLogger(__name__)

#: The reason of a job that is still said to run when the sweep has ended.
_KILLED = "Its process ended before it could say why: it was killed, perhaps for want of memory."


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


def divide_cores(launcher: DictConfig, devices: object) -> None:
    """Give torch its share of the cores where the launcher runs several jobs, of so many processes, on one machine.

    Called before torch is imported, which reads OMP_NUM_THREADS then; a user's own stays. Ray and SLURM set theirs.
    """
    devices = devices if isinstance(devices, int) and devices > 0 else 1  # what is mistaken is told later
    if "n_jobs" in launcher:
        jobs = launcher.n_jobs if launcher.n_jobs > 0 else cores()
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // (jobs * devices))))
    elif launcher.get("cpus_per_task"):
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, launcher.cpus_per_task // devices)))


@contextmanager
def recorded(*, plan: bool, devices: object) -> Iterator[Outcome]:
    """Run one job of a sweep; an error is written down, in the log and in the job's folder, and goes no further.

    A job that fails returns nan, which a sweeper takes for no result; what an earlier run has left in its folder would
    stand for it, and goes.

    Args:
        plan: the job is only planned.
        devices: that each of its stages runs on, a process for each.
    """
    divide_cores(HydraConfig.get().launcher, devices)
    start, outcome, state, reason = time.monotonic(), Outcome(), "done", ""
    folder = Path(HydraConfig.get().runtime.output_dir)
    if not plan:
        from augsbert.results import forget

        forget(folder)
        _write(folder / STATUS, "running", "", 0)
    try:
        yield outcome
    except UserError as error:
        state, reason = "pruned" if isinstance(error, Pruned) else "failed", str(error)
        log.error("%s", reason)
    except Exception as error:
        state, reason = "failed", f"{type(error).__name__}: {error}"
        log.exception("this job failed; the others go on")
    _write(folder / (PLANNED if plan else STATUS), state, reason, time.monotonic() - start)


def _write(path: Path, state: Any, reason: str, seconds: float) -> None:
    job, stages = HydraConfig.get().job, path.with_name(STAGES)
    counts_stages = state == "done" and path.name == STATUS and stages.exists()
    records = json.loads(stages.read_text()) if counts_stages else []
    found = [record for record in records if record["found"]]
    counts = {"made": len(records) - len(found), "found": len(found), "saved": sum(r["cost"] for r in found)}
    overrides = [str(override) for override in HydraConfig.get().overrides.task]
    sweep = _absolute(HydraConfig.get().sweep.dir, HydraConfig.get().runtime.cwd)
    status = Status(sweep, int(job.num), state, reason, overrides, round(seconds, 1), **counts)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(asdict(status), indent=1))
    unfinished.rename(path)


def _absolute(folder: str, start: str) -> str:
    """A job may have changed into its own folder (hydra.job.chdir)."""
    return str(Path(start, folder))


class Sweep(Callback):
    """Says at a sweep's end what became of its jobs, or would with ``plan=true``; exit status 1 if any failed."""

    #: The sweep that has begun and not ended, in the process that was started: Hydra keeps its callbacks to itself.
    begun: DictConfig | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what no job of the sweep could follow, and forget what earlier sweeps in this folder have said."""
        if said := refusal(config):
            sys.exit(f"error: {said}")
        for folder in _statuses(config):
            (folder / _name(config)).unlink()
        Sweep.begun = config

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read the jobs' statuses and print what they come to."""
        Sweep.begun = None
        jobs = _statuses(config)
        if not jobs and config.hydra.runtime.choices["hydra/sweeper"] == "basic":
            sys.exit(f"error: the sweep has no jobs: a list among {' '.join(config.hydra.overrides.task)} is empty.")
        if config.plan:
            _show_plan(jobs, Path(config.store.dir).expanduser().absolute())
        else:
            folder = Path(config.hydra.runtime.cwd, config.hydra.sweep.dir)
            print(f"\n{summary(list(jobs.values()))}\nTheir folders: {config.hydra.sweep.dir}{_earlier(folder, jobs)}")
        if any(job.state in ("failed", "running") for job in jobs.values()):
            sys.exit(1)


def broken_off(error: Exception) -> str | None:
    """What to say of a launcher that gave up, as joblib does when a job's process is killed; None if none did.

    What became of the jobs until then is printed.
    """
    config = Sweep.begun
    if config is None or config.plan:
        return None
    print(f"\n{summary(list(_statuses(config).values()))}")
    return (
        f"the launcher gave up: {type(error).__name__}: {error}\n"
        "  Jobs that do not stand in the table were not started. What is finished is kept; the same command goes on."
    )


def statuses(sweep: Path, name: str = STATUS) -> dict[Path, Status]:
    """What became of a sweep's jobs, by their folders, in the order of their numbers."""
    read = {path.parent: status for path in sweep.rglob(name) if (status := _status(path, sweep)) is not None}
    return dict(sorted(read.items(), key=lambda item: item[1].job))


def _statuses(config: DictConfig) -> dict[Path, Status]:
    return statuses(Path(config.hydra.runtime.cwd, config.hydra.sweep.dir), _name(config))


def _name(config: DictConfig) -> str:
    return PLANNED if config.plan else STATUS


def _status(path: Path, sweep: Path) -> Status | None:
    """A job's status; None of what another sweep, or another program, has left below the folder."""
    try:
        status = Status(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return None
    return status if status.sweep == str(sweep.absolute()) else None


def summary(jobs: list[Status]) -> str:
    """A line for each job with the settings that tell it from the others, and one for all of them."""
    from augsbert.reporting.table import duration

    if not jobs:
        return "no job was left to run"
    jobs = [replace(job, state="failed", reason=_KILLED) if job.state == "running" else job for job in jobs]
    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    lines = [f"{'job':<5}{'state':<8}{'made':>5}{'found':>7}{'time':>13}   settings"]
    for job in jobs:
        counts = f"{job.made:>5}{job.found:>7}" if job.state == "done" else f"{'-':>5}{'-':>7}"
        own = " ".join(o for o in job.overrides if o not in shared and not o.startswith("pruning"))
        lines.append(f"{job.job:<5}{job.state:<8}{counts}{duration(job.seconds):>13}   {own}".rstrip())
        lines += [f"     {line}" for line in job.reason.splitlines()]
    counted = {state: sum(job.state == state for job in jobs) for state in ("done", "pruned", "failed")}
    ended = ", ".join(f"{count} {state}" for state, count in counted.items() if count)
    made, found, saved = (sum(getattr(job, name) for job in jobs) for name in ("made", "found", "saved"))
    lines.append(f"{ended}: {made} stages made, {found} found, which saved {duration(saved)}")
    return "\n".join(lines)


def _earlier(sweep: Path, jobs: Iterable[Path]) -> str:
    """What to say of runs that are no jobs of this sweep: one with fewer jobs leaves the others of an earlier one."""
    runs = {str(path.parent.relative_to(sweep)) for path in sweep.rglob(METRICS) if path.parent not in set(jobs)}
    names = ", ".join(sorted(runs, key=lambda name: (len(name), name)))
    return f"\nRuns of earlier sweeps lie there too, and a report of it counts them: {names}" if runs else ""


def _show_plan(jobs: Mapping[Path, Status], store: Path) -> None:
    """The plans of all jobs as one: a stage that several of them need stands once."""
    from augsbert.store import PLAN, from_json, render

    planned = [(folder / PLAN).read_text() for folder, job in jobs.items() if job.state == "done"]
    union = from_json(planned)
    print(render(union, store))
    if len(planned) > 1 and any(not line.key for line in union):
        print("A stage without a key stands once for each job: its data are not at hand, which tell what jobs share.")
    if len(planned) < len(jobs):
        print(summary(list(jobs.values())))
