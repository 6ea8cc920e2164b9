"""Files from the web: fetched once, whole or not at all, from the first address that serves what is wanted."""

from __future__ import annotations

import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import FileLock
from tqdm import tqdm

from augsbert.archives import check_whole, sha256_of_file
from augsbert.errors import UserError

DOWNLOADS = "~/.cache/augsbert/downloads"
ATTEMPTS = 3  # at each address
PAUSE = 1.0  # seconds before the second attempt, doubled before each later one
TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16
_log = logging.getLogger(__name__)


class Download:
    """A file on the web and its place on this disk, ``folder/host/path``.

    The file appears under its name only when it is whole: as long as the server said, an archive that reads to its end,
    with the hash that is asked for. Its own hash is kept beside it, as ``sha256sum --check`` reads it.

    Args:
        url: the address, http or https.
        mirrors: further addresses of the same file, tried in turn.
        sha256: 64 hex digits that the file must have; None takes it as it comes.
        folder: where downloads are kept.

    Raises:
        UserError: an address is not http or https, or names no file; ``sha256`` is not 64 hex digits.
    """

    def __init__(
        self, url: str, mirrors: Sequence[str] = (), sha256: str | None = None, folder: str = DOWNLOADS
    ) -> None:
        for setting, address in (("url", url), *(("mirrors", mirror) for mirror in mirrors)):
            if not re.fullmatch(r"https?://[^/\s]+/\S*[^/\s]", str(address)):
                raise UserError(f"dataset.{setting}: {address!r} is not the http or https address of a file.")
        if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", str(sha256)):
            raise UserError(
                f"dataset.sha256={sha256!r}: 64 hex digits are expected, as sha256sum prints them, or null."
            )
        self.urls = [url, *mirrors]
        self.sha256 = sha256.lower() if sha256 else None
        parts = urlsplit(url)
        names = [parts.hostname or "", *unquote(parts.path).split("/")]
        self.target = Path(folder).expanduser().joinpath(*(name for name in names if name not in ("", ".", "..")))

    def found(self) -> Path | None:
        """The file where it has been fetched before; None where not, or where it has another hash than asked for."""
        if not self.target.is_file() or (self.sha256 and sha256_of_file(self.target) != self.sha256):
            return None
        return self.target

    def fetch(self, check: Callable[[Path], object] | None = None) -> Path:
        """The file, fetched unless it is there. Two processes at once fetch it once.

        Args:
            check: raises a UserError for a whole file that is not what is wanted; the next address is tried then.

        Raises:
            UserError: no address served it, naming what each said; the folder cannot be written to.
        """
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._beside(".lock")):
                return self.found() or self._fetch(check)
        except OSError as error:
            folder = self.target.parent
            raise UserError(f"{folder}: cannot be written to ({error}). Set dataset.download_dir=FOLDER.") from error

    def _fetch(self, check: Callable[[Path], object] | None) -> Path:
        failures = []
        for url in self.urls:
            failure = self._fetch_from(url, check)
            if failure is None:
                return self.target
            failures.append(f"{url}: {failure}")
        raise UserError(
            f"{self.target.name} could not be fetched:\n  " + "\n  ".join(failures) + "\n"
            "Get it where there is a network and set dataset.path=FILE, or add an address to dataset.mirrors."
        )

    def _fetch_from(self, url: str, check: Callable[[Path], object] | None) -> str | None:
        """None for success, else what the last attempt said."""
        failure: Exception
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._keep(self._receive(url), check)
                return None
            except (OSError, http.client.HTTPException, ValueError) as error:
                failure = error
            if _is_final(failure) or attempt == ATTEMPTS:
                break
            _log.warning("%s: %s; attempt %d of %d follows", url, _said(failure), attempt + 1, ATTEMPTS)
            time.sleep(PAUSE * 2 ** (attempt - 1))
        return f"{_said(failure)} ({attempt} attempt{'s' if attempt > 1 else ''})"

    def _receive(self, url: str) -> Path:
        """Write what the address serves beside the target; it may still be the wrong thing."""
        part = self._beside(".part" + "".join(self.target.suffixes[-2:]))
        request = urllib.request.Request(url, headers={"User-Agent": "augsbert (urllib)"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response, part.open("wb") as file:
            length = int(response.headers.get("Content-Length") or 0)
            with tqdm(desc=self.target.name, total=length or None, unit="B", unit_scale=True, disable=None) as bar:
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
            received = file.tell()
            os.fsync(file.fileno())
        if received < length:
            raise http.client.HTTPException(f"the connection ended after {received} of {length} bytes")
        return part

    def _keep(self, part: Path, check: Callable[[Path], object] | None) -> None:
        check_whole(part)
        sha256 = sha256_of_file(part)
        if self.sha256 and sha256 != self.sha256:
            raise UserError(f"its sha256 is {sha256}, not {self.sha256}")
        if check is not None:
            check(part)
        self._beside(".sha256").write_text(f"{sha256}  {self.target.name}\n")
        part.replace(self.target)
        _log.info("%s fetched, sha256 %s", self.target, sha256)

    def _beside(self, ending: str) -> Path:
        return self.target.with_name(self.target.name + ending)


def _is_final(failure: Exception) -> bool:
    """Whether another attempt at the same address is pointless: the wrong file, or a refusal."""
    if isinstance(failure, urllib.error.HTTPError):
        return 400 <= failure.code < 500 and failure.code not in (408, 425, 429)
    return isinstance(failure, ValueError)


def _said(failure: Exception) -> str:
    if isinstance(failure, urllib.error.HTTPError):
        return f"HTTP {failure.code} {failure.reason}"
    if isinstance(failure, urllib.error.URLError):
        return str(failure.reason)
    return str(failure) or type(failure).__name__
