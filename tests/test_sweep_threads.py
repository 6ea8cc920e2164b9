"""Jobs of a sweep that run at once share the cores, and each job's devices share its part."""

from __future__ import annotations

import os

import joblib
import pytest
from omegaconf import OmegaConf

from augsbert import hardware, launch, sweep_jobs
from augsbert.hardware import SHARE, Hardware


@pytest.fixture(autouse=True)
def _sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (hardware, sweep_jobs):
        monkeypatch.setattr(module, "cores", lambda: 16)
    for name in ("OMP_NUM_THREADS", SHARE):
        monkeypatch.setenv(name, "")  # so that what a test sets is taken back
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("launcher", "threads"),
    [({"n_jobs": 2}, "8"), ({"n_jobs": -1}, "1"), ({"n_jobs": 32}, "1"), ({"cpus_per_task": 6}, "6"), ({}, None)],
)
def test_each_job_gets_its_share_of_the_cores(launcher: dict, threads: str | None) -> None:
    sweep_jobs.divide_cores(OmegaConf.create(launcher))
    assert os.environ.get("OMP_NUM_THREADS") == threads


def test_a_process_that_takes_a_second_job_divides_anew() -> None:
    for jobs, threads in ((2, "8"), (4, "4")):
        sweep_jobs.divide_cores(OmegaConf.create({"n_jobs": jobs}))
        assert os.environ["OMP_NUM_THREADS"] == threads


def test_the_users_own_number_of_threads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    sweep_jobs.divide_cores(OmegaConf.create({"n_jobs": 2}))
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_process_of_joblib_has_the_share_that_the_sweep_has_set() -> None:
    sweep_jobs.divide_cores(OmegaConf.create({"n_jobs": 2}))
    with joblib.parallel_config("loky", n_jobs=2):
        given = joblib.Parallel()(joblib.delayed(os.environ.get)(name) for name in ("OMP_NUM_THREADS", SHARE))
    assert given == ["8", "8"]


@pytest.mark.parametrize(
    ("own", "launcher", "threads"),
    [
        (None, {}, "4"),
        (None, {"n_jobs": 2}, "2"),
        (None, {"n_jobs": 16}, "1"),
        ("3", {"n_jobs": 2}, "3"),
        ("8", {"ray": {}}, "2"),  # which Ray has set
    ],
)
def test_a_stages_devices_share_what_their_job_has(
    monkeypatch: pytest.MonkeyPatch, own: str | None, launcher: dict, threads: str
) -> None:
    started: list[dict[str, str]] = []

    class Tree:
        is_there = True

        def __init__(self, devices: int, environment: dict[str, str]) -> None:
            started.append(environment)

        def do(self, job: object) -> None: ...

    monkeypatch.setattr(launch, "Tree", Tree)
    monkeypatch.setattr(launch, "_kept", None)
    if own:
        monkeypatch.setenv("OMP_NUM_THREADS", own)
    sweep_jobs.divide_cores(OmegaConf.create(launcher))
    launch._run_tree(None, Hardware(devices=4))  # type: ignore[arg-type]
    assert started[0]["OMP_NUM_THREADS"] == threads
