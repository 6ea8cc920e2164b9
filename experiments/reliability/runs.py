"""A run of the program that can be killed, and what it leaves: tiny model, tiny pairs, 10 to 20 seconds."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augsbert.store import files

ROOT = Path(__file__).parents[2]
#: Scenario -> what a run of it is told; the grid is a sweep of four jobs that share stages.
SCENARIOS = {
    "in_domain": ["scenario=in_domain", "sampler.top_k=10"],
    "grid": ["-m", "sampler.top_k=3,10", "seed=0,1"],
    "three jobs": ["-m", "sampler.top_k=2,3,4"],
    "fully_annotated": ["scenario=fully_annotated", "augmenter=character", "augmenter.copies=4"],
    "domain_adaptation": [
        "scenario=domain_adaptation",
        *("dataset@source=table", "sampler=bm25", "sampler.top_k=10", "selector=binarise", "selector.method=quantile"),
        *(f"source.{split}={{inputs}}/{split}.csv" for split in ("train", "dev", "test")),
    ],
}
#: In the environment of a run and so of all its processes, in whatever session they are.
MARK = "AUGSBERT_KILL_RUN"


@dataclass
class Kill:
    """One kill: seconds into the run, what was under way, what was killed, seconds until all processes were gone."""

    moment: float
    stage: str
    killed: str
    gone_after: float


class Run:
    """The program with a tiny model on tiny pairs, as a process group of its own.

    Args:
        inputs: folder with ``model`` and the tables.
        folder: of this run's store, output and log; kept from one start to the next.
        devices: 1, or 2 for DDP on the CPU.
        scenario: one of ``SCENARIOS``.
    """

    def __init__(self, inputs: Path, folder: Path, devices: int, scenario: str = "in_domain") -> None:
        self.store, self.out, self.log = folder / "store", folder / "out", folder / "log.txt"
        self.mark = uuid.uuid4().hex
        folder.mkdir(exist_ok=True)
        overrides = [
            *(override.format(inputs=inputs) for override in SCENARIOS[scenario]),
            *("dataset=table", f"model={inputs / 'model'}", "logger=none"),
            *(f"dataset.{split}={inputs / split}.csv" for split in ("train", "dev", "test")),
            *("compare.baseline=false", "compare.untrained=false"),
            *("trainer=ddp", "trainer.accelerator=cpu", f"trainer.devices={devices}"),
            *(f"store.dir={self.store}", f"hydra.run.dir={self.out}", f"hydra.sweep.dir={self.out}"),
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", MARK: self.mark}
        with self.log.open("w") as log:
            command = [sys.executable, str(ROOT / "run.py"), *overrides]
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.started = time.monotonic()

    def finish(self, patience: float | None = None) -> float:
        """Wait for its end, which must be a good one, for so many seconds at most; seconds since the start."""
        if self.process.wait(patience):
            raise SystemExit(f"the run failed:\n{self.log.read_text()}")
        return time.monotonic() - self.started

    def kill(self, moment: float, rank: bool) -> Kill | None:
        """Kill the whole group, or one rank, so many seconds after the start; None if the run was done before."""
        while time.monotonic() < self.started + moment or (rank and not self._ranks()):
            if self.process.poll() is not None:
                return None
            time.sleep(0.05)
        stage, now = self._under_way(), time.monotonic()
        if rank:
            which, pid = random.choice(sorted(self._ranks().items()))
            os.kill(pid, signal.SIGKILL)
        else:
            os.killpg(self.process.pid, signal.SIGKILL)
        gone_after = self.gone_after(now)
        return Kill(round(now - self.started, 2), stage, f"rank {which}" if rank else "group", gone_after)

    def end(self) -> None:
        """Kill all of its processes, in whatever session they are."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def gone_after(self, killed: float) -> float:
        """Wait until no process of the run is left; seconds since it was killed."""
        while self.process.poll() is None or self._processes():
            if time.monotonic() - killed > 60:
                left = self._processes()
                self.end()
                raise SystemExit(f"still there 60 s after the kill: {left}\n{self.log.read_text()}")
            time.sleep(0.02)
        return round(time.monotonic() - killed, 2)

    def _under_way(self) -> str:
        made = re.findall(r"\] (\S+?)( \.\.\.|: made in .*)$", self.log.read_text(), flags=re.MULTILINE)
        if not made:
            return "before the first stage"
        return made[-1][0] if made[-1][1] == " ..." else f"after {made[-1][0]}"

    def _processes(self) -> dict[int, dict[str, str]]:
        """Process id -> environment of all that carry the mark; a zombie has no environment."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                pairs = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if f"{MARK}={self.mark}" in pairs:
                found[int(folder.name)] = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return found

    def _ranks(self) -> dict[int, int]:
        """Rank -> process id of the workers that are there now."""
        return {int(env["RANK"]): pid for pid, env in self._processes().items() if "RANK" in env}


#: Figures of what a run did, not of what came out.
_OF_A_RUN = ("time/", "found/")


def results(run: Run) -> dict[str, Any]:
    """What must be equal: the metrics, and the hash of every file of every stage, by name."""
    kept: dict[str, Any] = {}
    for path in run.out.rglob("metrics.json"):
        metrics = json.loads(path.read_text())
        kept |= {f"{path.parent.name}/{name}": metrics[name] for name in metrics if not name.startswith(_OF_A_RUN)}
    for path in _finished(run.store):
        stage = f"{path.parents[1].name}/{path.parent.name[:8]}"
        kept |= {f"{stage}/{name}": digest for name, digest in files.read_manifest(path.parent)["files"].items()}
    return kept


def differences(these: dict[str, Any], those: dict[str, Any]) -> list[str]:
    """Names whose values differ, or that only one of them has."""
    return sorted(name for name in these.keys() | those.keys() if these.get(name) != those.get(name))


def damaged(store: Path) -> list[str]:
    """What is wrong with the finished stages, which a kill must not touch."""
    return [damage for path in _finished(store) if (damage := files.damage(path.parent))]


def _finished(store: Path) -> list[Path]:
    return [path for path in store.glob(f"*/*/{files.MANIFEST}") if path.parent.suffix != ".partial"]


def write_inputs(folder: Path) -> None:
    """A tiny model and 500 training pairs: a run of 10 to 20 seconds."""
    sys.path.insert(0, str(ROOT / "tests"))
    from tiny import write_model, write_table  # type: ignore[import-not-found]

    folder.mkdir()
    write_model(folder / "model")
    write_table(folder, train=500, dev=100, test=100)
