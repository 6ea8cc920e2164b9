"""Values kept by row beside the stages, so that what two stages share is computed once: weak labels are."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augsbert.archives import sha256_of_file

log = logging.getLogger(__name__)


class Rows:
    """Float32 values by digest, in small files that are only ever added; no two writers need to know of each other.

    A file is named by the sha256 of its bytes: equal values are kept once, and damage shows.

    Args:
        folder: one for each thing that the values depend on, such as a model and its precision.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, digests: Sequence[str]) -> np.ndarray:
        """Values (n,) float32; nan where there is none. A damaged file is dropped with a warning."""
        place = {digest: i for i, digest in enumerate(digests)}
        values = np.full(len(digests), np.nan, dtype=np.float32)
        for path in sorted(self.folder.glob("*.parquet")):
            for rows in self._read(path):
                at = np.array([place.get(digest, -1) for digest in rows["digest"].to_pylist()], dtype=np.int64)
                values[at[at >= 0]] = rows["value"].to_numpy()[at >= 0]
        # A digest that is asked for twice has one place.
        return values[np.fromiter((place[digest] for digest in digests), dtype=np.int64, count=len(digests))]

    def put(self, digests: Sequence[str], values: np.ndarray) -> None:
        """Add values (n,); the file appears whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        table = pa.table({"digest": pa.array(digests, pa.string()), "value": pa.array(values, pa.float32())})
        unfinished = self.folder / f"{uuid.uuid4().hex}.unfinished"
        pq.write_table(table, unfinished)
        unfinished.rename(self.folder / f"{sha256_of_file(unfinished)}.parquet")

    def _read(self, path: Path) -> Iterator[pa.RecordBatch]:
        """A file's rows, some ten thousand at a time: Python's strings take twice the memory."""
        try:
            if sha256_of_file(path) != path.stem:
                log.warning("%s is damaged; its values are computed again", path)
                path.unlink()
                return
            file = pq.ParquetFile(path)
        except FileNotFoundError:  # another run has dropped it
            return
        yield from file.iter_batches()
