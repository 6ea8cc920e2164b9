"""run.py under torchrun, two agents as on two nodes: one rank plans, both train, as two devices would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def torchrun(arguments: Sequence[str], folder: Path, port: int) -> list[subprocess.Popen[str]]:
    """Two agents with a rank each."""
    agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d"]
    agent += [f"--rdzv-endpoint=127.0.0.1:{port}", "--rdzv-id=test", str(ROOT / "run.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return [subprocess.Popen(agent, cwd=folder, env=environment, **pipes) for _ in range(2)]  # type: ignore[call-overload]


@pytest.fixture
def port() -> int:
    """A free one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_two_agents_of_torchrun_end_with_the_figures_of_two_devices(
    program: Callable, tiny_run: list[str], tmp_path: Path, port: int
) -> None:
    # More than one shard of labels, so that the ranks write several.
    small = [*tiny_run, "sampler=random", "sampler.num_pairs=2500", "compare.untrained=false"]
    devices = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", f"store.dir={tmp_path / 'devices'}"]
    assert program(*small, *devices, timeout=400).returncode == 0
    wanted = json.loads((tmp_path / "out" / "metrics.json").read_text())

    agents = torchrun(["-m", *small, "trainer.num_nodes=2", "gold_size=60,500"], tmp_path, port)
    said = [agent.communicate(timeout=400)[0] for agent in agents]
    assert sum("gold_size=500: the train split has 120 pairs." in text for text in said) == 1, said
    # A job has failed, and all agents say so.
    assert [agent.returncode for agent in agents] == [1, 1], said
    found = json.loads((tmp_path / "sweep" / "0" / "metrics.json").read_text())
    quality = [name for name in wanted if "/dev/" in name or "/test/" in name]
    assert {name: found[name] for name in quality} == {name: wanted[name] for name in quality}


@pytest.mark.slow
def test_torchrun_must_start_as_many_as_the_trainer_has(tiny_run: list[str], tmp_path: Path, port: int) -> None:
    agents = torchrun([*tiny_run, "trainer.devices=2", "trainer.num_nodes=2"], tmp_path, port)
    said = [agent.communicate(timeout=200)[0] for agent in agents]
    assert any("torchrun has started 2. Start run.py by torchrun --nnodes=2" in text for text in said), said
