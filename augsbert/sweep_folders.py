"""Folders of a sweep: one sweep at a time is at work in its own, and each of its jobs has one in it to itself."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

_NUMBERED = "${hydra.job.num}"
#: Held until the process that was started ends, however it ends: the kernel frees it. Nothing that it starts wants it.
_held: FileLock | None = None


def sweep_folder(hydra: DictConfig | HydraConf) -> Path:
    """The sweep's folder, absolute, as a job may have changed into its own (hydra.job.chdir)."""
    return Path(os.path.abspath(Path(hydra.runtime.cwd, hydra.sweep.dir)))


def occupied(hydra: DictConfig, status: str) -> str | None:
    """What keeps a sweep out of its folder, which from now on it keeps others out of; None if nothing does.

    Args:
        hydra: its settings.
        status: the file in which its jobs write what becomes of them. A plan's is another one, so that a sweep which is
            under way may be planned.
    """
    global _held
    place, folder = f"hydra.sweep.dir={hydra.sweep.dir}", sweep_folder(hydra)
    _held = FileLock(folder / f".{status}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _held.acquire(timeout=0)
    except Timeout:
        return f"{place}: another sweep is at work there. Wait for it, or set another hydra.sweep.dir."
    except OSError as error:
        return f"{place}: {error.strerror}. Set another hydra.sweep.dir."
    if blocked := next((path for path in folder.rglob(status) if path.is_dir()), None):
        return f"{blocked}: it is a folder, and a job's status is a file. Move it, or set another hydra.sweep.dir."
    return None


def are_numbered(hydra: DictConfig) -> bool:
    """Whether the jobs' folders are their numbers, as Hydra's are unless the user names others."""
    return f"subdir: {_NUMBERED}" in OmegaConf.to_yaml(hydra.sweep).splitlines()


def job_folder(job: DictConfig, number: int) -> Path | None:
    """The folder of a composed job that has not begun; None where it hangs on what its own process alone will know."""
    before = HydraConfig.instance().cfg
    with open_dict(job):
        job.hydra.job.num, job.hydra.job.id = number, str(number)
    HydraConfig.instance().set_config(job)  # for what is written as ${hydra:...}
    try:
        return Path(os.path.abspath(sweep_folder(job.hydra) / job.hydra.sweep.subdir))
    except OmegaConfBaseException:
        return None
    finally:
        HydraConfig.instance().cfg = before


def misplaced(folder: Path, sweep: Path, job: int, taken: int | None) -> str | None:
    """What is wrong with a job's folder; None if nothing is.

    Args:
        folder: of the job, absolute.
        sweep: the sweep's, absolute.
        job: its number.
        taken: the number of the job of this sweep that has the folder, if one has.
    """
    if not folder.is_relative_to(sweep):
        return f"hydra.sweep.subdir: job {job} would leave {folder}, and the sweep is {sweep}. Name a folder in it."
    if taken not in (None, job):
        return f"hydra.sweep.subdir: jobs {taken} and {job} would share {folder}. Put ${{hydra.job.num}} into it."
    return None
