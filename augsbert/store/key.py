"""What a stage's key is made of: everything that can change its result, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: The closed list of settings that do not count: where a stage runs and how it reports. Whatever is not named here
#: counts: wasteful at worst, never wrong. (``fast_dev_run`` and the ``limit_*`` settings count.)
UNKEYED = frozenset({"accelerator", "devices", "num_nodes", "strategy", "num_workers", "logger", "progress"})


def keyed(
    settings: Mapping[str, Any], unkeyed: frozenset[str] = UNKEYED, later: Mapping[str, Any] | None = None
) -> dict:
    """The settings that count, nested ones too.

    Args:
        settings: plain containers.
        unkeyed: names that do not count, at any depth.
        later: top-level arguments that a part was given after keys had been made with it, with the value at which those
            keys stay valid; an argument at that value is left out.
    """
    later = later or {}
    kept = {name: value for name, value in settings.items() if name not in unkeyed}
    kept = {name: value for name, value in kept.items() if name not in later or value != later[name]}
    return {name: keyed(value, unkeyed) if isinstance(value, Mapping) else value for name, value in kept.items()}


def stage_key(kind: str, version: int, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Sha256 (hex, 64 digits) of what a stage is made from.

    Args:
        kind: what the stage does, such as ``bi_encoder``; not the role that it plays in a run, so that roles share
            results.
        version: of the code that makes it.
        settings: plain containers, as :func:`keyed` leaves them.
        inputs: role -> key of the stages that it reads.
    """
    parts = {"kind": kind, "version": version, "settings": settings, "inputs": inputs}
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
