"""What the store's tests share: stages that write one small file, and disks that are full or read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from augsbert.store import Stage, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", {"python": "3"})


@pytest.fixture
def stage(store: Store) -> Callable[..., Stage]:
    """Gives stages that write ``value.txt`` and add their name to ``made`` (a list, the factory's attribute)."""

    def new(name: str, *, write: Callable[[Path], None] | None = None, **more: Any) -> Stage:
        def make(folder: Path) -> None:
            new.made.append(name)  # type: ignore[attr-defined]
            (write or (lambda folder: (folder / "value.txt").write_text(name) and None))(folder)

        settings = more.pop("settings", {"name": name})
        defaults: dict[str, Any] = {"store": store, "kind": name, "settings": lambda: settings}
        return Stage(name=name, make=make, **(defaults | more))

    new.made = []  # type: ignore[attr-defined]
    return new


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB; skips where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"mount -t tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def read_only(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    """A context in which a folder cannot be written: root, whom permissions do not bind, needs a mount for it."""

    @contextmanager
    def by_mount(folder: Path) -> Iterator[None]:
        for options in ("bind", "remount,bind,ro"):
            mounted = subprocess.run(["mount", "-o", options, folder, folder], capture_output=True, text=True)
            if mounted.returncode:
                pytest.skip(f"mount -o {options}: {mounted.stderr.strip()}")
        try:
            yield
        finally:
            subprocess.run(["umount", folder], check=True)

    @contextmanager
    def by_permission(folder: Path) -> Iterator[None]:
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for path in folders:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in folders:
                path.chmod(0o755)

    return by_mount if os.geteuid() == 0 else by_permission
