"""Short forms of the benchmarks, and one table of their ratios beside the recorded ones: ``make bench``.

    python experiments/benchmarks/short.py --data FOLDER
    python experiments/benchmarks/short.py --data FOLDER --only bm25 labelling

A short form is a hint, not a measurement: it warms up less, and small work hides what large work costs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turns import RESULTS

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
    print(f"\n{'benchmark':<12}{'figure':<44}{'here, short':>12}{'recorded':>12}")
    for name, result in found.items():
        recorded = json.loads(path.read_text()) if (path := RESULTS / f"{name}.json").exists() else {}
        kept = dict(figures(recorded))
        for figure, value in figures(result):
            print(f"{name:<12}{figure:<44}{value:>12.3g}{kept.get(figure, float('nan')):>12.3g}")
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


def figures(result: dict[str, Any], name: str = "") -> Iterator[tuple[str, float]]:
    """Medians of all ratios, the seconds of ``overhead``, the share of ``sweep`` and ``scale``'s exponents, by name."""
    for key, value in result.items():
        inside = f"{name} {key}".strip()
        if isinstance(value, dict) and "median" in value:
            if "ratio" in inside or result.keys() >= {"--help"}:
                yield inside, value["median"]
        elif name.endswith(("share_of_the_sum", "exponent")):
            yield inside, value
        elif isinstance(value, dict):
            yield from figures(value, inside)


if __name__ == "__main__":
    main()
