"""A sweep as one thing: what is said at its end, and the exit status.

The callback runs in the process that was started, and reads what became of the jobs from their folders, which every
launcher fills alike (sweep_jobs.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from augsbert.run_files import METRICS, PLANNED, SETTINGS, STAGES, STATUS
from augsbert.sweep_checks import refusal
from augsbert.sweep_folders import occupied, sweep_folder
from augsbert.sweep_jobs import Status, divide_cores, statuses

#: The reason of a job that is still said to run when the sweep has ended.
_KILLED = "Its process ended before it could say why: it was killed, perhaps for want of memory."


class Sweep(Callback):
    """Says at a sweep's end what became of its jobs, or would with ``plan=true``; exit status 1 if any failed."""

    #: The sweep that has begun and not ended, in the process that was started: Hydra keeps its callbacks to itself.
    begun: DictConfig | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what no job of the sweep could follow, and forget what earlier sweeps in this folder have said."""
        said = None
        with suppress(OmegaConfBaseException):  # of a ${...} that may have a value in each job, which looks again
            said = refusal(config)
        if said := said or occupied(config.hydra, _name(config)):
            sys.exit(f"error: {said}")
        for folder in _statuses(config):
            (folder / _name(config)).unlink()
        divide_cores(config.hydra.launcher)
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
            earlier = _earlier(sweep_folder(config.hydra), jobs)
            print(f"\n{summary(list(jobs.values()))}\nTheir folders: {config.hydra.sweep.dir}{earlier}")
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


def _statuses(config: DictConfig) -> dict[Path, Status]:
    return statuses(sweep_folder(config.hydra), _name(config))


def _name(config: DictConfig) -> str:
    return PLANNED if config.plan else STATUS


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
    others = {path.parent for path in sweep.rglob(METRICS)} - set(jobs)
    # By these, too, reports know a run: a store in the folder holds metrics without them.
    runs = {str(run.relative_to(sweep)) for run in others if (run / STAGES).exists() and (run / SETTINGS).exists()}
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
