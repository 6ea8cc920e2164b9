"""Ranks under torchrun: of run.py itself, on one node or several, or of a run's tree of workers (tree.py).

The first rank hands jobs out, the others wait for them, and all do their share of each. Of run.py's own ranks only the
first plans, looks into the store and reports. A rank that fails ends, and torchrun ends the rest; the same command then
goes on.
"""

from __future__ import annotations

import datetime
import os
from typing import Any

#: How long the others wait: through all that the first rank does alone, such as sampling.
_PATIENCE = datetime.timedelta(days=30)
_group: Any = None


def world() -> int:
    """Processes that torchrun started together; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def rank_and_world() -> tuple[int, int]:
    """This process's rank and how many there are; (0, 1) without torchrun."""
    return int(os.environ["RANK"]) if world() > 1 else 0, world()


def waits() -> bool:
    """Whether this process is one of the others."""
    return rank_and_world()[0] > 0


def join() -> None:
    """Meet the others; all ranks call it once, before the first job."""
    import torch
    from torch import distributed

    global _group
    if _group is None:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        # Apart from the group that trains, whose short patience finds a rank that hangs.
        _group = distributed.new_group(backend="gloo", timeout=_PATIENCE)


def hand_out(job: dict[str, Any] | int) -> dict[str, Any] | int:
    """The first rank's job, on every rank; an exit status dismisses the others."""
    from torch import distributed

    box: list[Any] = [job]
    distributed.broadcast_object_list(box, src=0, group=_group)
    return box[0]


def meet() -> None:
    """Wait for the others at the end of a job: what they have written is there then."""
    from torch import distributed

    distributed.barrier(group=_group)


def dismiss(status: int) -> None:
    """Send the others home, if there are any.

    They end with the first rank's status: an agent of torchrun whose ranks end well waits for minutes for one whose
    ranks do not.
    """
    from torch import distributed

    if _group is not None:
        hand_out(status)
        distributed.destroy_process_group()
