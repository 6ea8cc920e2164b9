"""Runs read back from the files that they left, and the jobs that left none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from augsbert.errors import UserError
from augsbert.run_files import HISTOGRAM, METRICS, PREDICTIONS, SETTINGS, STAGES, STATUS

#: ``${seed}`` in an override of a sweep, as Hydra escapes it for the jobs; a single run's overrides have its value.
_OF_THE_SEED = r"$\{seed\}"


@dataclass(frozen=True)
class Run:
    """A run's folder."""

    folder: Path

    @cached_property
    def metrics(self) -> dict[str, float]:
        """As in ``metrics.json``."""
        return _json(self.folder / METRICS, dict)

    @cached_property
    def stages(self) -> list[dict[str, Any]]:
        """As in ``stages.json``, by which two runs know that they share a stage."""
        return _json(self.folder / STAGES, list, ("name", "kind", "key", "inputs", "cost", "environment"))

    @property
    def adapted(self) -> bool:
        """Whether dev is held-out silver, as in domain adaptation, and so says how far the labeller is followed."""
        return any(stage["kind"] == "evaluation" and "silver" in stage["inputs"] for stage in self.stages)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """A row per dev and test pair, a column per encoder.

        Raises:
            UserError: the file is not there, or damaged.
        """
        path = self.folder / PREDICTIONS
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
            said = str(error).splitlines()[0] if path.exists() else "it is not there"
            raise UserError(f"{path}: it cannot be read ({said}). Run the command of this run again.") from error

    @cached_property
    def histogram(self) -> pd.DataFrame | None:
        """Counts of silver's and gold's scores in bins of 0..1; None of a run without silver."""
        path = self.folder / HISTOGRAM
        return pd.DataFrame(_json(path, list, ("low", "silver", "gold"))) if path.exists() else None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """As in ``settings.json``: ``overrides``, ``choices`` of parts, and the resolved ``config``."""
        return _json(self.folder / SETTINGS, dict, ("overrides", "choices", "config"))

    @cached_property
    def overrides(self) -> dict[str, str]:
        """What its command line said, by key."""
        split = [override.lstrip("+").partition("=") for override in self.settings["overrides"]]
        return {key: value for key, equals, value in split if equals}

    def setting(self, key: str) -> str:
        """A setting's value in one spelling, or the part that was chosen for a group; empty where the run has none.

        Of one that comes with the seed, as ``dataset.train=fold_${seed}.csv``, it is what was given: runs of several
        seeds do not differ in it.
        """
        if key in self.settings["choices"]:
            return str(self.settings["choices"][key])
        given = self.overrides.get(key, "")
        if _OF_THE_SEED in given and not key.endswith(".seed"):
            return given.replace("\\", "")
        node: Any = self.settings["config"]
        for name in key.split("."):
            if not isinstance(node, Mapping) or name not in node:
                return spelt(given)
            node = node[name]
        return spelt(node)

    @property
    def seed(self) -> str:
        """Of the run."""
        return self.setting("seed")

    def repetition(self, further: Iterable[str]) -> str:
        """Its seed, and behind strokes those that its parts have of their own; ``-`` for a part that has none."""
        return "/".join([self.seed, *(self.setting(key) or "-" for key in further)])

    @cached_property
    def encoders(self) -> dict[str, str]:
        """Encoder -> key of its evaluation, the same in all runs that share it."""
        evaluated = [s for s in self.stages if s["kind"] == "evaluation"]
        return {stage["name"].partition("/")[2]: stage["key"] for stage in evaluated}

    def behind(self, encoder: str) -> list[dict[str, Any]]:
        """The stages that an encoder's figures hang on, its evaluation last."""
        # The first of several roles of one stage, as AugSBERT's come first.
        by_key = {stage["key"]: stage for stage in reversed(self.stages)}
        needed: dict[str, dict[str, Any]] = {}

        def walk(key: str) -> None:
            for upstream in by_key[key]["inputs"].values():
                walk(upstream)
            needed.setdefault(key, by_key[key])

        walk(self.encoders[encoder])
        return list(needed.values())


def read(folders: Iterable[Path]) -> list[Run]:
    """The finished runs in or below these folders, in the order of their names, numbers by their size.

    Raises:
        UserError: a folder is not there, or no run in it has left its files.
    """
    runs: dict[Path, Run] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder. Name the folder of a run or of a sweep.")
        found = sorted((path.parent for path in folder.rglob(METRICS)), key=_in_order)
        found = [path for path in found if (path / STAGES).exists() and (path / SETTINGS).exists()]
        if not found:
            raise UserError(f"{folder}: no run in it has left {METRICS}, {STAGES} and {SETTINGS}.")
        runs |= {path.resolve(): Run(path) for path in found}
    return list(runs.values())


def _json(path: Path, kind: type, fields: Sequence[str] = ()) -> Any:
    """What a run has left: a mapping, or a list of mappings, that have these fields.

    Raises:
        UserError: it cannot be read, is not JSON, or is something else.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: it cannot be read ({error}). Run the command of this run again.") from error
    rows = found if isinstance(found, list) else [found]
    if isinstance(found, kind) and all(isinstance(row, dict) and row.keys() >= set(fields) and row for row in rows):
        return found
    raise UserError(f"{path}: it is not what a run leaves there. Run the command of this run again.")


def _in_order(path: Path) -> list[tuple[int, str]]:
    return [(int(name), "") if name.isdecimal() else (-1, name) for name in path.parts]


def failures(folders: Iterable[Path]) -> list[tuple[Path, str]]:
    """The jobs in or below these folders that failed, with the reason, or did not end."""
    statuses = [path for folder in folders for path in sorted(folder.rglob(STATUS), key=_in_order)]
    once = {path.resolve(): path for path in statuses}
    read = [(path.parent, _status(path)) for path in once.values()]
    reasons = {"failed": "", "running": "It has not ended: it is under way, or its process was killed."}
    return [(f, status["reason"] or reasons[state]) for f, status in read if (state := status.get("state")) in reasons]


def _status(path: Path) -> dict[str, Any]:
    """A job's status; empty of a file that is no such thing, which another program may have left."""
    try:
        status = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) and "reason" in status else {}


def spelt(value: Any) -> str:
    """A value as text, the same however it was written: numbers, yes and no, lists, mappings and what is absent."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {spelt(inner)}' for key, inner in sorted(value.items()))}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(spelt, value))}]"
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return {"none": "null"}.get(text.lower(), text)
    if re.fullmatch(r"[+-]?\d+", text):  # a seed may be larger than a float can tell apart
        return str(int(text))
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else format(number, ".12g")
