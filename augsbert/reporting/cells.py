"""The cells of a comparison: an encoder under some settings, over seeds. Runs that share an evaluation share a cell."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from augsbert.errors import UserError
from augsbert.evaluation import PRIMARY
from augsbert.reporting.runs import Run
from augsbert.reporting.settings import further_seeds, hangs_on
from augsbert.reporting.table import ENCODERS
from augsbert.run_files import METRICS

log = logging.getLogger(__name__)

Split = Literal["dev", "test"]


@dataclass
class Cell:
    """One encoder under some settings.

    Args:
        encoder: as in the keys of ``metrics.json``.
        settings: those that the encoder hangs on, of those in which the runs differ.
        further: those that are seeds beside the run's own.
        runs: one of each seed.
    """

    encoder: str
    settings: dict[str, str]
    further: Sequence[str] = ()
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The encoder's name in a table."""
        return ENCODERS.get(self.encoder, self.encoder)

    def value(self, run: Run, metric: str, split: Split = "test") -> float:
        """A metric (0..1) of a run's encoder; nan where it has none."""
        value = run.metrics.get(f"{self.encoder}/{split}/{metric}")
        return float(value) if isinstance(value, int | float) else math.nan

    def values(self, metric: str, split: Split = "test") -> np.ndarray:
        """A metric (0..1) of each seed that has it; nan, of scores that tell nothing, counts as having none."""
        found = np.array([self.value(run, metric, split) for run in self.runs.values()])
        return found[~np.isnan(found)]

    def like(self, run: Run, metric: str) -> Run | None:
        """The cell's run with the seeds of another cell's, if it has the metric."""
        own = self.runs.get(run.repetition(self.further))
        return None if own is None or math.isnan(self.value(own, metric)) else own

    @property
    def seconds(self) -> float:
        """What making it cost, all that it hangs on counted in, mean over seeds."""
        return float(np.mean([sum(s["cost"] for s in run.behind(self.encoder)) for run in self.runs.values()]))

    @property
    def environments(self) -> set[tuple[str, ...]]:
        """The versions and devices that its stages were made with."""
        behind = [made for run in self.runs.values() for made in _environments(run.behind(self.encoder))]
        return {tuple(f"{name} {made[name]}" for name in _NAMED if name in made) for made in behind}


#: What makes figures differ between machines.
_NAMED = ("augsbert", "torch", "transformers", "device", "processor")
#: The kinds of stages in which an encoder is fitted or scores pairs, on the devices of the run.
_COMPUTING = ("cross_encoder", "bi_encoder", "labels", "evaluation")


def _environments(behind: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """What these stages were made with; one that needs no device counts as made on that of the evaluation, the last."""
    device = {name: made for name, made in behind[-1]["environment"].items() if name == "device"}
    known = [stage for stage in behind if stage["environment"]]
    return [s["environment"] if s["kind"] in _COMPUTING else {**s["environment"], **device} for s in known]


def cells(runs: Sequence[Run], keys: Sequence[str]) -> list[Cell]:
    """The cells of these runs, in the order of the table's rows and then of the runs.

    Args:
        runs: which may share evaluations.
        keys: the settings in which they differ.

    Raises:
        UserError: two runs have the same settings and seed, and other stages.
    """
    found: dict[tuple[str, ...], Cell] = {}
    seeds = further_seeds(runs, keys)
    for encoder in ENCODERS:
        having = [run for run in runs if encoder in run.encoders]
        matter = hangs_on(encoder, having, keys)
        further = [key for key in matter if key in seeds]
        for run in having:
            settings = {key: run.setting(key) for key in matter if key not in seeds}
            cell = found.setdefault((encoder, *settings.values()), Cell(encoder, settings, further))
            _refuse_another(cell, run)
            cell.runs.setdefault(run.repetition(further), run)
    return list(found.values())


def _refuse_another(cell: Cell, run: Run) -> None:
    """Refuse to drop one of two runs that say the same and are not.

    Raises:
        UserError: with both folders.
    """
    other = cell.runs.get(run.repetition(cell.further), run)
    if other.encoders[cell.encoder] == run.encoders[cell.encoder]:
        return
    differ = [f"trainer={run.setting('trainer')}" for run in (other, run)]
    why = "a config file, the data or the code has changed in between"
    if len(set(differ)) > 1:
        why = f"{' and '.join(differ)} compute in another precision, which fit.precision can set for both"
    raise UserError(
        f"{other.folder} and {run.folder} have the same settings and seed, and other stages behind {cell.encoder}: "
        f"{why}. Compare them apart."
    )


def primary(runs: Sequence[Run]) -> str:
    """The metric that these runs are compared by.

    Raises:
        UserError: some are of regression and some of binary tasks, or none has a metric.
    """
    names = {name for name in PRIMARY.values() for run in runs if any(key.endswith(f"/{name}") for key in run.metrics)}
    if not names:
        raise UserError(
            f"{runs[0].folder / METRICS}: it has no metric of an encoder. Run the command of this run again."
        )
    if len(names) > 1:
        raise UserError(f"the runs have no metric in common ({', '.join(sorted(names))}). Compare them apart.")
    return names.pop()


def compared(every: Sequence[Cell], metric: str) -> Iterator[tuple[Cell, Cell, Cell | None]]:
    """Each cell of AugSBERT (or the poly-encoder) with the baseline and the cross-encoder of the same settings."""
    for cell in every:
        if cell.encoder in ("bi_encoder", "poly_encoder"):
            baseline, labeller = (_beside(cell, name, every, metric) for name in ("baseline", "cross_encoder"))
            if baseline is not None:
                yield cell, baseline, labeller
            else:
                log.warning("%s %s: there is no baseline of its settings to compare it with", cell.label, cell.settings)


def _beside(cell: Cell, encoder: str, every: Sequence[Cell], metric: str) -> Cell | None:
    """The encoder's cell that agrees with these settings as far as both have them; of several, the best on dev."""

    def agrees(other: Cell) -> bool:
        shared = [key for key in other.settings if key in cell.settings and key != "scenario"]
        return other.encoder == encoder and all(other.settings[key] == cell.settings[key] for key in shared)

    def on_dev(other: Cell) -> float:
        values = other.values(metric, "dev")
        return float(values.mean()) if len(values) else -1.0

    return max(filter(agrees, every), key=on_dev, default=None)
