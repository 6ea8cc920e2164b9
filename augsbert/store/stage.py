"""Finding a stage or making it: lock, look again, make in a scratch folder that survives, manifest last, rename."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from augsbert.store import files
from augsbert.store.disk import explained
from augsbert.store.key import stage_key

log = logging.getLogger(__name__)


class NotFetched(Exception):
    """A key hangs on a file that is not on this disk yet: a plan shows the stage as unknown."""


class Record(NamedTuple):
    """What a run did with one stage, as ``stages.json`` lists it.

    ``seconds`` are those that this run spent, ``cost`` those that the making took, whenever it was, in however many
    runs and in whatever ``environment``.
    """

    name: str
    kind: str
    key: str
    inputs: dict[str, str]
    seconds: float
    found: bool
    cost: float
    environment: dict[str, str]


@dataclass(eq=False)
class Store:
    """A folder of stages.

    Args:
        dir: where they lie: ``dir/KIND/KEY/``, with ``stage.json`` as the manifest.
        environment: versions and machine, written beside each result and not in its key.
    """

    dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def path(self, kind: str, key: str) -> Path:
        """Where a finished stage lies."""
        return self.dir / kind / files.name_of(key)

    @contextlib.contextmanager
    def locked(self, kind: str, key: str, name: str) -> Iterator[None]:
        """Hold the stage's lock; the kernel frees it when the process dies, however it dies."""
        lock = FileLock(files.lock_of(self.dir, kind, key))
        with explained(self.dir, name):
            Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.info("%s: another run is making it; waiting", name)
                lock.acquire()
        try:
            yield
        finally:
            lock.release()


@dataclass(eq=False)
class Stage:
    """A node of the flow, made when somebody asks for its folder.

    Args:
        store: where the result is kept.
        name: the role in the run, such as ``baseline``.
        kind: what is done, such as ``bi_encoder``; part of the key, which the name is not.
        make: writes the result into the scratch folder that it is given, and may find there what a killed run left.
        settings: gives what counts of the settings (a function, as it may have to read an input first).
        inputs: role -> stage; all are made before ``make`` is called.
        version: of the code behind ``make``.
        record: what this process did with it, once it was asked for.
    """

    store: Store
    name: str
    kind: str
    make: Callable[[Path], None]
    settings: Callable[[], dict[str, Any]]
    inputs: dict[str, Stage] = field(default_factory=dict)
    version: int = 1
    record: Record | None = None

    @cached_property
    def key(self) -> str:
        """The content key (64 hex digits).

        Raises:
            NotFetched: it hangs on a file that is not on this disk yet.
        """
        return stage_key(self.kind, self.version, self.settings(), self.input_keys)

    @property
    def input_keys(self) -> dict[str, str]:
        """Role -> key of the inputs."""
        return {role: stage.key for role, stage in self.inputs.items()}

    @property
    def path(self) -> Path:
        """Where the finished result lies or will lie."""
        return self.store.path(self.kind, self.key)

    @property
    def found(self) -> bool:
        """Whether a finished result is there (its files are not looked at)."""
        return (self.path / files.MANIFEST).is_file()

    @cached_property
    def folder(self) -> Path:
        """The folder of the finished result, which is made now if it is not there.

        Raises:
            UserError: the store cannot be written, or the disk is full.
            NotFetched: its key, or that of an input, hangs on a file that is not on this disk yet.
            Exception: whatever ``make`` raises; what it wrote so far stays.
        """
        if self._intact:
            return self._record(0.0, found=True)
        for stage in self.inputs.values():
            _ = stage.folder
        with self.store.locked(self.kind, self.key, self.name):
            if self._intact:
                return self._record(0.0, found=True)
            log.info("%s ...", self.name)
            seconds = self._make()
            log.info("%s: made in %.1f s", self.name, seconds)
            return self._record(seconds, found=False)

    @property
    def _intact(self) -> bool:
        return self.found and files.damage(self.path) is None

    def _make(self) -> float:
        scratch = self.path.with_name(self.path.name + files.UNFINISHED)
        start = time.monotonic()
        with explained(self.store.dir, self.name):
            self._clear_the_way()
            scratch.mkdir(parents=True, exist_ok=True)
            files.wait_until_free(scratch)
            # A run may have been killed between the manifest and the renaming.
            if files.damage(scratch):
                before = files.spent_before(scratch)
                self.make(scratch)
                files.seal(scratch, self._manifest(before + time.monotonic() - start))
            files.drop_hidden(scratch)
            scratch.rename(self.path)
        return time.monotonic() - start

    def _clear_the_way(self) -> None:
        """Remove a damaged result; only under the lock, as another run may have put a sound one there since."""
        if self.path.exists():
            log.warning("%s: %s; it is made again", self.name, files.damage(self.path))
            shutil.rmtree(self.path)

    def _manifest(self, seconds: float) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "key": self.key,
            "version": self.version,
            "settings": self.settings(),
            "inputs": self.input_keys,
            "seconds": round(seconds, 3),
            "environment": dict(self.store.environment),
        }

    def _record(self, seconds: float, *, found: bool) -> Path:
        self.record = self.recorded(seconds, found=found)
        return self.path

    def recorded(self, seconds: float = 0.0, *, found: bool) -> Record:
        """What there is to say of this stage, made in so many seconds or found."""
        # That of a stage which nobody asked for may be damaged: it is made again when it is needed.
        made = files.readable_manifest(self.path) or {"seconds": 0.0, "environment": {}}
        what = (self.name, self.kind, self.key, self.input_keys)
        return Record(*what, round(seconds, 3), found, made["seconds"], made["environment"])

    @property
    def upstream(self) -> list[Stage]:
        """This stage and all that it hangs on, inputs first, each once."""
        order: dict[int, Stage] = {}
        for stage in self.inputs.values():
            order |= {id(s): s for s in stage.upstream}
        return [*order.values(), self]
