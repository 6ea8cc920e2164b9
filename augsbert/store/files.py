"""The files of a stage: hashes, the manifest, and the wait for a worker that outlived its parent."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from augsbert.archives import sha256_of_file
from augsbert.run_files import write_whole

log = logging.getLogger(__name__)

MANIFEST = "stage.json"
#: What a manifest holds beside ``bytes``, and of which kind it is; ``files`` are hashes by name.
_HELD: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("name", "kind", "key"), str),
    **dict.fromkeys(("settings", "inputs", "environment", "files"), dict),
    "version": int,
    "seconds": (int, float),
}
#: What the name of a stage's folder ends in until it is finished.
UNFINISHED = ".partial"
_ALIVE = ".alive"
_SPENT = ".spent.json"


def name_of(key: str) -> str:
    """What of a key names a stage's folder: 32 of its 64 hex digits."""
    return key[:32]


def lock_of(store: Path, kind: str, key: str) -> Path:
    """The file that a run locks which makes a stage, or removes it."""
    return store / ".locks" / f"{kind}-{name_of(key)}.lock"


def seal(scratch: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest, with the hash and size of every file of the result, after all else."""
    result = _result(scratch)
    hashes = {str(path.relative_to(scratch)): sha256_of_file(path) for path in result}
    size = sum(path.stat().st_size for path in result)
    unfinished = scratch / f".{MANIFEST}"
    with unfinished.open("w") as stream:
        json.dump({**manifest, "bytes": size, "files": hashes}, stream, indent=1, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(scratch / MANIFEST)


def drop_hidden(scratch: Path) -> None:
    """Remove what belongs to the making and not to the result: checkpoints, shards, inputs of workers."""
    for path in scratch.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished stage.

    Raises:
        ValueError: it is not JSON, or does not hold what it must.
        OSError: it is not there.
    """
    manifest = json.loads((folder / MANIFEST).read_text())
    whole = isinstance(manifest, dict) and all(isinstance(manifest.get(key), kind) for key, kind in _HELD.items())
    if not whole or not all(isinstance(text, str) for key in ("inputs", "files") for text in manifest[key].values()):
        raise ValueError(f"{folder / MANIFEST} does not hold what a manifest must")
    return manifest


def readable_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished stage; empty where it is not there, or damaged."""
    try:
        return read_manifest(folder)
    except (OSError, ValueError):
        return {}


def damage(folder: Path) -> str | None:
    """What is wrong with a finished stage, in a few words; None if every file is as it was written.

    Raises:
        OSError: a file is there and the disk or a permission keeps it from being read, which is no reason to make the
            stage again.
    """
    try:
        expected = read_manifest(folder)["files"]
    except FileNotFoundError:
        return f"the manifest in {folder} is missing"
    except (ValueError, IsADirectoryError):
        return f"the manifest in {folder} is damaged"
    for name, digest in expected.items():
        path = folder / name
        try:
            if sha256_of_file(path) != digest:
                return f"{path} is not as it was written"
        except (FileNotFoundError, NotADirectoryError):
            return f"{path} is missing"
        except IsADirectoryError:
            return f"{path} is not as it was written"
    return None


@contextmanager
def alive(scratch: Path) -> Iterator[None]:
    """Mark the scratch folder as in use by this process, for as long as it lives; several workers may at once."""
    with (scratch / _ALIVE).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


def spent_before(scratch: Path) -> float:
    """Seconds that killed runs have spent on a scratch folder, as far as they left something; this run starts now.

    A run that is killed writes nothing down: what it spent is the time from its start to its last file's.
    """
    record = scratch / _SPENT
    spent = 0.0
    if record.exists():
        earlier = json.loads(record.read_text())
        left = [path.stat().st_mtime for path in scratch.rglob("*") if path.is_file() and path.name != _ALIVE]
        spent = earlier["spent"] + max(0.0, max(left) - earlier["since"])
    write_whole(record, json.dumps({"spent": spent, "since": time.time()}))
    return spent


def bytes_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    # os.walk passes over a folder that another run renames in between; pathlib's glob would raise.
    return sum(_bytes(Path(parent, name)) for parent, _, names in os.walk(folder) for name in names)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def wait_until_free(scratch: Path) -> None:
    """Wait for the workers of a run that was killed: they die with it, but not in the same instant."""
    with (scratch / _ALIVE).open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("workers of an earlier run are still at work in %s; waiting for them to end", scratch)
            fcntl.flock(stream, fcntl.LOCK_EX)


def _result(folder: Path) -> list[Path]:
    """All files but the manifest and what is hidden at the top."""
    relative = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [folder / path for path in relative if not path.parts[0].startswith(".") and str(path) != MANIFEST]
