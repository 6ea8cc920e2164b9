"""What lies in a store: its entries, which of them are damaged, which no run needs."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from augsbert.archives import sha256_of_file
from augsbert.errors import UserError
from augsbert.store import files

_TRASH = ".trash"
#: Folders of the store that hold no stages; ``rows`` are values kept by row, such as labels by pair.
_APART = ("rows", ".locks", _TRASH)


@dataclass(frozen=True)
class Entry:
    """A stage's folder in a store, finished or not."""

    folder: Path

    @property
    def kind(self) -> str:
        """What the stage does."""
        return self.folder.parent.name

    @property
    def key(self) -> str:
        """The first 32 digits of the stage's key."""
        return self.folder.name.removesuffix(files.UNFINISHED)

    @property
    def unfinished(self) -> bool:
        """A run is at work on it, or was killed while it was."""
        return self.folder.name.endswith(files.UNFINISHED)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was written down as it was finished; empty where that cannot be read."""
        return files.readable_manifest(self.folder)

    @property
    def name(self) -> str:
        """The role that it was made in."""
        return self.manifest.get("name", self.kind)

    @cached_property
    def bytes(self) -> int:
        """Of all its files."""
        return files.bytes_of(self.folder)

    @property
    def age(self) -> float:
        """Days since it was finished, or last written to."""
        try:
            written = self.folder.stat().st_mtime
        except FileNotFoundError:  # a run has finished or removed it in between
            written = time.time()
        return (time.time() - written) / 86400


def entries(store: Path, kind: str | None = None) -> list[Entry]:
    """The entries of a store, of one kind or all, oldest first within a kind.

    Raises:
        UserError: there is no store, or nothing of the kind in it.
    """
    if not store.is_dir():
        raise UserError(f"{store}: there is no store. Name it with --store, or set AUGSBERT_STORE.")
    kinds = sorted(path for path in store.iterdir() if path.is_dir() and path.name not in _APART)
    if kind is not None and kind not in [path.name for path in kinds]:
        raise UserError(f"{kind}: nothing of this kind is there. There are: {', '.join(p.name for p in kinds)}.")
    folders = [folder for path in kinds if kind in (None, path.name) for folder in path.iterdir() if _is_entry(folder)]
    return sorted(map(Entry, folders), key=lambda entry: (entry.kind, -entry.age))


def _is_entry(folder: Path) -> bool:
    """Whether a folder is a stage's by its name: a store may lie where other things do."""
    return bool(re.fullmatch(rf"[0-9a-f]{{32}}({files.UNFINISHED})?", folder.name)) and not folder.is_symlink()


def find(store: Path, key: str) -> Entry:
    """The entry whose key begins so.

    Raises:
        UserError: none does, or several do.
    """
    found = [entry for entry in entries(store) if entry.key.startswith(files.name_of(key)) and not entry.unfinished]
    if len(found) != 1:
        said = "no finished stage has such a key" if not found else f"{len(found)} stages have keys that begin so"
        raise UserError(f"{key}: {said}. `ls` lists them all.")
    return found[0]


def users(store: Path, entry: Entry) -> list[Entry]:
    """The entries that were made from this one."""
    return [e for e in entries(store) if any(k.startswith(entry.key) for k in e.manifest.get("inputs", {}).values())]


def damaged(every: Iterable[Entry]) -> Iterator[str]:
    """What is wrong with each finished entry with which something is."""
    for entry in every:
        try:
            if not entry.unfinished and (said := files.damage(entry.folder)):
                yield said
        except OSError as error:
            yield f"{error.filename} cannot be read: {error.strerror}"


def row_files(store: Path) -> list[Path]:
    """The files of values kept by row, such as labels by pair."""
    return sorted((store / "rows").glob("*/*.parquet"))


def damaged_rows(paths: Iterable[Path]) -> Iterator[str]:
    """What is wrong with each file of values kept by row with which something is; its name is its own hash."""
    for path in paths:
        try:
            if sha256_of_file(path) != path.stem or not {"digest", "value"}.issubset(pq.read_schema(path).names):
                yield f"{path} is not as it was written"
        except FileNotFoundError:  # a run has dropped it
            continue
        except (OSError, pa.ArrowException) as error:
            yield f"{path} cannot be read: {error}"


def unneeded(store: Path, keep: set[str] | None) -> list[Entry]:
    """What a kill left unfinished and, where keys to keep are given, all stages beside them."""
    return [entry for entry in entries(store) if entry.unfinished or (keep is not None and entry.key not in keep)]


def empty_trash(store: Path) -> None:
    """Remove what a removal that was killed has left."""
    shutil.rmtree(store / _TRASH, ignore_errors=True)


def remove(store: Path, entry: Entry) -> bool:
    """Remove an entry at once; False if a run is at work on it, or has just finished it."""
    try:
        with FileLock(files.lock_of(store, entry.kind, entry.key), timeout=0):
            trash = store / _TRASH / f"{entry.kind}-{entry.folder.name}"
            trash.parent.mkdir(exist_ok=True)
            entry.folder.rename(trash)
    except (Timeout, FileNotFoundError):
        return False
    shutil.rmtree(trash)
    return True
