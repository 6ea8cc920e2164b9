"""Choose the settings that we ship, on STSb's dev alone: two-layer bi-encoder, 1,000 gold pairs where no more is said.

    python experiments/tune.py --data .../stsbenchmark.tsv.gz --out out/tune
    python experiments/tune.py --data .../stsbenchmark.tsv.gz --out out/tune --grid out_of_domain

Each encoder has a grid of its own, the baseline the largest. Where seeds differ by more than cells do, as the
cross-encoder's, ``--seeds 0 1 2``. ``out_of_domain`` is the baseline of domain adaptation from STSb, which has all of
its pairs. Cells run one after the other over one store, so that a grid's cells share their cross-encoder and labels.
The dev metric of each cell goes to experiments/results/tuning/stsb.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "experiments" / "results" / "tuning" / "stsb.json"
LOSSES = ("cosent", "cosine_similarity")

#: Grid -> cells, each a list of overrides.
GRIDS: dict[str, list[list[str]]] = {
    # A few random candidates: this grid is about the labeller, not about what is made of its labels.
    "cross_encoder": [
        [
            *(f"cross_encoder.fit.learning_rate={rate}", f"cross_encoder.fit.epochs={epochs}"),
            *(f"cross_encoder.train_both_orders={orders}", "sampler=random", "sampler.num_pairs=200"),
            *("bi_encoder.fit.epochs=1", "compare.baseline=false", "compare.untrained=false"),
        ]
        for rate, epochs, orders in (
            *(("5e-5", 4, "true"), ("1e-4", 4, "true"), ("2e-4", 4, "true")),
            *(("1e-4", 4, "false"), ("5e-5", 8, "false"), ("1e-4", 8, "false")),
        )
    ],
    "baseline": [
        [
            "scenario=baseline",
            f"bi_encoder/loss@baseline.loss={loss}",
            f"baseline.fit.learning_rate={rate}",
            f"baseline.fit.epochs={epochs}",
        ]
        for loss, rate, epochs in (
            *itertools.product(LOSSES, ("1e-4", "2e-4", "4e-4"), (4, 8)),
            *(("cosent", "4e-4", 6), ("cosent", "6e-4", 4), ("cosent", "8e-4", 4), ("angle", "4e-4", 4)),
        )
    ],
    "bi_encoder": [
        [f"bi_encoder/loss={loss}", f"bi_encoder.fit.learning_rate={rate}", f"bi_encoder.fit.epochs={epochs}"]
        for loss in LOSSES
        for rate, epochs in (("2e-4", 2), ("4e-4", 2), ("2e-4", 4), ("4e-4", 4))
    ]
    # More pairs by the same labeller.
    + [["sampler=bm25_semantic", f"bi_encoder.fit.epochs={epochs}"] for epochs in (2, 4)],
    "out_of_domain": [
        [
            *("scenario=baseline", "gold_size=null", "compare.untrained=false"),
            f"bi_encoder/loss@baseline.loss={loss}",
            *(f"baseline.fit.learning_rate={rate}", f"baseline.fit.epochs={epochs}"),
        ]
        for loss, rate, epochs in (
            *itertools.product(LOSSES, ("1e-4", "2e-4", "4e-4"), (6,)),
            *itertools.product(("cosent",), ("1e-4", "2e-4", "4e-4"), (2, 4)),
        )
    ],
}
#: The encoder that a grid is about, where it has not the grid's name.
ENCODERS = {"out_of_domain": "baseline"}


def main() -> None:
    """Run the cells that are asked for and add their dev metrics to the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="stsbenchmark.tsv.gz")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--grid", choices=GRIDS, nargs="+", default=list(GRIDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--overrides", nargs="+", default=[], help="further settings of every cell")
    args = parser.parse_args()
    for grid in args.grid:
        for cell in GRIDS[grid]:
            for seed in args.seeds:
                chosen = [*cell, *args.overrides]
                record(grid, chosen, seed, dev_metric(grid, chosen, seed, args))


def dev_metric(grid: str, cell: list[str], seed: int, args: argparse.Namespace) -> float:
    """The dev Spearman of one run; the test metric is in its folder and is not looked at."""
    folder = args.out / "_".join([grid, *(o.replace("/", ".").replace("=", "-") for o in cell), f"seed-{seed}"])
    fixed = ["dataset=stsb", f"dataset.path={args.data}", "gold_size=1000", "bi_encoder.num_layers=2", "logger=none"]
    command = [sys.executable, str(ROOT / "run.py"), *fixed, *cell, f"seed={seed}", f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True)
    return json.loads((folder / "metrics.json").read_text())[f"{ENCODERS.get(grid, grid)}/dev/spearman"]


def record(grid: str, cell: list[str], seed: int, value: float) -> None:
    """Add one figure; a cell that was run before is replaced."""
    table = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    table.setdefault(grid, {}).setdefault(" ".join(cell), {})[str(seed)] = round(value, 4)
    RESULT.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
