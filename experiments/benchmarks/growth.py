"""How something grows between two sizes, and what far more sentences would come to by that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

FAR = 100_000_000


def grows(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sampler -> how it grows between its two largest sizes, and what ``FAR`` sentences come to by that."""
    return {
        sampler: _growth(*sorted((int(size), figures) for size, figures in sizes.items())[-2:])
        for sampler, sizes in found.items()
        if len(sizes) > 1
    }


def _growth(less: tuple[int, Mapping[str, Any]], more: tuple[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Memory and disk are a start and so much a sentence; the search's exponent is 1 if linear, 2 if all with all."""
    before, after = (figures["seconds"]["search"] for _, figures in (less, more))
    power = math.log(after / before) / math.log(more[0] / less[0])
    each = {what: (more[1][what] - less[1][what]) / (more[0] - less[0]) for what in ("peak_mib", "disk_mib")}
    far = {what: more[1][what] + slope * (FAR - more[0]) for what, slope in each.items()}
    spent = more[1]["seconds"]
    seconds = {
        "embed": spent["embed"] * FAR / more[0],
        "search": _far(less[0], before, more[0], after),
        "rest": (spent["candidates"] - spent["embed"] - spent["search"]) * FAR / more[0],
    }
    return {
        "between": [less[0], more[0]],
        "exponent": {"search": round(power, 2)},
        "bytes_a_sentence": {what.removesuffix("_mib"): round(slope * 2**20) for what, slope in each.items()},
        f"guess_at_{FAR}": {
            "hours": {stage: float(f"{value / 3600:.3g}") for stage, value in seconds.items()},
            "peak_gib": float(f"{far['peak_mib'] / 1024:.3g}"),
            "disk_gib": float(f"{far['disk_mib'] / 1024:.3g}"),
        },
    }


def _far(less: int, before: float, more: int, after: float) -> float:
    """Seconds for ``FAR`` sentences, if those of n are a n + b n^2 with a and b of at least 0."""
    each_two = max(0.0, (after / more - before / less) / (more - less))
    each_two = min(each_two, after / more**2)
    return (after / more - each_two * more) * FAR + each_two * FAR**2
