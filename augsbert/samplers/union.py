"""What several samplers find, put together: the paper's BM25 + semantic search, or any others."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from augsbert.errors import UserError
from augsbert.pairs import Pool, repeated

_COLUMNS = ["sentence1", "sentence2", "origin"]


class Union:
    """The pairs of each sampler in turn, each unordered pair once (arXiv 2010.08240, section 3.1).

    A pair that several find stands where the first of them put it, in that one's order and with its ``origin``: the
    counts by origin tell what each sampler adds to those before it. None knows what the others found, so each part is
    what that sampler gives alone, and its labels are shared with runs that use it alone.

    Args:
        samplers: name to sampler, such as ``Union(bm25=BM25(), random=Random(num_pairs=1000, seed=0))``.

    Raises:
        UserError: there is none, or one of them is no sampler.
    """

    VERSION = 1
    #: The order of the parts counts.
    ORDERED = True

    def __init__(self, **samplers: Callable[[Pool, pd.DataFrame], pd.DataFrame]) -> None:
        if not samplers:
            raise UserError("a union without samplers: name one, such as +sampler@sampler.bm25=bm25.")
        for name, sampler in samplers.items():
            if not callable(sampler):
                raise UserError(f"{name}={sampler!r}: it is no sampler, which is called with (pool, exclude).")
        self.samplers = samplers

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        """Find candidates.

        Args:
            pool: the sentences, and pairs, that each sampler gets.
            exclude: pairs that must not come, in either order.

        Returns:
            A table of ``sentence1``, ``sentence2``, ``origin``, sampler by sampler.
        """
        found = [sampler(pool, exclude)[_COLUMNS] for sampler in self.samplers.values()]
        pairs = pd.concat(found, ignore_index=True)
        return pairs[~repeated(pairs)].reset_index(drop=True)
