"""What sharing stages saves: a grid of twelve, and the same twelve runs each in a store of its own.

    python experiments/benchmarks/sweep.py            # about half an hour on two cores
    python experiments/benchmarks/sweep.py --short

Three samplers x two gold sizes x two seeds on the sample: jobs of one gold size and seed share the cross-encoder, the
baseline and the labels of pairs that two samplers find; each fits a bi-encoder of its own.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from turns import write

ROOT = Path(__file__).parents[2]
GRID = {
    "sampler": ["random", "bm25", "semantic"],
    "gold_size": ["300", "600"],
    "seed": ["0", "1"],
}
FIXED = ["experiment=quickstart", "logger=none", "pool=gold"]


def seconds(folder: Path, *overrides: str) -> float:
    """Wall seconds of the program with a store in the folder."""
    places = [f"store.dir={folder / 'store'}", f"hydra.run.dir={folder / 'out'}", f"hydra.sweep.dir={folder / 'out'}"]
    start = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "run.py"), *overrides, *places], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(grid: dict[str, list[str]], fixed: list[str]) -> dict[str, Any]:
    """The grid once, its second run, and each job alone."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        swept = [*fixed, *(f"{key}={','.join(values)}" for key, values in grid.items())]
        together = seconds(work / "grid", "-m", *swept)
        again = seconds(work / "grid", "-m", *swept)
        alone = []
        for number, values in enumerate(itertools.product(*grid.values())):
            job = [f"{key}={value}" for key, value in zip(grid, values, strict=True)]
            alone.append(round(seconds(work / str(number), *fixed, *job), 1))
            print(f"{' '.join(job)}: {alone[-1]} s", flush=True)
    return {
        "grid": grid,
        "fixed": fixed,
        "seconds": {"grid": round(together, 1), "grid again": round(again, 1), "alone": alone},
        "share_of_the_sum": round(together / sum(alone), 3),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="with tiny fits; nothing is written")
    args = parser.parse_args()
    write("sweep", measure(GRID, [*FIXED, *(["debug=fast"] if args.short else [])]), args.short)


if __name__ == "__main__":
    main()
