"""Data sets that come as files in a folder, and whose published split is not the one wanted: dev and test are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from augsbert.archives import raw_file, raw_path
from augsbert.errors import UserError


def folder_files(path: str | None, names: Sequence[str], source: str) -> list[Path]:
    """Files of a folder that the user has.

    Args:
        path: the folder.
        names: of the files in it.
        source: where they are had, for the message.

    Raises:
        UserError: there is no path, no folder, or a file is not in it.
    """
    if path is None:
        raise UserError(f"dataset.path=null: it is not downloaded. Get {source}, and set dataset.path=FOLDER.")
    folder = raw_path("dataset.path", path)
    if not folder.is_dir():
        raise UserError(f"dataset.path={path} is a file; the folder with {', '.join(names)} is expected.")
    return [raw_file("dataset.path", folder / name) for name in names]


def draw_splits(table: pd.DataFrame, sizes: dict[str, int], seed: int) -> dict[str, pd.DataFrame]:
    """Disjoint parts of a table along a permutation that ``seed`` alone decides; each keeps the table's order.

    Args:
        table: any.
        sizes: name -> rows; what is left is ``train``, where it is not named.
        seed: at least 0.

    Raises:
        UserError: the table has no more rows than the sizes take, so that it cannot be whole.
    """
    needed = sum(sizes.values())
    if len(table) <= needed:
        raise UserError(f"dataset.path: {len(table):,} pairs, and dev and test take {needed:,}. Is the file whole?")
    order, parts = np.random.default_rng(seed).permutation(len(table)), {}
    for name, size in sizes.items():
        parts[name], order = table.iloc[np.sort(order[:size])], order[size:]
    return {"train": table.iloc[np.sort(order)]} | parts
