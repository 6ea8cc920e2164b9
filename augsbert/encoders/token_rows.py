"""Token rows of many texts in arrays: as Python lists, a pair of 24 tokens takes 5.6 kB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

Row = dict[str, np.ndarray]


class TokenRows(Sequence[Row]):
    """Rows by index, none padded; 24 tokens take about 100 bytes.

    Args:
        windows: what a tokenizer gives for some texts at a time, a list of numbers for each text by the field's name;
            ``input_ids`` is one of them.
    """

    def __init__(self, windows: Iterable[Mapping[str, list[list[int]]]]) -> None:
        lengths, parts = [np.zeros(0, dtype=np.int64)], dict[str, list[np.ndarray]]()
        for window in windows:
            lengths.append(np.array([len(ids) for ids in window["input_ids"]]))
            for name, rows in window.items():
                parts.setdefault(name, []).append(_in_few_bytes(rows))
        self.fields = {name: np.concatenate(part) for name, part in parts.items()}
        #: Tokens of each row (n,).
        self.lengths = np.concatenate(lengths)
        self.ends = np.cumsum(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Row:  # type: ignore[override]
        return self.take([index])[0]

    def take(self, indices: Sequence[int] | np.ndarray) -> list[Row]:
        """The rows at indices (B,)."""
        ends = self.ends[indices]
        bounds = zip((ends - self.lengths[indices]).tolist(), ends.tolist(), strict=True)
        return [{name: values[i:j] for name, values in self.fields.items()} for i, j in bounds]

    def token_ids(self) -> list[int]:
        """All that occur, each once."""
        return np.unique(self.fields["input_ids"]).tolist() if len(self) else []


class PairRows(Sequence[tuple[Row, ...]]):
    """The rows that each pair is made of, by the pair's index; what pairs share is kept once.

    Args:
        rows: which the pairs are made of.
        places: where in them each pair's rows stand (n, rows of a pair).
    """

    def __init__(self, rows: TokenRows, places: np.ndarray) -> None:
        self.rows, self.places = rows, places
        #: Tokens of each pair's longest row (n,).
        self.lengths = rows.lengths[places].max(axis=1)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[Row, ...]:  # type: ignore[override]
        return tuple(self.take([index]))

    def take(self, indices: Sequence[int] | np.ndarray) -> list[Row]:
        """The rows of the pairs at indices (B,), pair by pair: (B * rows of a pair)."""
        return self.rows.take(self.places[indices].ravel())

    def token_ids(self) -> list[int]:
        """All that occur, each once."""
        return self.rows.token_ids()


def _in_few_bytes(rows: Iterable[Iterable[int]]) -> np.ndarray:
    """Rows one after another (N,), each number in as many bytes as the largest needs."""
    values = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
    return values.astype(np.min_scalar_type(values.max(initial=0)))
