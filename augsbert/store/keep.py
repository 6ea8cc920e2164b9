"""What the runs below some folders need of a store, by the files that they have left."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from augsbert import run_files
from augsbert.errors import UserError
from augsbert.store import files
from augsbert.store.inventory import entries


def needed(store: Path, runs: Iterable[Path]) -> set[str]:
    """First 32 digits of the keys that the runs below these folders hang on.

    Raises:
        UserError: there is no run below one of them, what one has left is damaged, or this is not the store of any.
    """
    keys: set[str] = set()
    for folder in runs:
        records = list(_named(folder, run_files.STAGES))
        if not records:
            raise UserError(f"{folder}: no run has left its {run_files.STAGES} here, so it is not known what to keep.")
        keys = keys.union(*map(_keys, records))
    if keys.isdisjoint(entry.key for entry in entries(store)):
        used = " and ".join(sorted(_stores(runs)))
        raise UserError(
            f"{store}: no stage of these runs lies here, so it is not known what to keep. Name their store with --store"
            f"{f'; they used {used}, from where they were started' if used else ''}."
        )
    return keys


def _keys(path: Path) -> set[str]:
    """First 32 digits of the keys that a run's list of stages names."""
    try:
        records = json.loads(path.read_text())
        if isinstance(records, list) and all(re.fullmatch("[0-9a-f]{64}", record["key"]) for record in records):
            return {files.name_of(record["key"]) for record in records}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UserError(
        f"{path}: it is damaged, or no run's, so it is not known what to keep. Run the command of its folder again, "
        "which writes it anew, or name folders without it."
    )


def _stores(runs: Iterable[Path]) -> set[str]:
    """The stores that the runs in or below these folders name."""
    used = set()
    for path in [path for folder in runs for path in _named(folder, run_files.SETTINGS)]:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            used.add(f"store.dir={json.loads(path.read_text())['config']['store']['dir']}")
    return used


def _named(folder: Path, name: str) -> Iterator[Path]:
    """The files of a name in or below a folder, behind links too."""
    for parent, _, names in os.walk(folder, followlinks=True):
        if name in names:
            yield Path(parent, name)


def unfinished_runs(runs: Iterable[Path]) -> list[Path]:
    """The runs in or below these folders that began and did not end: what they need is not known."""
    begun = [path.parent for folder in runs for path in _named(folder, run_files.SETTINGS)]
    return [run for run in begun if not (run / run_files.METRICS).exists()]
