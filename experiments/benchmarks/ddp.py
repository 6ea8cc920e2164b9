"""Two processes of one thread each, by gloo, against one process of two threads: the same fits, the same global batch.

    python experiments/benchmarks/ddp.py            # the sample; fits of half a minute or less, in turn
    python experiments/benchmarks/ddp.py --short    # tiny fits, twice; nothing is written

The seconds are those of the stages ``cross_encoder`` (six layers) and ``baseline`` (two) as a run reports them, and of
the run from its command to its end. The two ranks' processes are started once in a run: that falls on the first fit,
the cross-encoder's, and on the run, which is what a user of ``trainer=ddp`` waits for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from record import write
from turns import in_turn, ratios, spread

from augsbert.hardware import Hardware

ROOT = Path(__file__).parents[2]
STAGES = ("cross_encoder", "baseline")
SIDES = {"one process": ["trainer=cpu"], "two ranks": ["trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]}
#: One epoch of each fit, and as little as possible of all that is not measured.
FIXED = [
    *("experiment=quickstart", "logger=none", "sampler=random", "sampler.num_pairs=50", "compare.untrained=false"),
    *("cross_encoder.fit.epochs=1", "baseline.fit.epochs=1", "bi_encoder.fit.epochs=1"),
]


def main() -> None:
    """Measure both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    fixed, repeats = ([*FIXED, "gold_size=200"], 2) if args.short else (FIXED, args.repeats)
    write("ddp", measure(fixed, repeats), args.short)


def measure(fixed: list[str], repeats: int) -> dict[str, Any]:
    """Seconds of each stage on both sides; a ratio above 1 says that two ranks are faster."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}

    def run(side: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            places = [f"store.dir={folder}/store", f"hydra.run.dir={folder}/out"]
            command = [sys.executable, str(ROOT / "run.py"), *fixed, *SIDES[side], *places]
            threads = {"OMP_NUM_THREADS": "1" if side == "two ranks" else "2"}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **threads})
            found[side].append(json.loads((Path(folder) / "out" / "metrics.json").read_text()))

    whole = in_turn({side: partial(run, side) for side in SIDES}, repeats, warm_up=0)
    parts = {
        stage: {side: [metrics[f"time/{stage}"] for metrics in runs] for side, runs in found.items()}
        for stage in STAGES
    }
    result = {}
    for stage, seconds in (parts | {"run": whole}).items():
        result[stage] = {
            "seconds": {side: spread(spent) for side, spent in seconds.items()},
            "ratio_to_one_process": ratios(seconds, "two ranks", "one process"),
        }
    return {"fixed": fixed, "precision": Hardware().precision("auto"), **result}


if __name__ == "__main__":
    main()
