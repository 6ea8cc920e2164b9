"""The cells of a comparison: an encoder under some settings, over seeds. Runs that share an evaluation share a cell."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from augsbert.errors import UserError
from augsbert.evaluation import PRIMARY
from augsbert.reporting.runs import Run
from augsbert.reporting.table import ENCODERS

log = logging.getLogger(__name__)

Split = Literal["dev", "test"]


@dataclass
class Cell:
    """One encoder under some settings.

    Args:
        encoder: as in the keys of ``metrics.json``.
        settings: those that the encoder hangs on, of those in which the runs differ.
        runs: one of each seed.
    """

    encoder: str
    settings: dict[str, str]
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The encoder's name in a table."""
        return ENCODERS.get(self.encoder, self.encoder)

    def values(self, metric: str, split: Split = "test") -> np.ndarray:
        """A metric (0..1) of each seed that has it; nan, of scores that tell nothing, counts as having none."""
        found = [run.metrics.get(f"{self.encoder}/{split}/{metric}") for run in self.runs.values()]
        return np.array([value for value in found if value is not None and value == value], dtype=float)

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
    for encoder in ENCODERS:
        having = [run for run in runs if encoder in run.encoders]
        matter = _hangs_on(encoder, having, keys)
        for run in having:
            settings = {key: run.setting(key) for key in matter}
            cell = found.setdefault((encoder, *settings.values()), Cell(encoder, settings))
            _refuse_another(cell, run)
            cell.runs.setdefault(run.seed, run)
    return list(found.values())


def _refuse_another(cell: Cell, run: Run) -> None:
    """Refuse to drop one of two runs that say the same and are not.

    Raises:
        UserError: with both folders.
    """
    other = cell.runs.get(run.seed, run)
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


def _hangs_on(encoder: str, runs: Sequence[Run], keys: Sequence[str]) -> list[str]:
    """The settings that tell an encoder's evaluations apart, paths left out first: they come with their data set.

    A setting of which nothing shows that the encoder does not hang on it stays.
    """
    matter = [key for key in keys if any(_is_read(key, encoder, run) for run in runs)]
    for key in sorted(matter, key=lambda key: not key.endswith("path")):
        others = [other for other in matter if other != key]
        if _tell_apart(encoder, runs, others) and (key.endswith("path") or _is_shared(encoder, runs, key)):
            matter = others
    return matter


#: Settings -> the kind of stage that reads them.
_READ_BY = {
    **{"pool": "pool", "sampler": "candidates", "augmenter": "augmented", "cross_encoder": "labels"},
    **dict.fromkeys(("selector", "train_on", "relabel_gold", "rounds"), "silver"),
}
_FIT_OF_BI_ENCODER = re.compile(r"bi_encoder[./](?:fit|loss)(?:\.(\w+))?")
#: Settings of the bi-encoder's fit that conf/config.yaml gives the baseline, too; the poly-encoder has others of them.
_FOLLOWED = ("precision", "seed_optimization")


def _is_read(key: str, encoder: str, run: Run) -> bool:
    """Whether an encoder of the run can hang on a setting: not where what reads it stands nowhere behind it."""
    behind = run.behind(encoder)
    # A part that is mounted elsewhere, such as bi_encoder/loss@baseline.loss, is read there.
    key = key.rpartition("@")[2]
    if match := _FIT_OF_BI_ENCODER.match(key):
        fitted = encoder == "poly_encoder" or any(stage["name"].startswith("bi_encoder") for stage in behind)
        return fitted or match[1] in _FOLLOWED
    group = key.partition(".")[0]
    return group == encoder or group not in _READ_BY or any(stage["kind"] == _READ_BY[group] for stage in behind)


def _tell_apart(encoder: str, runs: Sequence[Run], keys: Sequence[str]) -> bool:
    """Whether runs of one seed that agree in these settings share the encoder's evaluation."""
    found: dict[tuple[str, ...], str] = {}
    evaluations = [((run.seed, *map(run.setting, keys)), run.encoders[encoder]) for run in runs]
    return all(found.setdefault(settings, evaluation) == evaluation for settings, evaluation in evaluations)


def _is_shared(encoder: str, runs: Sequence[Run], key: str) -> bool:
    """Whether runs that differ in this setting share the encoder's evaluation."""
    values: dict[str, set[str]] = {}
    for run in runs:
        values.setdefault(run.encoders[encoder], set()).add(run.setting(key))
    return any(len(found) > 1 for found in values.values())


def primary(runs: Sequence[Run]) -> str:
    """The metric that these runs are compared by.

    Raises:
        UserError: some are of regression and some of binary tasks.
    """
    names = {name for name in PRIMARY.values() for run in runs if any(key.endswith(f"/{name}") for key in run.metrics)}
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
