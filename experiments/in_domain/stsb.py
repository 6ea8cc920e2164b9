"""The in-domain table on STSb: 1,000 gold pairs, two-layer bi-encoder, the shipped defaults, three seeds.

    python experiments/in_domain/stsb.py --data .../stsbenchmark.tsv.gz --out out/stsb

It can be stopped and gone on with: what is finished is found again. The figures go to
    experiments/results/in_domain_stsb.json and .md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "experiments" / "results" / "in_domain_stsb"

#: Row of the table -> overrides of its run.
RUNS = {
    "bm25": ["sampler=bm25"],
    "semantic": ["sampler=semantic"],
    "random": ["sampler=random"],
    "bm25, pool=gold": ["sampler=bm25", "pool=gold", "sampler.top_k=10"],
}
SHARED = {"untrained": "untrained", "baseline": "baseline (gold alone)", "cross_encoder": "cross-encoder"}


def main() -> None:
    """Run all cells, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="stsbenchmark.tsv.gz")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", choices=RUNS, nargs="+", default=list(RUNS))
    args = parser.parse_args()
    figures = [row for seed in args.seeds for name in args.runs for row in run(name, seed, args.data, args.out)]
    write(pd.DataFrame(figures))


def run(name: str, seed: int, data: Path, out: Path) -> list[dict[str, object]]:
    """One run; a row for each encoder of its table."""
    folder = out / f"{name.replace(', ', '_').replace('=', '-')}_seed-{seed}"
    fixed = ["dataset=stsb", f"dataset.path={data}", "gold_size=1000", "bi_encoder.num_layers=2", "logger=none"]
    command = [sys.executable, str(ROOT / "run.py"), *fixed, *RUNS[name], f"seed={seed}", f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = {"bi_encoder": f"AugSBERT, {name}", **SHARED}
    return [
        {
            "row": label,
            "seed": seed,
            "dev": metrics[f"{encoder}/dev/spearman"],
            "test": metrics[f"{encoder}/test/spearman"],
            "silver": metrics["silver/pairs"] if encoder == "bi_encoder" else None,
        }
        for encoder, label in rows.items()
    ]


def write(figures: pd.DataFrame) -> None:
    """All figures as JSON, mean and standard deviation over seeds as Markdown."""
    figures = figures.drop_duplicates(["row", "seed"])
    order = [SHARED["untrained"], SHARED["baseline"], *(f"AugSBERT, {name}" for name in RUNS), SHARED["cross_encoder"]]
    lines = ["| Spearman x100 | dev | test | silver pairs | seeds |", "|---|---|---|---|---|"]
    for row in order:
        cells = figures[figures["row"] == row]
        if not cells.empty:
            silver = "" if cells["silver"].isna().all() else f"{cells['silver'].mean():,.0f}"
            lines.append(f"| {row} | {spread(cells['dev'])} | {spread(cells['test'])} | {silver} | {len(cells)} |")
    RESULT.with_suffix(".json").write_text(figures.to_json(orient="records", indent=1) + "\n")
    RESULT.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def spread(values: pd.Series) -> str:
    """Mean ± standard deviation (of a sample), x100."""
    return f"{100 * values.mean():.2f} ± {100 * values.std():.2f}"


if __name__ == "__main__":
    main()
