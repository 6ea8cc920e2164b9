"""The in-domain tables over seeds: the shipped defaults on STSb, and the quickstart on the sample.

    python experiments/in_domain/table.py stsb --data .../stsbenchmark.tsv.gz
    python experiments/in_domain/table.py sample

It can be stopped and gone on with: what is finished is found again. Figures: experiments/results/in_domain_NAME.*
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"

#: Table -> overrides of all its runs, and of each run by the name of its row.
TABLES: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "stsb": (
        ["dataset=stsb", "gold_size=1000", "bi_encoder.num_layers=2"],
        {
            "bm25": ["sampler=bm25"],
            "semantic": ["sampler=semantic"],
            "random": ["sampler=random"],
            "bm25, pool=gold": ["sampler=bm25", "pool=gold", "sampler.top_k=10"],
        },
    ),
    "sample": (["experiment=quickstart"], {"bm25": []}),
}
SHARED = {"untrained": "untrained", "baseline": "baseline (gold alone)", "cross_encoder": "cross-encoder"}


def main() -> None:
    """Run all cells of a table, then write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", type=Path, help="the data set's file; without it, it is downloaded")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", help="only these runs")
    args = parser.parse_args()
    fixed, runs = TABLES[args.table]
    fixed = [*fixed, "logger=none", *([f"dataset.path={args.data}"] if args.data else [])]
    figures: list[dict[str, Any]] = []
    for name in args.rows or runs:
        for seed in args.seeds:
            folder = args.out / args.table / f"{name.replace(', ', '_').replace('=', '-')}_seed-{seed}"
            figures += run(name, [*fixed, *runs[name]], seed, folder)
    write(args.table, pd.DataFrame(figures), list(runs))


def run(name: str, overrides: list[str], seed: int, folder: Path) -> list[dict[str, Any]]:
    """One run; a row for each encoder of its table."""
    command = [sys.executable, str(ROOT / "run.py"), *overrides, f"seed={seed}", f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    return [
        {
            "row": label,
            "seed": seed,
            "dev": metrics[f"{encoder}/dev/spearman"],
            "test": metrics[f"{encoder}/test/spearman"],
            "silver": metrics["silver/pairs"] if encoder == "bi_encoder" else None,
        }
        for encoder, label in {"bi_encoder": f"AugSBERT, {name}", **SHARED}.items()
    ]


def write(table: str, figures: pd.DataFrame, runs: list[str]) -> None:
    """All figures as JSON, mean and standard deviation over seeds as Markdown."""
    figures = figures.drop_duplicates(["row", "seed"])
    order = [SHARED["untrained"], SHARED["baseline"], *(f"AugSBERT, {run}" for run in runs), SHARED["cross_encoder"]]
    lines = ["| Spearman x100 | dev | test | silver pairs | seeds |", "|---|---|---|---|---|"]
    for row in order:
        cells = figures[figures["row"] == row]
        if not cells.empty:
            silver = "" if cells["silver"].isna().all() else f"{cells['silver'].mean():,.0f}"
            lines.append(f"| {row} | {spread(cells['dev'])} | {spread(cells['test'])} | {silver} | {len(cells)} |")
    (RESULTS / f"in_domain_{table}.json").write_text(figures.to_json(orient="records", indent=1) + "\n")
    (RESULTS / f"in_domain_{table}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def spread(values: pd.Series) -> str:
    """Mean ± standard deviation of a sample, x100."""
    return f"{100 * values.mean():.2f} ± {100 * values.std():.2f}"


if __name__ == "__main__":
    main()
