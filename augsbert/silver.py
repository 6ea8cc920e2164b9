"""The first half of the flow: from gold and a pool of sentences to silver (Thakur et al. 2021, sections 3 and 4).

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
from augsbert.datasets.checks import check_scores
from augsbert.errors import UserError
from augsbert.nodes import EvaluationData, Nodes, TrainingData
from augsbert.pairs import SENTENCES, Evidence, Pool, Task, digest, draw, without
from augsbert.parts import Part
from augsbert.pool import read_pool, unlabelled, write_pool
from augsbert.store import Stage, Store

log = logging.getLogger(__name__)


class Round(NamedTuple):
    """What a round leaves to the next one: its candidates, and the fit of its bi-encoder, which then searches."""

    candidates: Stage
    bi_encoder: Stage


class SilverFlow(Nodes):
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
        return cut | ({"without": _text_of(self.seen_elsewhere)} if len(self.seen_elsewhere) else {})

    @cached_property
    def pool(self) -> Stage:
        """Sentences without labels. Its key holds their text alone: with other labels it is the same key."""

        @cache
        def read() -> Pool:
            return unlabelled(self.cfg.pool, self.splits(self.target).train, self.gold)

        def settings() -> dict[str, Any]:
            return {"sentences": digest(read().sentences), "pairs": _text_of(read().pairs)}

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
        if self.before is not None:
            sampler = sampler.replaced(dict.fromkeys(sampler.encoders, self.before.bi_encoder))
            before = {"before": self.before.candidates}

        def write(folder: Path) -> None:
            with self.located_errors("sampler", sampler):
                found = sampler.make()(read_pool(self.pool.folder), self.exclude)
            stages.write_candidates(folder, [table_of(s) for s in before.values()], found, sampler.settings["_target_"])

        def settings() -> dict[str, Any]:
            return {"sampler": sampler.keyed, "exclude": _text_of(self.exclude)}

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
            return {"augmenter": augmenter.keyed, "exclude": _text_of(self.exclude)} | self.cut()

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

        def dev() -> pd.DataFrame:
            pairs = self.splits(self.source).dev
            scores = table_of(judged["labeller"], "predictions")["prediction"]
            return self.unseen(pairs.assign(prediction=scores[: len(pairs)].to_numpy()))

        def write(folder: Path) -> None:
            labels, augmented = (None if s is None else table_of(s) for s in (self.labels, self.augmented))
            # A pair that comes from both has one score, the labeller's.
            both = augmented if labels is None or augmented is None else without(augmented, labels)
            scored = pd.concat([table for table in (labels, both) if table is not None], ignore_index=True)
            with self.located_errors("selector", selector):
                taken = selector.make()(scored, Evidence(self.gold, dev))
            stages.write_silver(folder, taken)

        def settings() -> dict[str, Any]:
            return selector.keyed | self.cut()

        inputs |= {"source": self.source, **judged}
        return self.stage(self.in_round("silver"), write, settings, inputs, "silver")

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

    def of_gold(self, dataset: Stage, *, whole: bool = False) -> TrainingData:
        """Gold, or all of the data set's train pairs; its dev pairs decide."""

        def train() -> pd.DataFrame:
            if not whole:
                return self.gold
            splits = self.splits(dataset)
            check_scores(splits.train, splits.task, "compare.upper_bound=true")
            return splits.train

        def dev() -> tuple[pd.DataFrame, Task]:
            splits = self.splits(dataset)
            return splits.dev if whole else self.unseen(splits.dev), splits.task

        def settings() -> dict[str, Any]:
            return {"gold_size": None, "seed": None} if whole else self.cut()

        return TrainingData(train, dev, {"source": dataset}, settings)

    @cached_property
    def relabelled(self) -> Stage:
        """Gold with the labeller's scores in place of people's."""
        return self.labelled(
            "labels/gold", self.labeller, lambda: self.gold[SENTENCES], {"source": self.source}, self.cut
        )

    @property
    def adapted(self) -> bool:
        """Whether the labels of the target are not for use: another domain is the source."""
        return self.source is not self.target

    def in_round(self, name: str) -> str:
        """The name of a stage that each round makes anew: plain in the last one."""
        return name if self.round == self.cfg.rounds else f"{name}/round-{self.round}"


def table_of(stage: Stage, name: str = "pairs") -> pd.DataFrame:
    """A table in a finished stage's folder; the stage is made if need be."""
    return pd.read_parquet(stage.folder / f"{name}.parquet")


def _text_of(pairs: pd.DataFrame) -> str:
    return digest(pairs[SENTENCES].to_numpy(dtype=object).ravel())
