"""Data sets of the Hugging Face hub, fetched once through the ``datasets`` package and kept as parquet files."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock

from augsbert.datasets.checks import SPLITS
from augsbert.datasets.download import DOWNLOADS
from augsbert.errors import UserError

_SPELLINGS = {"train": ("train",), "dev": ("validation", "dev", "valid"), "test": ("test",)}


class HubFiles:
    """The splits of a hub data set as files on this disk: what the hub serves may change, these do not.

    Args:
        hub: its id, as ``sentence-transformers/stsb``, or a folder that ``datasets.load_dataset`` reads.
        config: its configuration, where it has several.
        revision: branch, tag or commit; None is the newest at the time of fetching.
        download_dir: folder for what is fetched.

    Raises:
        UserError: ``hub`` is not a name.
    """

    def __init__(
        self, hub: str, config: str | None = None, revision: str | None = None, download_dir: str = DOWNLOADS
    ) -> None:
        if not isinstance(hub, str) or not hub.strip():
            raise UserError(
                f"dataset.train.hub={hub!r}: the id of a data set is expected, as sentence-transformers/stsb."
            )
        self.hub, self.config, self.revision = hub, config, revision
        version = f"{config or 'default'}@{revision or 'newest'}"
        self.folder = Path(download_dir).expanduser() / "hub" / quote(hub, safe="") / quote(version, safe="@")

    def found(self) -> dict[str, Path] | None:
        """The fetched files of train, dev and test, of those that the data set has; None where it must be fetched."""
        if not self.folder.is_dir():
            return None
        files = {name: self.folder / f"{name}.parquet" for name in SPLITS}
        return {name: path for name, path in files.items() if path.is_file()}

    def fetch(self) -> dict[str, Path]:
        """As ``found``, fetched unless it is there. Two processes at once fetch it once.

        Raises:
            UserError: the package ``datasets`` is not installed, the hub does not serve the data set, or the folder
                cannot be written to.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.folder}.lock"):
                return self.found() or self._fetch()
        except OSError as error:
            raise self._error(f"{self.folder}: {error}. Set dataset.train.download_dir=FOLDER.") from error

    def _fetch(self) -> dict[str, Path]:
        loaded = self._load()
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as scratch:
            whole = Path(scratch) / "whole"
            whole.mkdir()
            for name, spellings in _SPELLINGS.items():
                for spelling in [spelling for spelling in spellings if spelling in loaded][:1]:
                    loaded[spelling].to_parquet(whole / f"{name}.parquet")
            if not (whole / "train.parquet").is_file():
                names = ", ".join(loaded) or "none"
                raise self._error(f"no split train; there are: {names}. Save one as a file: dataset.train=FILE.")
            os.replace(whole, self.folder)
        return self.found() or {}

    def _load(self) -> Any:
        try:
            import datasets
        except ImportError as error:
            raise self._error("the package datasets is not installed: pip install datasets") from error
        if not sys.stderr.isatty():
            datasets.disable_progress_bars()
        try:
            return datasets.load_dataset(self.hub, self.config, revision=self.revision)
        except Exception as error:  # the package raises a dozen kinds: no network, no such id, several configurations
            said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise self._error(f"{said}. Check id, config and revision, or set dataset.train=FILE.") from error

    def _error(self, complaint: str) -> UserError:
        return UserError(f"dataset.train.hub={self.hub}: {complaint}")
