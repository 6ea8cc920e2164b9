"""Running a fit or a scoring where the trainer says: in this process, or in a process tree of its own under torchrun.

Lightning's own DDP launcher runs the command line again, under a multirun the whole sweep (Lightning #18175). Here a
stage on several devices is ``torchrun`` on the stage's resolved settings: run, multirun and every launcher then behave
alike, and only the planning process knows the store. Run as a module, this file is both the agent of such a tree and
its workers. Where torchrun has started run.py itself, its ranks are used in place (ranks.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import pandas as pd

from augsbert import ranks
from augsbert.config import make
from augsbert.errors import Pruned, UserError
from augsbert.hardware import Hardware, keep_freed_memory
from augsbert.pairs import Task
from augsbert.startup import uncollected
from augsbert.store import files

_INPUTS = ".inputs"
#: Files in which a worker says why it ended, the narrower kind first.
_SAID: dict[str, type[UserError]] = {"pruned.txt": Pruned, "error.txt": UserError}
_PR_SET_PDEATHSIG = 1


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


def run(job: Job, **tables: pd.DataFrame) -> None:
    """Do the job with these tables: ``train`` and ``dev`` for a fit, ``pairs`` for a scoring. They go when it is done.

    Raises:
        UserError: what a worker found wrong with the input.
        RuntimeError: a worker failed; what it said is on the screen.
    """
    # A run that was killed may have left its own, an error that is mended by now among them.
    shutil.rmtree(job.inputs, ignore_errors=True)
    job.inputs.mkdir()
    for name, table in tables.items():
        table.to_parquet(job.inputs / f"{name}.parquet")
    hardware: Hardware = make(job.hardware)
    if hardware.world == 1:
        perform(job)
    elif ranks.world() > 1:
        ranks.hand_out(asdict(job))
        _share(job)
    else:
        _run_tree(job, hardware)
    shutil.rmtree(job.inputs)


def perform(job: Job) -> None:
    """Do the job, or this rank's part of it, in this process."""
    with uncollected():
        from augsbert import scoring, training, trials
        from augsbert.progress import StageProgress
        from augsbert.pruning import EpochReport

    table = {path.stem: pd.read_parquet(path) for path in job.inputs.glob("*.parquet")}
    module, hardware, folder = make(job.encoder), make(job.hardware), Path(job.folder)
    progress = StageProgress(job.stage)
    keep_freed_memory()
    with _interruptible():
        if job.work == "fit":
            what = (module, table["train"], table["dev"], job.task, hardware, folder, progress)
            trials.choose_seed(*what)
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
            _share(job)
    return settings


def _share(job: Job) -> None:
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


def _run_tree(job: Job, hardware: Hardware) -> None:
    (job.inputs / "job.json").write_text(json.dumps(asdict(job)))
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}
    environment |= {"OMP_NUM_THREADS": str(hardware.threads()), "AUGSBERT_PARENT": str(os.getpid())}
    command = [sys.executable, "-m", "augsbert.launch", str(job.inputs / "job.json"), str(hardware.devices)]
    # A session of its own: Ctrl-C reaches this process only, which then ends the tree at once.
    agent = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        status = agent.wait()
    finally:
        agent.kill()
        agent.wait()
    for name, kind in _SAID.items():
        if (job.inputs / name).exists():
            raise kind((job.inputs / name).read_text())
    if status:
        raise RuntimeError(f"{job.stage}: a worker failed with exit status {status}; what it said stands above.")


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent goes; torchrun's workers are in sessions of their own."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _agent(job_file: str, devices: str) -> None:
    _die_with_parent(int(os.environ["AUGSBERT_PARENT"]))
    # torch takes seconds to import: a parent that dies meanwhile takes this process along.
    from torch.distributed.run import main as torchrun

    os.environ["AUGSBERT_PARENT"] = str(os.getpid())
    torchrun(["--standalone", "--nproc-per-node", devices, "-m", "augsbert.launch", job_file])


def _worker(job_file: str) -> None:
    _die_with_parent(int(os.environ["AUGSBERT_PARENT"]))
    job = Job(**json.loads(Path(job_file).read_text()))
    with files.alive(Path(job.folder)):
        try:
            perform(job)
            ranks.wait_for_all()
        except UserError as error:
            name = next(name for name, kind in _SAID.items() if isinstance(error, kind))
            (job.inputs / name).write_text(str(error))
            leave(1)
    leave(0)


def leave(status: int) -> NoReturn:
    """End this rank at once, its work being on the disk.

    An ordinary end takes down the process group's threads in an order of its own, and now and then aborts ("terminate
    called without an active exception"), which torchrun takes for a failure: once in some 60 jobs on two ranks.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    if "RANK" in os.environ:
        _worker(sys.argv[1])
    else:
        _agent(*sys.argv[1:])
