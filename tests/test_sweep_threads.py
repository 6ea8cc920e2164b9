"""Jobs of a sweep that run at once share the cores, and each job's devices share its part."""

from __future__ import annotations

import os

import pytest
from omegaconf import OmegaConf

from augsbert import sweep_jobs


@pytest.fixture(autouse=True)
def _sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_jobs, "cores", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")


@pytest.mark.parametrize(
    ("launcher", "devices", "threads"),
    [
        ({"n_jobs": 2}, 1, "8"),
        ({"n_jobs": 2}, 4, "2"),
        ({"n_jobs": -1}, 1, "1"),
        ({"n_jobs": 8}, 4, "1"),
        ({"cpus_per_task": 6}, 2, "3"),
        ({"n_jobs": 2}, "auto", "8"),
        ({}, 2, None),
    ],
)
def test_each_process_gets_its_share_of_the_cores(launcher: dict, devices: object, threads: str | None) -> None:
    sweep_jobs.divide_cores(OmegaConf.create(launcher), devices)
    assert os.environ.get("OMP_NUM_THREADS") == threads


def test_the_users_own_number_of_threads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    sweep_jobs.divide_cores(OmegaConf.create({"n_jobs": 2}), 2)
    assert os.environ["OMP_NUM_THREADS"] == "3"
