"""What the reports' tests share: runs that have left their files, alone and as a grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reporting.left import HERE, leave_run


@pytest.fixture
def leave(tmp_path: Path) -> Callable[..., Path]:
    """Leaves a run's files in a folder of the sweep ``tmp_path/sweep``."""

    def run(number: int, environment: dict[str, str] = HERE, **settings: str) -> Path:
        return leave_run(tmp_path / "sweep" / str(number), environment, **settings)

    return run


@pytest.fixture
def grid(leave: Callable[..., Path], tmp_path: Path) -> Path:
    """Two samplers x two sizes x two seeds."""
    jobs = [(sampler, size, seed) for sampler in ("random", "bm25") for size in ("100", "20") for seed in ("0", "1")]
    for number, (sampler, size, seed) in enumerate(jobs):
        leave(number, sampler=sampler, gold_size=size, seed=seed, logger="none", **{"dataset.path": str(number)})
    return tmp_path / "sweep"
