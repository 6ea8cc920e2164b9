"""Short forms of the benchmarks, and one table of their ratios beside the recorded ones: ``make bench``.

    python experiments/benchmarks/short.py --data FOLDER
    python experiments/benchmarks/short.py --data FOLDER --only bm25 labelling

A short form is a hint, not a measurement: it warms up less, and small work hides what large work costs. A recorded
figure stands beside one of here if it tells of the same, a ratio to the best peer of the same peer, in the same
precision; else the note says why not. A star marks those of another processor, or of one whose instruction set the
record does not tell. OpenVINO is a peer with --openvino-python only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from record import RESULTS

HERE = Path(__file__).parent
#: Benchmark -> whether it reads the data sets. Not here: pair_scoring, which needs a run, and augment, which needs a
#: masked language model and a Python that has nlpaug.
NAMES = {
    **dict.fromkeys(("overhead", "ddp", "sweep"), False),
    **dict.fromkeys(("bm25", "labelling", "encoding", "training", "semantic", "scale"), True),
}


def main() -> None:
    """Run them one after the other, then print the table; exit with 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--openvino-python", help="for labelling and encoding, whose record has that peer")
    args = parser.parse_args()
    openvino = ["--openvino-python", args.openvino_python] if args.openvino_python else []
    found = {name: short(name, args.data, openvino if name in ("labelling", "encoding") else []) for name in args.only}
    for name, result in found.items():
        recorded = json.loads(path.read_text()) if (path := RESULTS / f"{name}.json").exists() else {}
        print("\n".join(["", *table(name, result, recorded)]))
    print("\n* of another processor, or of one whose instruction set the record does not tell")
    if not all(found.values()):
        sys.exit("failed: " + ", ".join(name for name, result in found.items() if not result))


def short(name: str, data: Path, more: list[str]) -> dict[str, Any]:
    """The result of a short form; empty if it failed, which its own lines then tell."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--short", *more]
    command += ["--data", str(data)] if NAMES[name] else []
    print(f"{name} ...", flush=True)
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return {}
    return dict(json.loads(done.stdout[done.stdout.index("\n{\n") :]))


class Made(NamedTuple):
    """What a figure hangs on; None where it is not told."""

    best_peer: str | None
    precision: str | None
    processor: str | None

    def __str__(self) -> str:
        """For a line over its figures."""
        best = self.best_peer and f"best peer {self.best_peer}"
        return "; ".join(filter(None, (best, self.precision, self.processor))) or "nothing told"


def made(result: Mapping[str, Any], figure: tuple[str, ...]) -> Made:
    """What a figure of a result hangs on: what is nearest to it there tells."""
    parts: list[Mapping[str, Any]] = [result]
    for name in figure[:-1]:
        parts.append(parts[-1].get(name, {}))
    told = {name: value for part in parts for name, value in part.items() if name in Made._fields}
    return Made(*(told.get(name) for name in Made._fields))


def figures(result: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Medians of ratios, the seconds of ``overhead``, shares of ``sweep``, ``scale``'s exponents, by their places."""
    for key, value in result.items():
        inside = (*place, key)
        if isinstance(value, Mapping) and "median" in value:
            if any("ratio" in name for name in inside) or result.keys() >= {"--help"}:
                yield inside, value["median"]
        elif place and place[-1] in ("share_of_the_sum", "exponent"):
            yield inside, value
        elif isinstance(value, Mapping):
            yield from figures(value, inside)


def table(name: str, result: Mapping[str, Any], recorded: Mapping[str, Any]) -> Iterator[str]:
    """Lines: for each part of a benchmark what its figures hang on, here and on record, then a line for each figure."""
    known, before = dict(figures(recorded)), None
    for figure, value in figures(result):
        here, there = made(result, figure), made(recorded, figure)
        if (here, there) != before:
            yield f"{name}: here, short, {here}"
            yield f"{name}: recorded, {there}" if recorded else f"{name}: no record"
            before = (here, there)
        shown, note = beside(figure, known.get(figure), here, there)
        yield f"  {' '.join(figure):<44}{value:>12.3g}{shown:>14}  {note}".rstrip()


def beside(figure: tuple[str, ...], value: float | None, here: Made, there: Made) -> tuple[str, str]:
    """What the column of the record shows beside a figure, and a note."""
    if value is None:
        return "-", "not on record"
    if "ratio_to_best" in figure and here.best_peer != there.best_peer:
        return "-", f"on record {value:.3g}, against {there.best_peer}"
    if here.precision and there.precision and here.precision != there.precision:
        return "-", f"on record {value:.3g}, in {there.precision}"
    return f"{value:.3g}" + ("" if here.processor == there.processor else "*"), ""


if __name__ == "__main__":
    main()
