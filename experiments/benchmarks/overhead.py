"""What the program costs beside the work: --help, the import, a run with everything found, the way to the first step.

    python experiments/benchmarks/overhead.py           # runs the quickstart once where the store lacks it
    python experiments/benchmarks/overhead.py --short   # of tiny fits, twice; nothing is written

The first step is told by the end of a first fit of two steps, which takes about a second and is counted in. The bound
is what the encoders' classes cost to import (torch, Lightning, transformers), which a run does to check its settings by
their signatures, whether it fits anything or not; without the garbage collector, as a run imports them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from goals import GOALS
from record import write
from turns import spread

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, str(ROOT / "run.py"), "experiment=quickstart", "logger=none"]
ENCODERS = ("augsbert.encoders.cross", "augsbert.encoders.bi")


def seconds(command: list[str]) -> float:
    """Wall seconds of a command, which must end well."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def first_step(folder: Path) -> float:
    """Seconds from the start of a run in an empty store to the end of its first fit, which is tiny."""
    command = [*RUN, "debug=fast", f"store.dir={folder / 'store'}", f"hydra.run.dir={folder / 'out'}"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    found = any("cross_encoder: made" in line for line in process.stdout)
    spent = time.perf_counter() - start
    process.kill()
    process.wait()
    if not found:
        sys.exit(f"the run ended before its first fit: {' '.join(command)}")
    return spent


def measure(store: Path | None, repeats: int) -> dict[str, Any]:
    """All of it, ``repeats`` times; without a store tiny fits stand for the quickstart's."""
    with tempfile.TemporaryDirectory() as folder:
        found = [*RUN, f"store.dir={store.absolute()}"] if store else [*RUN, "debug=fast", f"store.dir={folder}/store"]
        subprocess.run([*found, f"hydra.run.dir={folder}/first"], check=True)
        commands = {
            "--help": [sys.executable, str(ROOT / "run.py"), "--help"],
            "import augsbert.cli": [sys.executable, "-c", "import augsbert.cli"],
            "import of the encoders": [sys.executable, "-c", f"import gc; gc.disable(); import {', '.join(ENCODERS)}"],
            "everything found": [*found, f"hydra.run.dir={folder}/again"],
        }
        rows = {name: spread([seconds(command) for _ in range(repeats)]) for name, command in commands.items()}
        rows["first step"] = spread([first_step(Path(tempfile.mkdtemp(dir=folder))) for _ in range(repeats)])
    return {
        "seconds": rows,
        "bound": {"everything found": rows["import of the encoders"]["median"]},
        "all_reached": all(rows[name]["most"] < goal for (_, name), goal in GOALS["overhead"].items()),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("store"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="twice; nothing is written")
    args = parser.parse_args()
    found = measure(None, 2) if args.short else measure(args.store, args.repeats)
    write("overhead", found, args.short)


if __name__ == "__main__":
    main()
