"""run.py under torchrun, two agents as on two nodes: one rank plans, both train, as two devices would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from augsbert import experiment
from augsbert.cli import CONF
from augsbert.errors import UserError

ROOT = Path(__file__).parents[2]


def torchrun(arguments: Sequence[str], folder: Path) -> list[subprocess.Popen[str]]:
    """Two agents with a rank each, which meet by a file: a port that is free now need not be free when they start."""
    agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d"]
    agent += [
        f"--rdzv-endpoint={folder / 'meeting'}",
        "--rdzv-conf=store_type=file",
        "--rdzv-id=test",
        str(ROOT / "run.py"),
        *arguments,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return [subprocess.Popen(agent, cwd=folder, env=environment, **pipes) for _ in range(2)]  # type: ignore[call-overload]


@pytest.mark.slow
def test_two_agents_of_torchrun_end_with_the_figures_of_two_devices(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    # More than one shard of labels, so that the ranks write several.
    small = [*tiny_run, "sampler=random", "sampler.num_pairs=2500", "compare.untrained=false"]
    devices = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", f"store.dir={tmp_path / 'devices'}"]
    assert preloaded_program(*small, *devices).returncode == 0
    wanted = json.loads((tmp_path / "out" / "metrics.json").read_text())

    agents = torchrun(["-m", *small, "trainer.num_nodes=2", "gold_size=60,500"], tmp_path)
    said = [agent.communicate(timeout=400)[0] for agent in agents]
    assert sum("gold_size=500: the train split has 120 pairs." in text for text in said) == 1, said
    # A job has failed, and all agents say so.
    assert [agent.returncode for agent in agents] == [1, 1], said
    found = json.loads((tmp_path / "sweep" / "0" / "metrics.json").read_text())
    quality = [name for name in wanted if "/dev/" in name or "/test/" in name]
    assert {name: found[name] for name in quality} == {name: wanted[name] for name in quality}


def test_torchrun_must_start_as_many_as_the_trainer_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=["trainer.devices=2", "trainer.num_nodes=2"])
    with pytest.raises(UserError) as refused:
        experiment.check(config)
    assert str(refused.value) == (
        "trainer.devices=2 x trainer.num_nodes=2: torchrun has started 2. Start run.py by torchrun --nnodes=2 "
        "--nproc-per-node=2, or set them to what it starts."
    )
