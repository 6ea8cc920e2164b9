"""A sweep of three jobs on two ranks, again and again: each must end, with the first one's figures and no process left.

Lightning's own launcher runs the command line again in each rank, and then sweeps hang now and then (Lightning #18175).

    python experiments/reliability/multirun.py --tries 20
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from runs import ROOT, Run, differences, results, write_inputs

RESULT = ROOT / "experiments" / "results" / "multirun.json"
#: Seconds after which a sweep is taken to hang; one takes a minute or, on slow cores, four.
PATIENCE = 900.0
JOBS = 3


class Try(NamedTuple):
    """One sweep: seconds it took, whether it hung, seconds until its last process was gone, names that differ."""

    seconds: float
    hung: bool
    gone_after: float
    differ: list[str]

    @property
    def good(self) -> bool:
        """Whether it was as it must be."""
        return not self.hung and self.gone_after <= 5 and not self.differ


def main() -> None:
    """Sweep, compare, and write down how each went, whatever comes; exit with 1 if one was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--result", type=Path, default=RESULT)
    arguments = parser.parse_args()
    tries: list[Try] = []
    try:
        with tempfile.TemporaryDirectory(prefix="augsbert-multirun-") as folder:
            write_inputs(Path(folder) / "inputs")
            wanted: dict[str, Any] = {}
            for _ in range(arguments.tries):
                tries.append(once(Path(folder), wanted))
                print(f"{len(tries)}: {tries[-1]}", flush=True)
    finally:
        arguments.result.write_text(json.dumps(_record(tries, arguments.tries), indent=1) + "\n")
    sys.exit(0 if all(one.good for one in tries) else 1)


def once(work: Path, wanted: dict[str, Any]) -> Try:
    """A sweep in a fresh store; ``wanted`` is what the first whole one gave, and is filled by it."""
    run = Run(work / "inputs", work / "sweep", devices=2, scenario="three jobs")
    hung = False
    try:
        seconds = run.finish(PATIENCE)
    except subprocess.TimeoutExpired:
        seconds, hung = PATIENCE, True
        run.end()
    except SystemExit as failed:  # which the number of finished jobs tells, too
        print(failed, flush=True)
        seconds = time.monotonic() - run.started
    gone_after, found = run.gone_after(time.monotonic()), results(run)
    jobs = sum(name.endswith("bi_encoder/test/spearman") for name in found)
    if not wanted and jobs == JOBS:
        wanted.update(found)
    differ = differences(found, wanted) if jobs == JOBS else [f"{jobs} jobs of {JOBS} are done"]
    shutil.rmtree(work / "sweep")
    return Try(round(seconds, 1), hung, gone_after, differ)


def _record(tries: list[Try], asked: int) -> dict[str, Any]:
    from augsbert.hardware import describe

    about = {"processor": describe(), "torch": version("torch"), "lightning": version("pytorch-lightning")}
    counts = {"asked": asked, "tries": len(tries), "good": sum(one.good for one in tries)}
    counts["hung"] = sum(one.hung for one in tries)
    return {**about, "ranks": 2, "jobs": JOBS, **counts, "each": [one._asdict() for one in tries]}


if __name__ == "__main__":
    main()
