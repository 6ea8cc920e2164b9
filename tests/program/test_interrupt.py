"""Ctrl-C ends a run at once, says how to go on and keeps what is finished; runs at once share one store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import run_group

ROOT = Path(__file__).parents[2]
TWO_DEVICES = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
#: Fits and a labelling of some seconds each, so that there is a middle to them; few steps of the bi-encoder.
LONG = ["sampler.top_k=100", "cross_encoder.score_both_orders=true", "bi_encoder.fit.batch_size=256"]
START_AND_END = 240


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts run.py as a terminal does: in a process group of its own, with Ctrl-C as it is by default."""
    runs: list[subprocess.Popen] = []

    def start(*overrides: str) -> subprocess.Popen:
        run = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), *overrides],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "AUGSBERT_TEST": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell without job control starts what is in its background with SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        runs.append(run)
        return run

    yield start
    for run in runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()


def wait_for(run: subprocess.Popen, store: Path, pattern: str) -> None:
    """Wait until a file of that pattern is in the store."""
    start = time.monotonic()
    while not any(store.glob(pattern)):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() - start < START_AND_END
        time.sleep(0.005)


def interrupted(run: subprocess.Popen, store: Path, pattern: str) -> tuple[str, float]:
    """Press Ctrl-C once such a file is in the store; what the run then says, and the seconds until its end."""
    wait_for(run, store, pattern)
    pressed = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=60)[1]
    return said, time.monotonic() - pressed


def processes(tmp_path: Path) -> dict[int, str]:
    """Process id -> command line of all that a run has started; they inherit its environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"AUGSBERT_TEST={tmp_path}" in (folder / "environ").read_bytes().decode(errors="replace").split("\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
    return found


def scores(folder: Path) -> dict[str, float]:
    metrics = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if "/dev/" in name or "/test/" in name}


def ended(store: Path, stage: str) -> bool:
    """Whether a stage of that name is finished."""
    return any(path.parent.suffix != ".partial" for path in store.glob(f"{stage}/*/stage.json"))


def goes_on(said: str, tmp_path: Path) -> None:
    """Type what the interrupted run said."""
    line = said.rpartition("to go on: ")[2].strip()
    done = run_group(line, START_AND_END, {}, shell=True, cwd=tmp_path)
    assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.timed
def test_ctrl_c_in_a_fit_and_in_the_labelling_keeps_what_is_done_and_the_line_that_it_says_goes_on(
    started: Callable, preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    run, store = [*tiny_run, *LONG, "cross_encoder.fit.epochs=6", "compare.untrained=false"], tmp_path / "store"
    for stage, pattern in (
        ("cross_encoder", "cross_encoder/*.partial/.checkpoints/last.ckpt"),
        ("labels", "labels/*.partial/.encoder-0/.shards-*/*.npz"),
    ):
        process = started(*run)
        said, seconds = interrupted(process, store, pattern)
        assert process.returncode == 130
        assert seconds < 5
        assert said.splitlines()[-1].startswith("Interrupted. What is finished is kept; to go on: ")
        assert "Traceback" not in said
        # Or it ended between the look into the store and the signal.
        assert [path.parent.name for path in store.glob("*/*.partial")] == [stage] or ended(store, stage)
        assert list(store.glob("candidates/*/stage.json"))
        assert not processes(tmp_path)
    labelled = ended(store, "labels")
    goes_on(said, tmp_path)
    undisturbed = preloaded_program(
        *run, f"store.dir={tmp_path / 'other'}", f"hydra.run.dir={tmp_path / 'undisturbed'}"
    )
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert scores(tmp_path / "out") == scores(tmp_path / "undisturbed")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["found/cross_encoder"], metrics["found/labels"]) == (1, labelled)


@pytest.mark.slow
@pytest.mark.timed
def test_ctrl_c_in_a_fit_on_two_devices_leaves_no_process_and_the_next_run_ends_as_an_undisturbed_one(
    started: Callable, preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    fit = ["baseline.fit.epochs=8", "compare.untrained=false"]
    run = ["scenario=baseline", *tiny_run, *TWO_DEVICES, *fit]
    process = started(*run)
    said, seconds = interrupted(process, tmp_path / "store", "bi_encoder/*.partial/.checkpoints/last.ckpt")
    assert process.returncode == 130
    assert seconds < 5
    assert said.splitlines()[-1].startswith("Interrupted. What is finished is kept; to go on: ")
    left = time.monotonic() + 5 - seconds
    while processes(tmp_path) and time.monotonic() < left:
        time.sleep(0.02)
    assert processes(tmp_path) == {}
    goes_on(said, tmp_path)
    elsewhere = [f"store.dir={tmp_path / 'other'}", f"hydra.run.dir={tmp_path / 'undisturbed'}"]
    undisturbed = preloaded_program(*run, *elsewhere)
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert scores(tmp_path / "out") == scores(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.timed
def test_ctrl_c_in_the_second_job_of_a_sweep_ends_it_whole_and_the_line_that_it_says_goes_on(
    started: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep"
    process = started("-m", "scenario=baseline", *tiny_run, "compare.untrained=false", "baseline.fit.epochs=1,20,2")
    wait_for(process, sweep, "1/status.json")
    said, seconds = interrupted(process, tmp_path / "store", "bi_encoder/*.partial/.checkpoints/last.ckpt")
    assert process.returncode == 130
    assert seconds < 5
    assert said.splitlines()[-1].startswith("Interrupted. What is finished is kept; to go on: ")
    assert "Traceback" not in said
    assert not processes(tmp_path)
    assert not (sweep / "2").exists()
    first = scores(sweep / "0")
    goes_on(said, tmp_path)
    ends = [json.loads((sweep / str(job) / "status.json").read_text()) for job in range(3)]
    assert [end["state"] for end in ends] == ["done"] * 3
    assert ends[0]["made"] == 0
    assert scores(sweep / "0") == first


def ranks(tmp_path: Path) -> list[int]:
    """Process ids of the workers that are there now."""
    return [pid for pid in processes(tmp_path) if b"\0RANK=" in Path(f"/proc/{pid}/environ").read_bytes()]


@pytest.mark.slow
@pytest.mark.timed
def test_a_killed_rank_ends_the_run_within_seconds_and_leaves_no_process(
    started: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    run = ["scenario=baseline", *tiny_run, *TWO_DEVICES, "baseline.fit.epochs=200", "compare.untrained=false"]
    process = started(*run)
    wait_for(process, tmp_path / "store", "bi_encoder/*.partial/.checkpoints/last.ckpt")
    killed = time.monotonic()
    os.kill(ranks(tmp_path)[-1], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    while processes(tmp_path) and time.monotonic() - killed < 60:
        time.sleep(0.02)
    assert time.monotonic() - killed < 5
    assert process.returncode == 1
    assert "baseline: a worker failed with exit status" in said


@pytest.mark.slow
def test_two_runs_at_once_over_one_store_make_each_stage_once(
    started: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    runs = [started(*tiny_run, f"hydra.run.dir={tmp_path / name}") for name in ("one", "two")]
    for process in runs:
        _, said = process.communicate(timeout=START_AND_END)
        assert process.returncode == 0, said
    assert scores(tmp_path / "one") == scores(tmp_path / "two")
    records = [json.loads((tmp_path / name / "stages.json").read_text()) for name in ("one", "two")]
    keys = [sorted(record["key"] for record in each) for each in records]
    assert keys[0] == keys[1]
    assert sorted(record["key"] for each in records for record in each if not record["found"]) == keys[0]
