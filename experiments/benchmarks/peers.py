"""A peer's kinds of settings: the best batch size of each, and all kinds beside ours on all of the work.

How it goes, for the labelling and the encoding:

1. Each batch size of each kind (float32, bf16 weights, bf16 autocast, OpenVINO, a pool of processes) on a tenth of the
   texts, once: that chooses the kind's batch size.
2. Each kind at its best on all texts, once; a setting that crashes gives its place to the next of its kind.
3. Turns on all texts: ours, the peer's default, and the kinds that came near the fastest of them (``NEAR``). The
   fastest in the turns is the peer's best.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from turns import in_turn, spread

#: What a side does with texts, or with pairs of them.
Work = Callable[[Any], Any]
#: Kind -> its settings, each a side.
Kinds = Mapping[str, Mapping[str, Work]]

DEFAULT = "peer, default"
#: Of rising size; the fastest was the smallest of 32 and more wherever it was tried.
BATCHES = {"cpu": (8, 16, 32, 64), "gpu": (16, 64, 256, 1024)}
#: Times the fastest kind's seconds: those who took longer would not be the best in another turn either.
NEAR = 1.3
_HOW = (
    "the batch size of each kind is the fastest on every tenth text, chosen once; the default and the kinds that came "
    f"within {NEAR} times the fastest on all texts took turns with ours, and the fastest of them is the best"
)


class Contest(NamedTuple):
    """Seconds and outputs of each side, the peer's best one, and how its kinds were chosen."""

    seconds: dict[str, list[float]]
    outputs: dict[str, np.ndarray]
    best: str
    tried: dict[str, float]
    once: dict[str, float]
    crashed: dict[str, str]

    def about(self) -> dict[str, Any]:
        """For the record."""
        return {
            "peers": _HOW,
            "peer_seconds_for_a_tenth": self.tried,
            "peer_seconds_once": self.once,
            "crashed": self.crashed,
            "best_peer": self.best,
        }


def kind(name: str, sizes: Sequence[int], work: Callable[[int], Work]) -> dict[str, Mapping[str, Work]]:
    """A kind of settings, one for each batch size."""
    return {name: {f"{name}, batches of {size}": work(size) for size in sizes}}


def contest(ours: Mapping[str, Work], peers: Kinds, texts: Sequence[Any], repeats: int) -> Contest:
    """Our sides on all texts, in turn with the peer's default and the best settings of its fastest kinds.

    A side gives its outputs; or, where another process took its time, the seconds and the outputs. One whose process
    crashes is noted and left out.
    """
    outputs, crashed = dict[str, np.ndarray](), dict[str, str]()
    several = {side: work for sides in peers.values() if len(sides) > 1 for side, work in sides.items()}
    tenth = in_turn(_on(several, texts[::10], {}), 2, crashed=crashed)
    tried = {side: spread(spent)["median"] for side, spent in tenth.items()}
    in_turn(_on(ours, texts, outputs), 0)
    once = dict[str, float]()
    for sides in peers.values():
        for side in sorted(sides, key=lambda side: tried.get(side, 0.0)):
            once |= {s: t for s, (t,) in in_turn(_on({side: sides[side]}, texts, outputs), 1, 0, crashed).items()}
            if side in once:
                break
    works = {side: work for sides in peers.values() for side, work in sides.items()}
    near = {side: works[side] for side in once if side not in several or once[side] <= NEAR * min(once.values())}
    seconds = in_turn(_on({**ours, **near}, texts, outputs), repeats, warm_up=0, crashed=crashed)
    best = min(seconds.keys() & near.keys(), key=lambda side: sum(seconds[side]))
    return Contest(seconds, {side: outputs[side] for side in seconds}, best, tried, once, crashed)


def _on(
    sides: Mapping[str, Work], texts: Sequence[Any], outputs: dict[str, np.ndarray]
) -> dict[str, Callable[[], Any]]:
    return {side: partial(_seconds, work, texts, outputs, side) for side, work in sides.items()}


def _seconds(work: Work, texts: Sequence[Any], outputs: dict[str, np.ndarray], side: str) -> float | None:
    """Its own seconds of a side that took them, else None; the outputs are kept."""
    found = work(texts)
    spent, outputs[side] = found if isinstance(found, tuple) else (None, np.asarray(found, dtype=np.float32))
    return spent


def pool_of(peer: Any, texts: int) -> dict[str, Any]:
    """Arguments for a started pool of a sentence-transformers model: a process a core, of one thread.

    A process gets a tenth of its share of that many ``texts`` at a time, as by default; of a tenth of them, all.
    """
    threads = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    # Several threads each would fight for the cores.
    os.environ.update(dict.fromkeys(threads, "1"))
    processes = os.cpu_count() or 1
    pool = peer.start_multi_process_pool(["cpu"] * processes)
    for name, value in threads.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    return {"pool": pool, "chunk_size": max(1, -(-texts // (10 * processes)))}
