"""Several runs over one store make each stage once; locks go with the process that held them."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import IO

import pytest

from augsbert.store import Stage, Store, files

spawn = multiprocessing.get_context("spawn")
Work = Callable[[Path, Path], None]


def flow(folder: Path, made: Path, seconds: float = 0.2) -> Stage:
    """a -> b, a -> c, (b, c) -> d; each takes a while and adds a line to ``made``."""
    store = Store(folder)

    def stage(name: str, **inputs: Stage) -> Stage:
        def make(scratch: Path) -> None:
            note(made, name)
            (scratch / "value.txt").write_text(name)
            time.sleep(seconds)

        return Stage(store, name, name, make, lambda: {"name": name}, inputs)

    a = stage("a")
    return stage("d", b=stage("b", a=a), c=stage("c", a=a))


def note(path: Path, line: str) -> None:
    """Add a line; appends of one write do not mix."""
    with path.open("a") as stream:
        stream.write(f"{line}\n")


def run(folder: Path, made: Path) -> None:
    """What one run does: ask for the last stage."""
    last = flow(folder, made)
    _ = last.folder
    # Every stage that this run made, and did not find, is in its record.
    for stage in last.upstream:
        if stage.record is not None and not stage.record.found:
            note(made.with_name("records"), stage.name)


def hold(folder: Path, made: Path) -> None:
    """Make a stage and never end."""
    note(made, str(os.getpid()))
    _ = flow(folder, made, seconds=600).inputs["b"].inputs["a"].folder


def work(scratch: Path, made: Path) -> None:
    """What a worker does that outlives its parent for a while."""
    with files.alive(scratch):
        note(made, "started")
        time.sleep(600)


@contextmanager
def processes(work: Work, count: int, *arguments: Path) -> Iterator[list[SpawnProcess]]:
    started = [spawn.Process(target=work, args=arguments) for _ in range(count)]
    for process in started:
        process.start()
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.join()


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds
        time.sleep(0.01)


@pytest.mark.parametrize("count", [2, 4])
def test_runs_at_once_make_each_stage_once(count: int, tmp_path: Path) -> None:
    with processes(run, count, tmp_path / "store", tmp_path / "made") as started:
        for process in started:
            process.join(60)
        assert [process.exitcode for process in started] == [0] * count
    assert sorted(lines(tmp_path / "made")) == ["a", "b", "c", "d"]
    assert sorted(lines(tmp_path / "records")) == ["a", "b", "c", "d"]


def test_runs_at_once_over_a_damaged_stage_make_it_again_once(tmp_path: Path) -> None:
    last = flow(tmp_path / "store", tmp_path / "before")
    (last.folder / "value.txt").write_text("other")
    with processes(run, 4, tmp_path / "store", tmp_path / "made") as started:
        for process in started:
            process.join(60)
        assert [process.exitcode for process in started] == [0] * 4
    assert lines(tmp_path / "made") == ["d"]
    assert files.damage(last.path) is None


def test_a_stage_that_was_mended_meanwhile_is_not_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = flow(tmp_path / "store", tmp_path / "made", seconds=0)
    (last.folder / "value.txt").write_text("other")
    look, looked = files.damage, []

    def slow_look(folder: Path) -> str | None:
        seen = look(folder)
        if folder == last.path and not looked:
            looked.append(seen)
            # Another run mends it between this one's look and what it does about it.
            _ = flow(tmp_path / "store", tmp_path / "made", seconds=0).folder
        return seen

    monkeypatch.setattr(files, "damage", slow_look)
    again = flow(tmp_path / "store", tmp_path / "made", seconds=0)
    _ = again.folder
    assert again.record is not None
    assert again.record.found
    assert lines(tmp_path / "made").count("d") == 2


def test_a_killed_run_frees_its_lock_and_its_scratch_folder_is_gone_on_from(tmp_path: Path) -> None:
    store, made = tmp_path / "store", tmp_path / "made"
    with processes(hold, 1, store, made) as [holder]:
        wait_for(lambda: "a" in lines(made))
        waiting = threading.Thread(target=run, args=(store, tmp_path / "others"))
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        assert lines(tmp_path / "others") == []
        os.kill(holder.pid or 0, signal.SIGKILL)
        waiting.join(60)
        assert not waiting.is_alive()
    assert lines(tmp_path / "others") == ["a", "b", "c", "d"]


def test_waiting_for_another_run_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store, made = tmp_path / "store", tmp_path / "made"
    with processes(hold, 1, store, made) as [holder], caplog.at_level("INFO", logger="augsbert"):
        wait_for(lambda: "a" in lines(made))
        waiting = threading.Thread(target=run, args=(store, tmp_path / "others"))
        waiting.start()
        wait_for(lambda: "a: another run is making it; waiting" in caplog.text)
        os.kill(holder.pid or 0, signal.SIGKILL)
        waiting.join(60)
        assert not waiting.is_alive()


def test_a_scratch_folder_is_free_once_all_its_workers_are_gone(tmp_path: Path) -> None:
    freed = threading.Event()
    with processes(work, 2, tmp_path, tmp_path / "started") as workers:
        wait_for(lambda: len(lines(tmp_path / "started")) == 2)
        thread = threading.Thread(target=lambda: (files.wait_until_free(tmp_path), freed.set()), daemon=True)
        thread.start()
        for worker in workers:
            assert not freed.wait(0.3)
            os.kill(worker.pid or 0, signal.SIGKILL)
        assert freed.wait(10)


def test_a_scratch_folder_without_workers_is_free_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with files.alive(tmp_path):
        pass
    asked, flock = [], fcntl.flock

    def ask_once(stream: IO[str], how: int) -> None:
        asked.append(how)
        flock(stream, how | fcntl.LOCK_NB)

    monkeypatch.setattr(fcntl, "flock", ask_once)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"it waits for {seconds} s"))
    files.wait_until_free(tmp_path)
    assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB]


@pytest.mark.slow
def test_jobs_of_submitit_and_of_joblib_over_one_store_make_each_stage_once(
    program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    for launcher in ("submitit", "joblib"):
        pytest.importorskip(f"hydra_plugins.hydra_{launcher}_launcher")
    grid = ["-m", *tiny_run, "sampler=random", "sampler.num_pairs=80", "gold_size=40,60"]
    with ThreadPoolExecutor() as pool:
        started = [
            pool.submit(program, *grid, f"hydra/launcher={launcher}", f"hydra.sweep.dir={tmp_path / launcher}", setting)
            for launcher, setting in (
                ("submitit_local", "hydra.launcher.timeout_min=10"),
                ("joblib", "hydra.launcher.n_jobs=2"),
            )
        ]
    for swept in started:
        assert swept.result().returncode == 0, swept.result().stderr
    runs = [json.loads(path.read_text()) for path in tmp_path.glob("*/[01]/stages.json")]
    made = [record["key"] for run in runs for record in run if not record["found"]]
    assert len(runs) == 4
    assert sorted(made) == sorted(set(made))
    assert len(made) == len(list((tmp_path / "store").glob("*/*/stage.json")))
