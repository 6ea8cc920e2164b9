"""Where the flow begins: two data sets, which may be one, and the gold that a run takes as labelled.

In domain adaptation the labels of the target are not for use; what the source would tell of them is left out here.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

import pandas as pd

from augsbert.datasets.checks import check_scores
from augsbert.encoder_nodes import EncoderNodes, TrainingData
from augsbert.errors import UserError
from augsbert.pairs import SENTENCES, Task, digest, draw, without
from augsbert.store import Stage

log = logging.getLogger(__name__)


class GoldFlow(EncoderNodes):
    """The data sets of a run, and the pairs of them that an encoder may learn from."""

    @cached_property
    def target(self) -> Stage:
        """Gold pairs of the domain where the bi-encoder must work."""
        return self.dataset("dataset", self.cfg.dataset)

    @cached_property
    def source(self) -> Stage:
        """Gold pairs of the domain where the labeller learns: the target itself, except in domain adaptation."""
        source = self.cfg.get("source")
        return self.target if source is None else self.dataset("source", source)

    @cached_property
    def gold(self) -> pd.DataFrame:
        """The source's train pairs, cut to ``gold_size`` by seed alone; none of them is a target's dev or test pair.

        Raises:
            UserError: there are fewer than ``gold_size``, they have one score only, or none.
        """
        splits = self.splits(self.source)
        gold = draw(self.unseen(splits.train), self.cfg.gold_size, self.cfg.seed)
        check_scores(gold, splits.task, f"gold_size={self.cfg.gold_size}")
        check_scores(self.unseen(splits.dev), splits.task, f"{'source' if self.adapted else 'dataset'}: dev")
        return gold

    @cached_property
    def seen_elsewhere(self) -> pd.DataFrame:
        """The source's pairs that would tell the target's labels: its dev's or test's to a fit, its test's to dev."""
        source, target = self.splits(self.source), self.splits(self.target)
        pairs = pd.concat([source.train, source.dev], ignore_index=True)
        if not self.adapted:
            return pairs[:0]
        kept = [without(source.train, target.dev, target.test), without(source.dev, target.test)]
        seen = without(pairs, *kept)
        if len(seen):
            log.warning("source: %d of its train and dev pairs are the target's dev or test pairs; left out", len(seen))
        return seen

    def unseen(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Pairs of the source without those that :attr:`seen_elsewhere` has."""
        return without(pairs, self.seen_elsewhere) if len(self.seen_elsewhere) else pairs

    def cut(self) -> dict[str, Any]:
        """What decides the gold beside its source."""
        cut = {"gold_size": self.cfg.gold_size, "seed": self.cfg.seed if self.cfg.gold_size else None}
        return cut | ({"without": text_of(self.seen_elsewhere)} if len(self.seen_elsewhere) else {})

    @property
    def adapted(self) -> bool:
        """Whether the labels of the target are not for use: another domain is the source."""
        return self.source is not self.target

    def of_gold(self, dataset: Stage, *, whole: bool = False) -> TrainingData:
        """Gold, or all of the data set's train pairs; its dev pairs decide."""

        def train() -> pd.DataFrame:
            if not whole:
                return self.gold
            splits = self.splits(dataset)
            if splits.train["score"].isna().any():
                raise UserError(
                    "compare.upper_bound=true: it is fitted on the target's train pairs, and these have no scores "
                    "(dataset.unlabelled). Set compare.upper_bound=false."
                )
            return splits.train

        def dev() -> tuple[pd.DataFrame, Task]:
            splits = self.splits(dataset)
            return splits.dev if whole else self.unseen(splits.dev), splits.task

        def settings() -> dict[str, Any]:
            return {"gold_size": None, "seed": None} if whole else self.cut()

        return TrainingData(train, dev, {"source": dataset}, settings)


def text_of(pairs: pd.DataFrame) -> str:
    """What stands for the sentences of pairs in a key."""
    return digest(pairs[SENTENCES].to_numpy(dtype=object).ravel())
