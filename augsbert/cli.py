"""The command: compose, check, plan or run, report. It returns the metric that a sweeper optimises."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from augsbert import ranks
from augsbert.commandline import CONF, explain, parts_help, refuse_null_parts, refuse_unknown
from augsbert.config import texts
from augsbert.errors import UserError
from augsbert.startup import uncollected
from augsbert.sweep import broken_off
from augsbert.sweep_jobs import recorded

_wants_traceback = "HYDRA_FULL_ERROR" in os.environ


def gpus_of(kind: str, devices: int, *, _root_: DictConfig) -> int:
    """GPUs that a launcher's job uses: those of its trainer, or one for another part that computes on one."""
    if kind == "gpu":
        return devices
    parts: Any = OmegaConf.to_container(_root_)
    named = [place for name, node in parts.items() if name != "hydra" for place, _ in texts(name, node)]
    asked = [OmegaConf.select(_root_, place) for place in named if place.endswith(".device")]
    return int(any(str(device).startswith("cuda") for device in asked))


# The launchers' own schemas have the names of our files and check them; Hydra says that it will stop doing so.
warnings.filterwarnings("ignore", message="\n'hydra/(launcher|sweeper)/", category=UserWarning)
OmegaConf.register_new_resolver("plus", lambda a, b: a + b, replace=True)
OmegaConf.register_new_resolver("gpus_of", gpus_of, replace=True)
OmegaConf.register_new_resolver("parts_help", lambda: parts_help(CONF), replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> float | None:
    """One job; the imports wait until here, so that --help and a misspelt key are instant."""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        with recorded(plan=cfg.plan) as outcome:
            outcome.value = _job(cfg)
        return outcome.value
    try:
        return _job(cfg)
    except UserError as error:
        if _wants_traceback:
            raise
        # Hydra would name the job's overrides first; of a single run the message is all there is to say.
        sys.exit(_said(str(error)))


def _job(cfg: DictConfig) -> float | None:
    refuse_unknown(cfg)
    with uncollected():
        from augsbert import experiment

        experiment.check(cfg)
    return experiment.run(cfg)


def main() -> None:
    """Run the command line; a user's mistake is one message and exit status 1, Ctrl-C the line that goes on and 130."""
    # Hydra would print and exit by itself; its errors come here instead, to gain the nearest name.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if {"--help", "-h"} & set(sys.argv):
            _spare_hydras_listing()
        with _ranks():
            refuse_null_parts(sys.argv[1:], CONF)
            run()
    except (UserError, HydraException) as error:
        if _wants_traceback:
            raise
        said = error.__cause__ if isinstance(error.__cause__, UserError) else error  # of a sweeper or launcher
        sys.exit(_said(str(said) if isinstance(said, UserError) else explain(error, CONF)))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if _wants_traceback or (error.filename is None and not full):
            raise
        where = f"{error.filename}: " if error.filename else ""
        way_out = "Free some space, or set another folder" if full else "Mend it, or set another path"
        sys.exit(_said(f"{where}{error.strerror}. {way_out}, such as hydra.run.dir or store.dir."))
    except Exception as error:
        if _wants_traceback or not (told := broken_off(error)):
            raise
        sys.exit(_said(told))
    except KeyboardInterrupt:
        program = [sys.executable] if sys.argv[0].endswith(".py") else []
        line = shlex.join([*program, *sys.argv])
        print(f"\nInterrupted. What is finished is kept; to go on: {line}", file=sys.stderr)
        sys.exit(130)


def _spare_hydras_listing() -> None:
    """Hydra looks all groups up for --help, which takes longer than all else; the template has a list of its own."""
    from hydra._internal.hydra import Hydra

    Hydra.format_config_groups = lambda *_, **__: ""  # type: ignore[method-assign]


@contextlib.contextmanager
def _ranks() -> Iterator[None]:
    """Under torchrun, meet the other ranks and dismiss them at the end; as one of the others, serve and go."""
    if ranks.world() == 1:
        yield
        return
    if ranks.waits():
        from augsbert.job import leave, serve

        leave(serve())
    ranks.join()
    try:
        yield
    except BaseException:
        ranks.dismiss(1)
        raise
    ranks.dismiss(0)


def _said(message: str) -> str:
    """A line for each mistake, and below it, further in, the rest of what there is to say of it."""
    return "\n".join(line if line.startswith(" ") else f"error: {line}" for line in message.splitlines())
