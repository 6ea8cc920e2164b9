"""What sharing stages saves: a grid of twelve, and the same twelve runs each in a store of its own.

    python experiments/benchmarks/sweep.py            # most of an hour on two cores without bf16
    python experiments/benchmarks/sweep.py --short

Three samplers x two gold sizes x two seeds on the sample: jobs of one gold size and seed share the cross-encoder, the
baseline and the labels of pairs that two samplers find; each fits a bi-encoder of its own. So what a grid saves hangs
on how large its bi-encoders' part is: 10,000 random pairs instead of some neighbours take three times all that is
shared. The grid's jobs run one after the other, as -m alone has them, and two at a time by joblib, a core each.
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

from record import write

from augsbert.hardware import Hardware

ROOT = Path(__file__).parents[2]
GRID = {
    "sampler": ["bm25", "semantic", "bm25_semantic"],
    "gold_size": ["150", "300"],
    "seed": ["0", "1"],
}
SHORT_GRID = {"sampler": ["random", "bm25"], "gold_size": ["300"], "seed": ["0", "1"]}
FIXED = ["experiment=quickstart", "logger=none", "pool=gold"]
LAUNCHERS = {
    "basic": [],
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
}


def seconds(folder: Path, *overrides: str) -> float:
    """Wall seconds of the program with a store in the folder."""
    places = [f"store.dir={folder / 'store'}", f"hydra.run.dir={folder / 'out'}", f"hydra.sweep.dir={folder / 'out'}"]
    start = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "run.py"), *overrides, *places], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(grid: dict[str, list[str]], fixed: list[str], launchers: list[str]) -> dict[str, Any]:
    """The grid by each launcher, its second run under the first of them, and each job alone."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        swept = ["-m", *fixed, *(f"{key}={','.join(values)}" for key, values in grid.items())]
        together = {name: seconds(work / name, *swept, *LAUNCHERS[name]) for name in launchers}
        again = seconds(work / launchers[0], *swept, *LAUNCHERS[launchers[0]])
        alone = []
        for number, values in enumerate(itertools.product(*grid.values())):
            job = [f"{key}={value}" for key, value in zip(grid, values, strict=True)]
            alone.append(round(seconds(work / str(number), *fixed, *job), 1))
            print(f"{' '.join(job)}: {alone[-1]} s", flush=True)
    return {
        "grid": grid,
        "fixed": fixed,
        "precision": Hardware().precision("auto"),
        "seconds": {**{name: round(spent, 1) for name, spent in together.items()}, "again": round(again, 1)},
        "seconds_alone": alone,
        "share_of_the_sum": {name: round(spent / sum(alone), 3) for name, spent in together.items()},
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a grid of four with tiny fits; nothing is written")
    parser.add_argument(
        "--launchers", nargs="+", choices=LAUNCHERS, default=list(LAUNCHERS), help="the record is written with basic"
    )
    args = parser.parse_args()
    grid, fixed = (SHORT_GRID, [*FIXED, "debug=fast"]) if args.short else (GRID, FIXED)
    found = measure(grid, fixed, args.launchers)
    write("sweep", found, args.short or "basic" not in args.launchers)


if __name__ == "__main__":
    main()
