"""How many new pairs a scored pair gives, and which of its sentences change: what all augmenters share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from augsbert.pairs import SENTENCES, repeated, without
from augsbert.ranges import check_choice, check_count

Sides = Literal["one", "both"]
#: Texts and a generator to as many rewritten texts, in the same order; a text that nothing fits comes back as it was.
Rewrite = Callable[[Sequence[str], np.random.Generator], Sequence[str]]


class Copies:
    """Turns a rewriting of sentences into an augmentation of scored pairs (arXiv 2010.08240, section 5.1).

    Args:
        copies: new pairs for each pair, at least 1; fewer come where the rewriting repeats itself.
        sides: ``one`` rewrites one sentence of a pair, drawn for each copy; ``both`` rewrites both.
        seed: of the draws, at least 0.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(self, copies: int, sides: Sides, seed: int) -> None:
        check_count("copies", copies)
        check_choice("sides", sides, ["one", "both"])
        check_count("seed", seed, least=0)
        self.copies, self.sides, self.seed = copies, sides, seed

    def of(self, pairs: pd.DataFrame, rewrite: Rewrite, origin: str) -> pd.DataFrame:
        """The new pairs, each with the score of the pair that it comes from.

        Args:
            pairs: a scored table.
            rewrite: changes sentences; it is called once, with all that are to change.
            origin: the augmenter's name.

        Returns:
            A table of ``sentence1``, ``sentence2``, ``score``, ``origin``: none of ``pairs``, none twice (in either
            order), none of a sentence with itself.
        """
        rng = np.random.default_rng(self.seed)
        texts = np.tile(pairs[SENTENCES].to_numpy(dtype=object), (self.copies, 1))
        change = np.ones(texts.shape, dtype=bool)
        if self.sides == "one":
            change = rng.integers(2, size=len(texts))[:, None] == np.arange(2)
        texts[change] = np.array(rewrite(texts[change].tolist(), rng), dtype=object)
        scores = np.tile(pairs["score"].to_numpy(), self.copies)
        made = pd.DataFrame({"sentence1": texts[:, 0], "sentence2": texts[:, 1], "score": scores, "origin": origin})
        made = without(made[made["sentence1"] != made["sentence2"]], pairs)
        return made[~repeated(made)].reset_index(drop=True)
