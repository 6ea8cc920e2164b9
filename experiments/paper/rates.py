"""Choose, on dev alone, the rates of the cross-encoder and of the baseline for each column of the small tables.

    python experiments/paper/rates.py --data FOLDER
    python experiments/paper/rates.py --data FOLDER --columns mrpc quora

Both have three rates, STSb's among them. The dev metric of each goes to
experiments/results/tuning/paper.json; the best ones stand in paper.yaml, as ``tuned``. The reproduction finds the
models of the chosen rates again. Where rates are close, ``--seeds 0 1 2``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from reproduce import PAPER, ROOT, Sweep, fixed

from augsbert.reporting.runs import read

RESULT = ROOT / "experiments" / "results" / "tuning" / "paper.json"
SMALL = PAPER["sizes"]["small"]

#: Encoder -> overrides that make little else, and its rates.
GRIDS = {
    "cross_encoder": [
        *("sampler=random", "sampler.num_pairs=100", "bi_encoder.fit.epochs=1"),
        *("compare.baseline=false", "compare.untrained=false", "cross_encoder.fit.learning_rate=5e-5,1e-4,2e-4"),
    ],
    "baseline": ["scenario=baseline", "compare.untrained=false", "baseline.fit.learning_rate=1e-4,2e-4,4e-4"],
}


def grids(data: Path, column: str, seeds: list[int]) -> Iterator[Sweep]:
    """A column's grids, each in a folder of the encoder's name."""
    about = [override.format(data=data) for override in PAPER["columns"][column]["overrides"]]
    for encoder, cells in GRIDS.items():
        yield Sweep(f"{column}/{encoder}", [*fixed("small", seeds), *about, *SMALL["in_domain"], *cells])


def dev(folder: Path, encoder: str, metric: str) -> dict[str, dict[str, float]]:
    """Rate -> seed -> dev metric of the runs in a folder."""
    table: dict[str, dict[str, float]] = {}
    for run in sorted(read([folder]), key=lambda run: run.seed):
        rate = run.setting(f"{encoder}.fit.learning_rate")
        table.setdefault(rate, {})[run.seed] = round(run.metrics[f"{encoder}/dev/{metric}"], 4)
    return table


def main() -> None:
    """Run the grids that are asked for and put their dev metrics into the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("out/paper/tuning"), help="folder of the runs")
    parser.add_argument("--columns", nargs="+", choices=SMALL["columns"], default=SMALL["columns"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    args = parser.parse_args()
    for column in args.columns:
        figures = {}
        for sweep in grids(args.data, column, args.seeds):
            folder = args.out / sweep.folder
            command = [sys.executable, str(ROOT / "run.py"), "-m", *sweep.overrides, f"hydra.sweep.dir={folder}"]
            subprocess.run(command, check=True)
            figures[folder.name] = dev(folder, folder.name, PAPER["columns"][column]["metric"])
        table = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        RESULT.write_text(json.dumps({**table, column: figures}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
