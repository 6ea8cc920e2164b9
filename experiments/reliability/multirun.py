"""A sweep of three jobs on two ranks, again and again: each must end, with the first one's figures and no process left.

Lightning's own launcher runs the command line again in each rank, and then sweeps hang now and then (Lightning #18175).

    python experiments/reliability/multirun.py --tries 20
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from runs import ROOT, Run, differences, results, write_inputs

RESULT = ROOT / "experiments" / "results" / "multirun.json"
#: Seconds after which a sweep is taken to hang; one takes about a minute.
PATIENCE = 900.0


def main() -> None:
    """Sweep, compare, and write down how long each took; exit with 1 if one hung or differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20)
    arguments = parser.parse_args()
    seconds: list[float] = []
    wanted: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="augsbert-multirun-") as folder:
        work = Path(folder)
        write_inputs(work / "inputs")
        for number in range(arguments.tries):
            run = Run(work / "inputs", work / str(number % 2), devices=2, scenario="three jobs")
            seconds.append(round(run.finish(PATIENCE), 1))
            left = run.gone_after(time.monotonic())
            found = results(run)
            wanted = wanted or found
            if (differ := differences(found, wanted)) or left > 5:
                sys.exit(f"try {number}: differs in {differ}, last process gone after {left} s")
            print(f"{number + 1}: {seconds[-1]} s, last process gone after {left} s", flush=True)
            shutil.rmtree(work / str(number % 2))
    RESULT.write_text(json.dumps({"tries": len(seconds), "hung": 0, "seconds": seconds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
