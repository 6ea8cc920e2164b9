"""One sweep at a time in a folder, and a folder in it for each job: what would mix them up is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from augsbert.commandline import CONF
from augsbert.errors import UserError
from augsbert.run_files import PLANNED, STAGES, STATUS
from augsbert.sweep import Sweep
from augsbert.sweep_checks import unfit_job
from augsbert.sweep_folders import occupied
from augsbert.sweep_jobs import Status, recorded, statuses


@pytest.fixture
def grid(tiny_run: list[str]) -> list[str]:
    """A plan of two jobs."""
    return ["-m", *tiny_run, "plan=true", "scenario=baseline", "gold_size=50,60"]


@pytest.fixture
def job_in(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes this process a job of a sweep in the test's folder; its folder."""
    before = HydraConfig.instance().cfg

    def begin(number: int, folder: Path) -> Path:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("config", [f"hydra.sweep.dir={tmp_path}"], return_hydra_config=True)
        with open_dict(config):
            config.hydra.job.num, config.hydra.runtime.output_dir = number, str(folder)
        HydraConfig.instance().set_config(config)
        folder.mkdir(exist_ok=True)
        return folder

    yield begin
    HydraConfig.instance().cfg = before


def hydra_of(folder: Path) -> DictConfig:
    return OmegaConf.create({"runtime": {"cwd": str(folder)}, "sweep": {"dir": "sweep"}})


def test_a_second_sweep_in_a_folder_is_refused_and_what_the_first_has_said_stays(
    preloaded_program: Callable, grid: list[str], tmp_path: Path
) -> None:
    (tmp_path / "sweep" / "7").mkdir(parents=True)
    status = Status(str(tmp_path / "sweep"), 7, "done", "", [], 0.0)
    (tmp_path / "sweep" / "7" / PLANNED).write_text(json.dumps(asdict(status)))
    with FileLock(tmp_path / "sweep" / f".{PLANNED}.lock"):
        second = preloaded_program(*grid)
    assert second.returncode == 1
    assert second.stderr == (
        f"error: hydra.sweep.dir={tmp_path}/sweep: another sweep is at work there. "
        "Wait for it, or set another hydra.sweep.dir.\n"
    )
    assert list(statuses(tmp_path / "sweep", PLANNED).values()) == [status]


def test_a_sweep_that_was_killed_leaves_its_folder_free(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    lock = tmp_path / "sweep" / f".{STATUS}.lock"
    hold = (
        f"import filelock, time\nl = filelock.FileLock({str(lock)!r})\nl.acquire()\nprint(flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert "another sweep is at work there" in str(occupied(hydra_of(tmp_path), STATUS))
        assert occupied(hydra_of(tmp_path), PLANNED) is None  # a plan may look at it meanwhile
        other.kill()
    assert occupied(hydra_of(tmp_path), STATUS) is None
    with pytest.raises(Timeout):  # it is this process's now
        FileLock(lock, is_singleton=False).acquire(timeout=0)


def test_what_hangs_on_a_swept_setting_does_not_keep_a_sweep_from_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sweep, "begun", None)
    swept = ["objective=${mine}", f"hydra.sweep.dir={tmp_path}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", swept, return_hydra_config=True)
        Sweep().on_multirun_start(config)
    assert Sweep.begun is config
    with pytest.raises(Timeout):
        FileLock(tmp_path / f".{STATUS}.lock", is_singleton=False).acquire(timeout=0)


def test_a_folder_in_a_statuss_place_and_a_file_in_the_sweeps_are_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "sweep" / "1" / STATUS
    blocked.mkdir(parents=True)
    assert occupied(hydra_of(tmp_path), STATUS) == (
        f"{blocked}: it is a folder, and a job's status is a file. Move it, or set another hydra.sweep.dir."
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sweep").write_text("")
    assert occupied(hydra_of(tmp_path / "other"), STATUS) == (
        "hydra.sweep.dir=sweep: File exists. Set another hydra.sweep.dir."
    )


def test_jobs_that_share_a_folder_are_refused_before_the_first(
    preloaded_program: Callable, grid: list[str], tmp_path: Path
) -> None:
    swept = preloaded_program(*grid, "hydra.sweep.subdir=x")
    assert swept.returncode == 1
    assert swept.stderr == (
        f"error: hydra.sweep.subdir: jobs 0 and 1 would share {tmp_path}/sweep/x. Put ${{hydra.job.num}} into it.\n"
    )
    assert not list(tmp_path.rglob(PLANNED))


@pytest.mark.parametrize(
    ("subdir", "said"),
    [
        ("s${seed}/../a", "jobs 0 and 1 would share /here/sweep/a. Put ${hydra.job.num} into it."),
        ("../${gold_size}", "job 0 would leave /here/50, and the sweep is /here/sweep. Name a folder in it."),
        ("/other/${gold_size}", "job 0 would leave /other/50, and the sweep is /here/sweep. Name a folder in it."),
        ("${hydra.job.num}", None),
        ("g${gold_size}/${hydra:job.id}", None),
        ("${hydra.job.override_dirname}", None),
        ("${oc.env:KNOWN_TO_THE_JOB_ALONE}", None),
    ],
)
def test_each_job_has_a_folder_of_its_own_in_the_sweeps(subdir: str, said: str | None) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", ["hydra.sweep.dir=/here/sweep", f"hydra.sweep.subdir={subdir}"], True)
        assert unfit_job(config, ["gold_size=50,60"]) == (said and f"hydra.sweep.subdir: {said}")


def test_a_job_does_not_write_over_what_another_one_of_its_sweep_has_said(
    job_in: Callable[..., Path], tmp_path: Path
) -> None:
    folder = job_in(0, tmp_path / "x")
    for _ in range(2):  # the second time as the same command does that goes on
        with recorded(plan=True):
            pass
    job_in(1, folder)
    with pytest.raises(UserError, match="jobs 0 and 1 would share"), recorded(plan=True):
        raise AssertionError("it has begun")
    assert [status.job for status in statuses(tmp_path, PLANNED).values()] == [0]
    job_in(1, tmp_path.parent / f"{tmp_path.name} elsewhere")
    with pytest.raises(UserError, match="job 1 would leave"), recorded(plan=True):
        raise AssertionError("it has begun")


def test_a_stage_that_is_absent_and_was_not_needed_is_not_counted_as_made(
    job_in: Callable[..., Path], tmp_path: Path
) -> None:
    made = {"found": False, "cost": 2.0, "environment": {"torch": "2"}}
    records = [made, made | {"found": True}, {"found": False, "cost": 0.0, "environment": {}}]
    folder = job_in(0, tmp_path / "0")
    with recorded(plan=False):
        (folder / STAGES).write_text(json.dumps(records))
    (status,) = statuses(tmp_path).values()
    assert (status.made, status.found, status.saved) == (1, 1, 2.0)
