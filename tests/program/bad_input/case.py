"""What a user types and has, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """What the user types and has, and what must come of it; TMP, MODEL and TABLE stand for folders.

    ``made`` are the stages that the screen shows as made before the message, ``making`` the one that is then begun.
    """

    overrides: str
    message: str
    files: Mapping[str, str | bytes | Callable[[Path, Path], None]] = {}
    made: tuple[str, ...] = ()
    making: str | None = None
    environment: Mapping[str, str] = {}
