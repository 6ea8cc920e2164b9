"""What the command says of errors that come from the machine, not from the config."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from augsbert import cli


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "error: No space left on device. Free some space, or set another folder, such as hydra.run.dir or "
            "store.dir.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "pairs.tsv"),
            "error: pairs.tsv: Permission denied. Mend it, or set another path, such as hydra.run.dir or store.dir.",
        ),
    ],
)
def test_what_the_disk_refuses_is_one_line(error: OSError, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NoReturn:
        raise error

    monkeypatch.setattr(cli, "run", fail)
    monkeypatch.setattr(cli, "_wants_traceback", False)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["run.py"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == said


@pytest.mark.parametrize(
    ("parts", "gpus"),
    [
        (["trainer=cpu", "sampler=semantic"], 0),
        (["trainer=cpu", "sampler=semantic", "sampler.device=cuda"], 1),
        (["trainer=cpu", "sampler=union", "sampler.semantic.device=cuda:1"], 1),
        (["trainer=cpu", "augmenter=contextual_insert", "+place=cuda", "augmenter.device=${place}"], 1),
        (["trainer=gpu", "trainer.devices=2", "sampler=semantic", "sampler.device=cuda"], 2),
    ],
)
def test_a_job_whose_sampler_or_augmenter_alone_computes_on_a_gpu_is_given_one(parts: list[str], gpus: int) -> None:
    with initialize_config_dir(str(cli.CONF), version_base="1.3"):
        config = compose("config", ["hydra/launcher=submitit_local", *parts], return_hydra_config=True)
    assert OmegaConf.select(config, "hydra.launcher.gpus_per_node") == gpus
