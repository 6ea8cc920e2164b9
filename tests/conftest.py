"""What tests share: where the real data lies, a tiny model and tiny pairs, and the program as a user runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.processes import Preloaded, run_group
from tests.tiny import write_model, write_table

ROOT = Path(__file__).parent.parent
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: workers would fight for the cores


@pytest.fixture(autouse=True)
def without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in a test's own process is computed in float32, whatever the processor, as its references are."""
    monkeypatch.setattr("augsbert.hardware._cpu_multiplies_bf16", lambda: False)


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


@pytest.fixture(scope="session")
def tiny_run_in(tiny_model: Path, tiny_table: Path) -> Callable[[Path], list[str]]:
    """Overrides of a whole run in a few seconds: tiny model and table, one epoch, store and output in a folder."""
    return lambda folder: [
        "dataset=table",
        *(f"dataset.{split}={tiny_table / split}.csv" for split in ("train", "dev", "test")),
        f"model={tiny_model}",
        "gold_size=60",
        *(f"{node}.fit.epochs=1" for node in ("cross_encoder", "bi_encoder", "baseline")),
        "logger=none",
        f"store.dir={folder / 'store'}",
        f"hydra.run.dir={folder / 'out'}",
        f"hydra.sweep.dir={folder / 'sweep'}",
    ]


@pytest.fixture
def tiny_run(tiny_run_in: Callable[[Path], list[str]], tmp_path: Path) -> list[str]:
    """Such overrides, in the test's own folder."""
    return tiny_run_in(tmp_path)


@pytest.fixture(scope="session")
def program_in() -> Callable[[Path], Callable[..., CompletedProcess[str]]]:
    """Of a folder, what runs run.py as a user does, in an empty folder in it, on one thread."""

    def run(folder: Path, *overrides: str, timeout: float = 300, **environment: str) -> CompletedProcess[str]:
        (folder / "here").mkdir(exist_ok=True)
        command = [sys.executable, str(ROOT / "run.py"), *overrides]
        return run_group(command, timeout, environment, cwd=folder / "here")

    return lambda folder: partial(run, folder)


@pytest.fixture
def program(program_in: Callable[[Path], Callable], tmp_path: Path) -> Callable[..., CompletedProcess[str]]:
    """Runs run.py in the test's own folder."""
    return program_in(tmp_path)


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """The process of tests/preloaded.py."""
    process = Preloaded()
    yield process
    process.end()


@pytest.fixture(scope="session")
def preloaded_program_in(preloaded: Preloaded) -> Callable[[Path], Callable[..., CompletedProcess[str]]]:
    """As ``program_in``, in a fork of a process that has torch imported, some eight seconds sooner; one at a time."""

    def run(folder: Path, *overrides: str, **environment: str) -> CompletedProcess[str]:
        (folder / "here").mkdir(exist_ok=True)
        said = {name: str(folder / f"{name}.txt") for name in ("stdout", "stderr")}
        status = preloaded.run(arguments=overrides, folder=str(folder / "here"), environment=environment, **said)
        texts = {name: Path(path).read_text() for name, path in said.items()}
        return CompletedProcess(overrides, status, **texts)

    return lambda folder: partial(run, folder)


@pytest.fixture
def preloaded_program(
    preloaded_program_in: Callable[[Path], Callable], tmp_path: Path
) -> Callable[..., CompletedProcess[str]]:
    """As ``program``, in such a fork."""
    return preloaded_program_in(tmp_path)
