"""What tests share: where the real data lies, a tiny model and tiny pairs, and the program as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tiny import write_model, write_table

ROOT = Path(__file__).parent.parent
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: workers would fight for the cores


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Path of a real data file, or a skip that names it."""
    folder = Path(os.environ.get("AUGSBERT_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"{folder / name} is not there (AUGSBERT_DATA)")
        return folder / name

    return find


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of 2 layers and 32 dimensions, random weights, and a tokenizer that knows its few words."""
    folder = tmp_path_factory.mktemp("tiny_model")
    write_model(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv (120 pairs), dev.csv and test.csv (40 each)."""
    folder = tmp_path_factory.mktemp("tiny_table")
    write_table(folder)
    return folder


@pytest.fixture
def tiny_run(tiny_model: Path, tiny_table: Path, tmp_path: Path) -> list[str]:
    """Overrides of a whole run in a few seconds: tiny model and table, one epoch, its own store and output folder."""
    return [
        "dataset=table",
        *(f"dataset.{split}={tiny_table / split}.csv" for split in ("train", "dev", "test")),
        f"model={tiny_model}",
        "gold_size=60",
        *(f"{node}.fit.epochs=1" for node in ("cross_encoder", "bi_encoder", "baseline")),
        "logger=none",
        f"store.dir={tmp_path / 'store'}",
        f"hydra.run.dir={tmp_path / 'out'}",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    ]


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs run.py as a user does, in an empty folder, on one thread."""

    def run(*overrides: str, timeout: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "here").mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *overrides],
            cwd=tmp_path / "here",
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def preloaded_process() -> Iterator[subprocess.Popen[str]]:
    """The process of tests/preloaded.py."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "tests.preloaded"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def preloaded_program(
    preloaded_process: subprocess.Popen[str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """As ``program``, in a fork of a process that has torch imported, some eight seconds sooner; one run at a time."""
    assert preloaded_process.stdin is not None
    assert preloaded_process.stdout is not None
    process, (to, back) = preloaded_process, (preloaded_process.stdin, preloaded_process.stdout)

    def run(*overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "here").mkdir(exist_ok=True)
        said = {name: str(tmp_path / f"{name}.txt") for name in ("stdout", "stderr")}
        task = {"arguments": overrides, "folder": str(tmp_path / "here"), "environment": environment, **said}
        to.write(json.dumps(task) + "\n")
        to.flush()
        status = int(back.readline())
        texts = {name: Path(path).read_text() for name, path in said.items()}
        return subprocess.CompletedProcess(process.args, status, **texts)

    return run
