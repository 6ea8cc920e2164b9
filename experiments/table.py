"""Tables over seeds, a row per encoder and setting: in-domain, domain adaptation, augmented words.

    python experiments/table.py stsb --data FOLDER            # of stsbenchmark.tsv.gz; without it, it is downloaded
    python experiments/table.py stsb_to_quora --data FOLDER   # of both archives
    python experiments/table.py sample

It can be stopped and gone on with: what is finished is found again. Figures: experiments/results/tables/NAME.*
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results" / "tables"


class Table(NamedTuple):
    """Overrides of all its runs, of each run by the name of its row, and the data sets' files by their key."""

    fixed: list[str]
    runs: dict[str, list[str]]
    files: dict[str, str]
    metric: str = "spearman"


COLUMNS = ["row", "seed", "metric", "dev", "test", "silver", "made"]
STSB = {"dataset.path": "stsbenchmark.tsv.gz"}
QUORA = {"dataset.path": "quora-IR-dataset.zip"}
TWO_LAYERS = "bi_encoder.num_layers=2"
#: Half the passes that are shipped: what samplers and selectors are compared with, in half the time.
SHORTER = ["bi_encoder.fit.epochs=2", "bi_encoder.fit.learning_rate=4e-4"]
TABLES = {
    "stsb": Table(
        ["dataset=stsb", "gold_size=1000", TWO_LAYERS],
        {
            "bm25": ["sampler=bm25"],
            "bm25, 2 epochs": ["sampler=bm25", *SHORTER],
            "semantic, 2 epochs": ["sampler=semantic", *SHORTER],
            "random, 2 epochs": ["sampler=random", *SHORTER],
            "bm25, pool=gold, 2 epochs": ["sampler=bm25", "pool=gold", "sampler.top_k=10", *SHORTER],
        },
        STSB,
    ),
    "kde": Table(
        ["dataset=stsb", "gold_size=1000", TWO_LAYERS, "sampler=random", "sampler.num_pairs=30000", *SHORTER],
        {"random": [], "random, kde": ["selector=kde"]},
        STSB,
    ),
    "stsb_to_quora": Table(
        ["scenario=domain_adaptation", "dataset@source=stsb", "dataset=quora", TWO_LAYERS],
        {"given": [], "given, binarised": ["selector=binarise"]},
        {"source.path": STSB["dataset.path"], **QUORA},
        "average_precision",
    ),
    "augmented_words": Table(
        ["scenario=fully_annotated", "dataset=stsb", TWO_LAYERS],
        {
            "synonym_wordnet": [],
            # A small masked language model, made on the train split's sentences:
            # python experiments/masked_model.py out/masked_model_stsb --stsb FOLDER/stsbenchmark.tsv.gz
            "contextual_substitute": ["augmenter=contextual_substitute", "augmenter.encoder=out/masked_model_stsb"],
        },
        STSB,
    ),
    "sample": Table(["experiment=quickstart"], {"bm25": []}, {}),
}
SHARED = {"untrained": "untrained", "baseline": "baseline", "cross_encoder": "cross-encoder"}


def main() -> None:
    """Run all cells of a table, then write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", type=Path, help="folder of the data sets' files; without it, they are downloaded")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", help="only these runs; others stay as they were recorded")
    args = parser.parse_args()
    table = TABLES[args.table]
    paths = [f"{key}={args.data / name}" for key, name in table.files.items()] if args.data else []
    figures: list[dict[str, Any]] = []
    for name in args.rows or table.runs:
        for seed in args.seeds:
            folder = args.out / args.table / f"{name.replace(', ', '_').replace('=', '-')}_seed-{seed}"
            figures += run(name, [*table.fixed, *paths, "logger=none", *table.runs[name]], seed, folder, table.metric)
    write(args.table, pd.DataFrame([*recorded(args.table), *figures]))


def run(name: str, overrides: list[str], seed: int, folder: Path, metric: str) -> list[dict[str, Any]]:
    """One run; a row for each encoder of its table."""
    command = [sys.executable, str(ROOT / "run.py"), *overrides, f"seed={seed}", f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True)
    metrics = json.loads((folder / "metrics.json").read_text())
    made = made_by(folder)
    encoders = {"bi_encoder": f"AugSBERT, {name}", **SHARED}
    return [
        {
            "row": label,
            "seed": seed,
            "metric": metric,
            "dev": metrics[f"{encoder}/dev/{metric}"],
            "test": metrics[f"{encoder}/test/{metric}"],
            "silver": metrics["silver/pairs"] if encoder == "bi_encoder" else None,
            "made": made,
        }
        for encoder, label in encoders.items()
        if f"{encoder}/test/{metric}" in metrics
    ]


def made_by(folder: Path) -> str:
    """The processors that a run's stages were made on, and the commit that asked for them."""
    stages = json.loads((folder / "stages.json").read_text())
    processors = sorted({stage["environment"]["processor"] for stage in stages})
    described = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(described, capture_output=True, text=True, check=False).stdout.strip()
    return f"{', '.join(processors)}, {commit or 'no git'}"


def recorded(name: str) -> list[dict[str, Any]]:
    """The figures of earlier calls, of which new ones replace those of their row and seed."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else []


def write(name: str, figures: pd.DataFrame) -> None:
    """All figures as JSON, mean and standard deviation over seeds as Markdown."""
    # Figures that were recorded before this column was lack it.
    figures = figures.reindex(columns=COLUMNS).drop_duplicates(["row", "seed"], keep="last")
    figures = figures.sort_values("seed", kind="stable")
    augmented = [row for row in figures["row"].unique() if row not in SHARED.values()]
    metric = figures["metric"].iloc[0].replace("_", " ")
    lines = [f"| {metric} x100 | dev | test | silver pairs | seeds | made on, with |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in [SHARED["untrained"], SHARED["baseline"], *augmented, SHARED["cross_encoder"]]:
        cells = figures[figures["row"] == row]
        if not cells.empty:
            silver = "" if cells["silver"].isna().all() else f"{cells['silver'].mean():,.0f}"
            made = "; ".join(cells["made"].fillna("not recorded").unique())
            spreads = f"{spread(cells['dev'])} | {spread(cells['test'])}"
            lines.append(f"| {row} | {spreads} | {silver} | {len(cells)} | {made} |")
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(figures.to_json(orient="records", indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def spread(values: pd.Series) -> str:
    """Mean ± standard deviation of a sample, x100; one value alone has no deviation."""
    mean = f"{100 * values.mean():.2f}"
    return f"{mean} ± {100 * values.std():.2f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
