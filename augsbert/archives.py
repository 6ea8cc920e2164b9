"""Raw files on this disk, read line by line: plain text, gzip, zip; one clear error for each way they can be damaged.

Zip members are read in place and never unpacked; an archive whose members would leave the folder is refused all the
same, because nothing honest makes one.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

from augsbert.errors import UserError

_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError, NotImplementedError)
_CHUNK = 1 << 20


def raw_path(setting: str, value: object) -> Path:
    """The path that a setting names, with ``~`` expanded, when something is there.

    Raises:
        UserError: the value is not a path, or nothing is there.
    """
    if not isinstance(value, (str, Path)) or not str(value):
        raise UserError(f"{setting}={value!r}: a path is expected, not {type(value).__name__}.")
    path = Path(value).expanduser()
    if not path.exists():
        raise UserError(f"{setting}={value}: there is no such file. A relative path starts at {Path.cwd()}.")
    return path


def raw_file(setting: str, value: object) -> Path:
    """As ``raw_path``, and a folder is an error.

    Raises:
        UserError: the value is not a path, nothing is there, or it is a folder.
    """
    path = raw_path(setting, value)
    if path.is_dir():
        raise UserError(f"{setting}={value} is a folder, a file is expected. Name the file in it.")
    return path


def text_lines(path: Path) -> Iterator[bytes]:
    """The lines of a text file, through gzip where the name ends in ``.gz``.

    Raises:
        UserError: the file cannot be read, or is not a whole gzip file.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            yield from stream
    except (*_DAMAGE, OSError) as error:
        raise _unreadable(path, error) from error


def member_lines(archive: Path, member: str) -> Iterator[bytes]:
    """The lines of one member of a zip archive.

    Raises:
        UserError: the archive is not a whole zip file, has members that leave its folder, or lacks ``member``.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_members(archive, opened.namelist(), member)
            with io.BufferedReader(opened.open(member), _CHUNK) as stream:  # type: ignore[type-var]
                yield from stream
    except (*_DAMAGE, OSError) as error:
        raise _unreadable(archive, error) from error


def sha256_of_file(path: Path) -> str:
    """Sha256 (hex) of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_whole(path: Path) -> None:
    """Read a ``.gz`` or ``.zip`` file to its end and compare its checksums; others must not be empty.

    Raises:
        UserError: the file is empty, cut short, damaged, or something else than its name says.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as stream:
                empty = not stream.read(1)
                while stream.read(_CHUNK):
                    pass
        else:
            empty = path.stat().st_size == 0
        if path.suffix == ".zip" and not empty:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged:
                raise zipfile.BadZipFile(f"its member {damaged} is damaged")
    except (*_DAMAGE, OSError) as error:
        raise _unreadable(path, error) from error
    if empty:
        raise UserError(f"{path}: the file is empty. Name another.")


def _check_members(archive: Path, names: list[str], wanted: str) -> None:
    for name in names:
        path = PureWindowsPath(name)  # which takes both kinds of slash
        if path.drive or path.root or ".." in path.parts:
            raise UserError(
                f"{archive}: its member {name!r} leaves the folder of the archive. Refused: get it elsewhere."
            )
    if wanted not in names:
        raise UserError(f"{archive}: no member {wanted!r}. There are: {', '.join(map(repr, names[:8])) or 'none'}.")


def _unreadable(path: Path, error: Exception) -> UserError:
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return UserError(f"{path}: cannot be read ({error.strerror or error}).")
    kind = "zip archive" if path.suffix != ".gz" else "gzip file"
    return UserError(f"{path}: not a whole {kind} ({error}): cut short, damaged or something else. Fetch it again.")
