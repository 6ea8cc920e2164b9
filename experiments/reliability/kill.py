"""Kill runs with SIGKILL at random moments: the next run must end with the results of an undisturbed one.

After each kill no process may be left within 5 seconds and no finished stage may be damaged; then the run is started
again, and its metrics and every file of every stage must be those of an undisturbed run in another store. Where the
machine has other work, --patience gives the processes more seconds.

    python experiments/reliability/kill.py --kills 20                # the whole process group
    python experiments/reliability/kill.py --kills 8 --devices 2     # in turn the group, and one rank of the two
    python experiments/reliability/kill.py --kills 8 --scenario domain_adaptation
    python experiments/reliability/kill.py --kills 10 --scenario grid    # a sweep of four jobs
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import random
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runs import ROOT, SCENARIOS, Kill, Run, damaged, differences, results, write_inputs

from augsbert.hardware import describe

RESULT = ROOT / "experiments" / "results" / "reliability.json"


@dataclass
class Measurement:
    """Kills in one store after another, each compared with the undisturbed run once it is done.

    Args:
        work: a folder for the inputs and the runs.
        devices: 1, or 2 for DDP on the CPU.
        scenario: one of ``SCENARIOS``.
    """

    work: Path
    devices: int
    scenario: str
    kills: list[Kill] = field(default_factory=list)
    unequal: dict[int, list[str]] = field(default_factory=dict)

    def undisturbed(self) -> None:
        """Make the inputs and what all others are compared with."""
        write_inputs(self.work / "inputs")
        run = self._run("undisturbed")
        self.length, self.wanted = run.finish(), results(run)

    def _run(self, name: str) -> Run:
        return Run(self.work / "inputs", self.work / name, self.devices, self.scenario)

    def trial(self, number: int, shares: list[float]) -> None:
        """Kill a run at each of these shares of a run's length, go on each time, and compare what it ends with."""
        for killed, share in enumerate(shares):
            run = self._run("trial")
            kill = run.kill(share * self.length, rank=self.devices > 1 and (len(self.kills) % 2 == 1))
            if kill is None:
                # It was done before, so a run is shorter than was thought (the machine may have other work).
                self.length = self.length if killed else min(self.length, run.finish())
                break
            self._note(kill, damaged(run.store))
        else:
            run = self._run("trial")
        run.finish()
        if differ := differences(results(run), self.wanted):
            self.unequal[number] = differ
        shutil.rmtree(self.work / "trial")

    def _note(self, kill: Kill, wrong: list[str]) -> None:
        self.kills.append(kill)
        print(f"{len(self.kills)} {kill}, unequal so far: {self.unequal}", flush=True)
        if wrong:
            raise SystemExit(f"a finished stage is damaged after the kill: {wrong}")


def measure(work: Path, kills: int, devices: int, scenario: str, seed: int, patience: float) -> dict[str, Any]:
    """Kill at moments that are spread evenly over the length of a run, in random order."""
    measurement = Measurement(work, devices, scenario)
    measurement.undisturbed()
    random.seed(seed)
    shares = [(i + random.random()) / kills for i in range(kills)]
    random.shuffle(shares)
    number = 0
    while (done := len(measurement.kills)) < kills:
        # Every third store sees its run killed twice.
        measurement.trial(number, shares[done:][: 2 if number % 3 == 2 else 1])
        number += 1
    return {
        "kills": [asdict(kill) for kill in measurement.kills],
        "seed": seed,
        "seconds_of_a_run": round(measurement.length, 1),
        "all_equal": not measurement.unequal,
        "unequal": measurement.unequal,
        "no_process_left": all(kill.gone_after <= patience for kill in measurement.kills),
        "slowest_end": max(kill.gone_after for kill in measurement.kills),
    }


def main() -> None:
    """Measure, add the result to the file, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--devices", type=int, default=1, choices=(1, 2))
    parser.add_argument("--scenario", default="in_domain", choices=SCENARIOS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=5.0, help="seconds after which no process may be left")
    parser.add_argument("--result", type=Path, default=RESULT)
    arguments = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="augsbert-kill-") as work:
        try:
            asked = (arguments.kills, arguments.devices, arguments.scenario, arguments.seed, arguments.patience)
            measured = measure(Path(work), *asked)
        except SystemExit as broken:  # a run failed, a stage was damaged, or a process stayed: it must be on record
            measured = {"broken": str(broken), "all_equal": False, "no_process_left": False}
    names = ("augsbert", "torch", "pytorch-lightning", "transformers")
    versions = {name: importlib.metadata.version(name) for name in names} | {"python": platform.python_version()}
    measured |= {"seconds": round(time.monotonic() - start), "versions": versions, "processor": describe()}
    kept = json.loads(arguments.result.read_text()) if arguments.result.exists() else {}
    kept[f"{arguments.scenario}, devices={arguments.devices}"] = measured
    arguments.result.parent.mkdir(exist_ok=True)
    arguments.result.write_text(json.dumps(kept, indent=1) + "\n")
    if not (measured["all_equal"] and measured["no_process_left"]):
        sys.exit(f"a promise was broken: see {arguments.result}")


if __name__ == "__main__":
    main()
