"""Batches: training pairs dealt out to devices, and fixed shapes for scoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset, Sampler

from augsbert.encoders.module import PairEncoder
from augsbert.encoders.token_rows import PairRows, TokenRows
from augsbert.errors import UserError

#: A scoring batch has one of these lengths, and as many rows as its tokens allow, so that a row's outputs do not depend
#: on its neighbours (bit for bit on a CPU): rows are padded to the next length, and the last batch of a length is
#: filled up by repeating its last row. Narrow steps spare padding where most sentences are; each costs a batch to fill.
LENGTHS = (*range(8, 32, 4), *range(32, 64, 8), *range(64, 128, 16), *range(128, 512, 64), 512, 1024, 2048, 4096, 8192)
#: MKL multiplies four rows at a time, and those that are left over in another order: a batch has a multiple of four, or
#: one row alone, which has no neighbours.
ROWS = 4
#: Batches of a training permutation that are sorted by length together: enough to spare most padding, few enough to
#: stay mixed.
WINDOW = 16


class TrainingBatches(Dataset):
    """A device's share of each global batch, by the list of its pairs' indices (-1 fills a share up)."""

    def __init__(self, module: PairEncoder, pairs: pd.DataFrame) -> None:
        self.module = module
        self.rows, self.scores = module.training_rows(pairs)
        self.lengths = self.rows.lengths
        self.queries = _queries(self.rows, module.by_query) if module.by_query else None

    def __len__(self) -> int:
        return len(self.rows)

    def token_ids(self) -> list[list[int]]:
        """All that occur, in a list or several; padding is not in them."""
        return [self.rows.token_ids()]

    def __getitem__(self, share: list[int]) -> dict[str, Any]:
        # A share that is only filling still needs a row to run on; `valid` keeps it out of the loss.
        pairs = [max(i, 0) for i in share]
        return {
            "inputs": self.module.collate(self.rows.take(pairs)),
            "scores": torch.from_numpy(self.scores[pairs]),
            "valid": torch.tensor([i >= 0 for i in share]),
        } | ({} if self.queries is None else {"queries": torch.from_numpy(self.queries[pairs])})


def _queries(rows: PairRows, loss: str) -> np.ndarray:
    """A number (n,) for each training row, equal for those with the same first sentence.

    Raises:
        UserError: no two have.
    """
    numbers: dict[bytes, int] = {}
    queries = np.array([numbers.setdefault(row[0]["input_ids"].tobytes(), len(numbers)) for row in rows])
    if len(numbers) == len(rows):
        raise lone_candidates(loss)
    return queries


def lone_candidates(loss: str) -> UserError:
    """What is wrong where a loss compares a sentence's candidates and none has two."""
    return UserError(
        f"{loss} compares candidates of one sentence1, and in the pairs that this fit learns from each has one.\n"
        "  For silver, take a sampler that finds several (sampler=bm25); or take another loss, as\n"
        "  bi_encoder/loss=cosent or, for the baseline, bi_encoder/loss@baseline.loss=cosent."
    )


class GlobalBatches(Sampler):
    """Permutes the pairs by (seed, epoch), groups them by length, and deals each global batch out to the ranks.

    Within windows of ``WINDOW`` batches of the permutation, pairs are sorted by length, as a batch is padded to its
    longest; then the batches are permuted. Nothing here knows how many devices there are until a batch is dealt out,
    so the batches do not either; the last of the permutation may be short.

    Where the pairs' queries are given, these are permuted instead, and the pairs of one come after one another:
    they meet in a batch, but for those that a batch's end cuts off. They are not grouped by length then.

    Args:
        lengths: tokens of each pair's longest row (n,).
        batch_size: global, in pairs.
        seed: of the permutations.
        rank: of this process.
        world: number of processes.
        queries: a number for each pair (n,), equal for pairs of one query; None where that does not matter.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        queries: np.ndarray | None = None,
    ) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0
        self.queries = queries
        self.rank, self.world = rank, world

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch, after a resume too."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches():
            share = -(-len(batch) // self.world)
            filled = [*batch.tolist(), *[-1] * (share * self.world - len(batch))]
            yield filled[self.rank :: self.world]

    def _batches(self) -> list[np.ndarray]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.lengths))
        if self.queries is not None:
            order = order[np.argsort(random.permutation(len(self.queries))[self.queries[order]], kind="stable")]
        window = WINDOW * self.batch_size
        windows = (order[start : start + window] for start in range(0, len(order), window))
        grouped = order
        if self.queries is None:
            grouped = np.concatenate([rows[np.argsort(self.lengths[rows], kind="stable")] for rows in windows])
        batches = [grouped[i : i + self.batch_size] for i in range(0, len(grouped), self.batch_size)]
        return [batches[i] for i in random.permutation(len(batches))]


class ScoringBatches(Dataset):
    """Batches of fixed shapes over scoring rows; ``indices`` (B,) says which rows, repeated ones included.

    Args:
        module: which knows how to pad.
        rows: what to score.
        tokens: of a batch, padding counted; one row may have more.
    """

    def __init__(self, module: PairEncoder, rows: TokenRows | PairRows, tokens: int) -> None:
        self.module, self.rows = module, rows
        self.batches = _fixed_shapes(rows.lengths, module.max_seq_length, tokens)

    def __len__(self) -> int:
        return len(self.batches)

    def token_ids(self) -> list[list[int]]:
        """All that occur, in a list or several; padding is not in them."""
        return [self.rows.token_ids()]

    def __getitem__(self, number: int) -> dict[str, Any]:
        length, indices = self.batches[number]
        return {
            "inputs": self.module.collate(self.rows.take(indices), length),
            "indices": torch.from_numpy(indices),
            "number": number,
        }


def _fixed_shapes(row_lengths: np.ndarray, longest: int, tokens: int) -> list[tuple[int, np.ndarray]]:
    lengths = [length for length in LENGTHS if length < longest] + [longest]
    bucket = np.searchsorted(lengths, row_lengths)
    batches = []
    for number, length in enumerate(lengths):
        rows, size = np.flatnonzero(bucket == number), max(1, tokens // length // ROWS * ROWS)
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            batches.append((length, np.pad(batch, (0, size - len(batch)), mode="edge")))
    return batches
