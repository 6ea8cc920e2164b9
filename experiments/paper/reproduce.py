"""Run the paper's tables cell by cell, and write what came out beside what the paper has: experiments/results/paper.md.

    python experiments/paper/reproduce.py small --data FOLDER                  # two cores, hours
    python experiments/paper/reproduce.py full --data FOLDER                   # bert-base-uncased, on a GPU
    python experiments/paper/reproduce.py small --data FOLDER --columns mrpc   # some of it
    python experiments/paper/reproduce.py small --data FOLDER --plan           # what it would make
    python experiments/paper/reproduce.py small --data FOLDER --report-only    # of the runs that are there

It can be stopped and gone on with: what is finished is found again, and the page is written after each cell. A data
set that is not in FOLDER is left out. Runs with --overrides have a folder and a page of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from report import RESULTS, write

ROOT = Path(__file__).parents[2]


def paper() -> dict[str, Any]:
    """``paper.yaml``, with a figure for each two domains of its ``adaptation``."""
    read: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("paper.yaml").read_text())
    adaptation = read.pop("adaptation")
    for (source, left), (target, right) in itertools.permutations(adaptation.pop("domains").items(), 2):
        overrides = [*_placed(left, "dataset@source", "source"), *_placed(right, "dataset", "dataset")]
        read["figures"][f"{source}_to_{target}"] = {
            **adaptation,
            "title": f"{left['title']} to {right['title']}",
            "overrides": [*adaptation["overrides"], *overrides],
        }
    return read


def _placed(domain: dict[str, Any], group: str, node: str) -> list[str]:
    """A domain's overrides as those of a source or of a target."""
    return [override.replace("GROUP", group).replace("NODE", node) for override in domain["overrides"]]


PAPER = paper()


class Sweep(NamedTuple):
    """One cell of a table, or a figure, over seeds: its folder below the size's, and its overrides."""

    folder: str
    overrides: list[str]


def sweeps(size: str, places: dict[str, str], columns: list[str] | None = None) -> Iterator[Sweep]:
    """All that a size runs, rows of one column after each other, as they share stages.

    Args:
        size: of ``PAPER["sizes"]``.
        places: what stands for ``{data}`` and ``{masked_model}``.
        columns: only these columns and figures.
    """
    settings = PAPER["sizes"][size]
    places = {**{name: _listed(value) for name, value in settings.items()}, **places}
    for column in settings["columns"]:
        about = PAPER["columns"][column]
        own = {**places, **({"masked_model": about["masked_model"]} if "masked_model" in about else {})}
        for row, cell in PAPER["rows"].items():
            if "overrides" in cell and (columns is None or column in columns):
                tuned = settings.get("tuned", {}).get(column, [])
                overrides = [*about["overrides"], *settings["in_domain"], *tuned, *cell["overrides"]]
                yield Sweep(f"{column}/{row}", [*fixed(size), *(o.format(**own) for o in overrides)])
    for name, figure in figures(size).items():
        if columns is None or name in columns:
            yield Sweep(name, [*fixed(size), *(override.format(**places) for override in figure["overrides"])])


def fixed(size: str, seeds: Sequence[int] | None = None) -> list[str]:
    """What all runs of a size have in common, by its own seeds or by these."""
    settings = PAPER["sizes"][size]
    return [*settings["overrides"], f"seed={_listed(seeds or settings['seeds'])}", "logger=none"]


def _listed(value: Any) -> str:
    """A setting's value as an override has it."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "null" if value is None else str(value)


def figures(size: str) -> dict[str, Any]:
    """The figures that a size has."""
    return {name: figure for name, figure in PAPER["figures"].items() if size in figure.get("sizes", [size])}


def absent(sweep: Sweep, data: Path) -> str | None:
    """The first of a sweep's data files that is not there."""
    named = [override.partition("=")[2] for override in sweep.overrides]
    return next((path for path in named if path.startswith(f"{data}/") and not Path(path).exists()), None)


def refuse_lacking(size: str, columns: Sequence[str]) -> None:
    """End where a size lacks one of the columns and figures that are asked for."""
    has = [*PAPER["sizes"][size]["columns"], *figures(size)]
    if lacking := [column for column in columns if column not in has]:
        sys.exit(f"{size} has no {', '.join(lacking)}: it has {', '.join(has)}")


def main() -> None:
    """Run what is asked for, then report on all that is there."""
    args = _parser().parse_args()
    out, page, failed = args.out / args.size, RESULTS / PAPER["sizes"][args.size]["page"], []
    if args.overrides:
        tried = hashlib.sha256(" ".join(sorted(args.overrides)).encode()).hexdigest()[:8]
        out = out.with_name(f"{args.size}_tried_{tried}")
        page = out / "paper.md"
    refuse_lacking(args.size, args.columns or [])
    for sweep in sweeps(args.size, {"data": str(args.data), "masked_model": args.masked_model}, args.columns):
        if args.report_only:
            break
        if path := absent(sweep, args.data):
            print(f"{sweep.folder}: left out, {path} is not there")
            continue
        command = [sys.executable, str(ROOT / "run.py"), "-m", *sweep.overrides]
        command += [f"hydra.sweep.dir={out / sweep.folder}", f"plan={str(args.plan).lower()}", *args.overrides]
        print(f"{sweep.folder} ...", flush=True)
        # A job that fails has said why; the other cells are run all the same.
        failed += [sweep.folder] if subprocess.run(command, check=False).returncode else []
        if not args.plan:
            write(PAPER, args.size, out, page, args.overrides)
    if args.report_only:
        write(PAPER, args.size, out, page, args.overrides)
    if failed:
        sys.exit(f"failed, in part or whole: {', '.join(map(str, failed))}")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("size", choices=PAPER["sizes"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("out/paper"), help="folder of the runs")
    parser.add_argument(
        "--masked-model", default="out/masked_model", help="folder or hub id (masked_model.py makes one)"
    )
    parser.add_argument("--columns", nargs="+", choices=[*PAPER["columns"], *PAPER["figures"]], help="only these")
    parser.add_argument("--plan", action="store_true", help="show what would be made")
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    parser.add_argument("--overrides", nargs="+", default=[], help="further settings of every run")
    return parser


if __name__ == "__main__":
    main()
