"""What a disk or a permission says, as one line with the way out."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from augsbert.errors import UserError

_FULL = "the disk is full. Free some space, or set store.dir to a larger disk"
_FORBIDDEN = "you may not write there. Set store.dir to a folder that you can write"
_FILE = "it, or a part of its path, is a file. Set store.dir to a folder"
_WAYS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: "your disk quota is used up. Free some space, or set store.dir to another disk",
    errno.EROFS: "it is read-only. Set store.dir to a folder that you can write",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
}


@contextlib.contextmanager
def explained(folder: Path, name: str) -> Iterator[None]:
    """Turn an error of the store's disk into a line for the user; what is not the store's fault passes as it is.

    Args:
        folder: of the store.
        name: of the stage that is being made.

    Raises:
        UserError: the disk is full or read-only, the user may not write there, or a file is in the folder's place.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        way = _way_out(error, folder)
        if way is None or _elsewhere(error, folder):
            raise
        raise UserError(f"The store {folder} cannot take the stage {name}: {way}. What is finished is kept.") from error


def _way_out(error: Exception, folder: Path) -> str | None:
    # A library may wrap what the disk said, and a worker's error is not here: the disk itself is asked too.
    if "No space left" in str(error) or _full(folder):
        return _FULL
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return _FILE if any(part.is_file() for part in (folder, *folder.parents)) else None
    return _WAYS.get(getattr(error, "errno", None) or 0)


def _full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 2**20
    except OSError:
        return False


def _elsewhere(error: Exception, folder: Path) -> bool:
    """Whether the error names a file outside the store, such as a part's own."""
    name = getattr(error, "filename", None)
    return isinstance(name, str) and not (Path(name).is_relative_to(folder) or folder.is_relative_to(name))
