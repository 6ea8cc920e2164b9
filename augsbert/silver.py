"""The flow from gold and a pool of sentences to silver (Thakur et al. 2021, sections 3 and 4).

A node is a stage that is made when something asks for its folder, so a run makes only what its report needs. The rule
that makes the scenarios fall out: what has no score is labelled; if nothing needs a label, no cross-encoder is
trained.
"""

from __future__ import annotations

import logging
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from omegaconf import DictConfig

from augsbert import stages
from augsbert.encoder_nodes import EvaluationData
from augsbert.errors import UserError
from augsbert.gold import GoldFlow, text_of
from augsbert.pairs import SENTENCES, Evidence, Pool, digest, without
from augsbert.parts import Part
from augsbert.pool import read_pool, unlabelled, write_pool
from augsbert.reporting.silver import collapse_warning
from augsbert.store import Stage, Store

log = logging.getLogger(__name__)


class Round(NamedTuple):
    """What a round leaves to the next one: its candidates, and the fit of its bi-encoder, which then searches."""

    candidates: Stage
    bi_encoder: Stage


class SilverFlow(GoldFlow):
    """The stages up to silver: each is a property, made of those above it.

    Args:
        cfg: the composed and checked config.
        store: where the stages are kept.
        fetch: download raw files that are missing; a plan does not.
        round: of sampling, labelling and training, from 1 up.
    """

    def __init__(self, cfg: DictConfig, store: Store, *, fetch: bool = True, round: int = 1) -> None:
        super().__init__(cfg, store, fetch=fetch)
        self.round = round
        self.before: Round | None = None

    @cached_property
    def pool(self) -> Stage:
        """Sentences without labels. Its key holds their text alone: with other labels it is the same key."""

        @cache
        def read() -> Pool:
            return unlabelled(self.cfg.pool, self.splits(self.target).train, self.gold)

        def settings() -> dict[str, Any]:
            return {"sentences": digest(read().sentences), "pairs": text_of(read().pairs)}

        return self.stage("pool", lambda folder: write_pool(folder, read()), settings)

    @cached_property
    def exclude(self) -> pd.DataFrame:
        """Pairs, without labels, that silver may not hold: dev, test, and the gold whose labels are used."""
        target = self.splits(self.target)
        return pd.concat([table[SENTENCES] for table in (target.dev, target.test, self.gold)], ignore_index=True)

    @cached_property
    def candidates(self) -> Stage | None:
        """Pairs that the sampler picks from the pool, and those of the rounds before."""
        if self.cfg.get("sampler") is None:
            return None
        sampler, before = self.part("sampler"), {}
        named = sampler.settings["_target_"]
        if self.before is not None:
            sampler = sampler.replaced(dict.fromkeys(sampler.encoders, self.before.bi_encoder))
            before = {"before": self.before.candidates}

        def write(folder: Path) -> None:
            with self.located_errors("sampler", sampler):
                found = stages.as_promised(sampler.make()(read_pool(self.pool.folder), self.exclude), named)
            # A sampler of a user's own may not heed what it is to leave out.
            kept = without(found, self.exclude)
            stages.write_candidates(folder, [table_of(s) for s in before.values()], kept, named)

        def settings() -> dict[str, Any]:
            return {"sampler": sampler.keyed, "exclude": text_of(self.exclude)}

        inputs = {"pool": self.pool, **sampler.inputs, **before}
        return self.stage(self.in_round("candidates"), write, settings, inputs, "candidates")

    @cached_property
    def augmented(self) -> Stage | None:
        """Gold with other words and its own scores."""
        if self.cfg.get("augmenter") is None:
            return None
        augmenter = self.part("augmenter")

        def write(folder: Path) -> None:
            with self.located_errors("augmenter", augmenter):
                made = without(augmenter.make()(self.gold), self.exclude)
            stages.write_augmented(folder, made, augmenter.settings["_target_"])

        def settings() -> dict[str, Any]:
            return {"augmenter": augmenter.keyed, "exclude": text_of(self.exclude)} | self.cut()

        return self.stage("augmented", write, settings, {"source": self.source, **augmenter.inputs})

    @cached_property
    def labeller(self) -> dict[str, Part]:
        """The cross-encoder, or several, by stage name: fitted on gold or, with ``fit: null``, taken as they are.

        There is none where nothing needs a label.
        """
        if self.cfg.get("sampler") is None:
            return {}
        gold = self.of_gold(self.source)
        return {
            name: self.fitted(name, part, gold) if part.settings.get("fit") else part
            for name, part in self.members("cross_encoder").items()
        }

    @cached_property
    def labels(self) -> Stage | None:
        """The candidates, scored by the labeller."""
        candidates = self.candidates
        if candidates is None:
            return None
        inputs = {"candidates": candidates}
        return self.labelled(self.in_round("labels"), self.labeller, lambda: table_of(candidates), inputs, dict)

    @cached_property
    def silver(self) -> Stage | None:
        """What the selector takes of the labelled candidates and the augmented pairs."""
        # Inputs are made in this order: what an augmenter refuses is said before hours of labelling.
        made = {"augmented": self.augmented, "labels": self.labels}
        inputs = {role: stage for role, stage in made.items() if stage is not None}
        if not inputs:
            return None
        selector = self.part("selector")
        judged = {"labeller": self.labeller_evaluation} if getattr(selector.make(), "reads_dev", False) else {}

        def write(folder: Path) -> None:
            with self.located_errors("selector", selector):
                taken = selector.make()(self._scored(), Evidence(self.gold, self._dev_as_labelled))
            stages.write_silver(folder, taken)
            # The last round's is warned about by the run's report, where it was found as well.
            if self.round < self.cfg.rounds and (warning := collapse_warning(taken, self.gold)):
                log.warning("round %d: %s", self.round, warning)

        def settings() -> dict[str, Any]:
            # Apart from each other: both may have a seed.
            return {"selector": selector.keyed} | self.cut()

        inputs |= {"source": self.source, **judged}
        return self.stage(self.in_round("silver"), write, settings, inputs, "silver")

    def _scored(self) -> pd.DataFrame:
        """Labelled candidates and augmented pairs; a pair that is both has one score, the labeller's."""
        labels, augmented = (None if s is None else table_of(s) for s in (self.labels, self.augmented))
        both = augmented if labels is None or augmented is None else without(augmented, labels)
        return pd.concat([table for table in (labels, both) if table is not None], ignore_index=True)

    def _dev_as_labelled(self) -> pd.DataFrame:
        """The source's dev pairs with the labeller's ``prediction``."""
        pairs = self.splits(self.source).dev
        scores = table_of(self.labeller_evaluation, "predictions")["prediction"]
        return self.unseen(pairs.assign(prediction=scores[: len(pairs)].to_numpy()))

    @cached_property
    def labeller_evaluation(self) -> Stage:
        """How the labeller scores the source's dev and test pairs.

        Raises:
            UserError: nothing needs a label, so there is no labeller.
        """
        if not self.labeller:
            raise UserError("selector: it reads how the labeller scores dev, but without a sampler there is none.")
        data = EvaluationData(lambda: self.splits(self.source), {"dataset": self.source}, {})
        return self.evaluation("labeller", self.labeller, data)

    @cached_property
    def relabelled(self) -> Stage:
        """Gold with the labeller's scores in place of people's."""
        return self.labelled(
            "labels/gold", self.labeller, lambda: self.gold[SENTENCES], {"source": self.source}, self.cut
        )

    def in_round(self, name: str) -> str:
        """The name of a stage that each round makes anew: plain in the last one."""
        return name if self.round == self.cfg.rounds else f"{name}/round-{self.round}"


def table_of(stage: Stage, name: str = "pairs") -> pd.DataFrame:
    """A table in a finished stage's folder; the stage is made if need be."""
    return pd.read_parquet(stage.folder / f"{name}.parquet")
