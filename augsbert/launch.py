"""Running a fit or a scoring where the trainer says: in this process, or on several devices under torchrun.

Lightning's own DDP launcher runs the command line again, under a multirun the whole sweep (Lightning #18175). Here a
stage on several devices is given, as its resolved settings, to processes of a torchrun (tree.py): run, multirun and
every launcher then behave alike, and only the planning process knows the store. Where torchrun has started run.py
itself, its ranks are used in place (ranks.py).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from typing import NamedTuple

import pandas as pd

from augsbert import ranks
from augsbert.config import make
from augsbert.hardware import SHARE, Hardware
from augsbert.job import Job, perform, share
from augsbert.tree import Tree


def run(job: Job, **tables: pd.DataFrame) -> None:
    """Do the job with these tables: ``train`` and ``dev`` for a fit, ``pairs`` for a scoring. They go when it is done.

    Raises:
        UserError: what a worker found wrong with the input.
        RuntimeError: a worker failed; what it said is on the screen.
    """
    # A run that was killed may have left its own, an error that is mended by now among them.
    shutil.rmtree(job.inputs, ignore_errors=True)
    job.inputs.mkdir()
    for name, table in tables.items():
        table.to_parquet(job.inputs / f"{name}.parquet")
    hardware: Hardware = make(job.hardware)
    if hardware.world == 1:
        perform(job)
    elif ranks.world() > 1:
        ranks.hand_out(asdict(job))
        share(job)
    else:
        _run_tree(job, hardware)
    shutil.rmtree(job.inputs)


class _Kept(NamedTuple):
    """The tree that the last stage has left waiting, and what it was started in."""

    tree: Tree
    devices: int
    environment: dict[str, str]
    folder: str
    owner: int  # a fork has a process of its own


_kept: _Kept | None = None
# Set anew by each run of a sweep or of a test, and nothing to a fit.
_VARYING = ("WANDB_", "PYTEST_")


def _run_tree(job: Job, hardware: Hardware) -> None:
    """Do the job in the tree that is there, or in a new one where there is none of the same devices and environment."""
    global _kept
    apart = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
    environment = {k: v for k, v in os.environ.items() if k not in apart and not k.startswith(_VARYING)}
    if environment.get("OMP_NUM_THREADS") == environment.get(SHARE):  # not the user's own
        environment["OMP_NUM_THREADS"] = str(hardware.threads())
    wanted = (hardware.devices, environment, os.getcwd(), os.getpid())
    if _kept is None or _kept[1:] != wanted or not _kept.tree.is_there:
        if _kept is not None:
            _kept.tree.end()
        _kept = _Kept(Tree(hardware.devices, environment), *wanted)
    _kept.tree.do(job)
