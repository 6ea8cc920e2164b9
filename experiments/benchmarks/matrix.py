"""How fast this machine multiplies matrices now, and how near to that some work comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

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
