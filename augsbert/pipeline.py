"""The flow of Augmented SBERT: read it and you have read the method (Thakur et al. 2021, sections 3 and 4).

A node is a stage that is made when something asks for its folder, so a run makes only what its report needs. The rule
that makes the scenarios fall out: what has no score is labelled; if nothing needs a label, no cross-encoder is
trained.
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from augsbert import stages
from augsbert.datasets.checks import check_scores
from augsbert.errors import UserError
from augsbert.nodes import Exam, Lesson, Nodes
from augsbert.pairs import SENTENCES, Evidence, Pool, Splits, Task, digest, draw, hold_out, mix, task_of, without
from augsbert.parts import Part
from augsbert.pool import read_pool, unlabelled, write_pool
from augsbert.store import Stage

#: What no round changes.
_EVERY_ROUND = ("splits", "target", "source", "pool", "augmented", "labeller")


class Flow(Nodes):
    """The stages of one run: each is a property, made of those above it.

    Args:
        round: the flow up to this round, 1 or more; None takes all that the config asks for.
        nodes: as for :class:`Nodes`.
    """

    def __init__(self, *nodes: Any, round: int | None = None, **more: Any) -> None:
        super().__init__(*nodes, **more)
        self.round: int = round or self.cfg.rounds

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
        """The source's train pairs, cut to ``gold_size`` by seed alone."""
        splits = self.splits(self.source)
        gold = draw(splits.train, self.cfg.gold_size, self.cfg.seed)
        check_scores(gold, splits.task, f"gold_size={self.cfg.gold_size}")
        return gold

    @cached_property
    def pool(self) -> Stage:
        """Sentences without labels. Its key holds their text alone: with other labels it is the same key."""

        @cache
        def pool() -> Pool:
            return unlabelled(self.cfg.pool, self.splits(self.target).train, self.gold)

        def settings() -> dict[str, Any]:
            return {"sentences": digest(pool().sentences), "pairs": _text_of(pool().pairs)}

        return self.stage("pool", lambda folder: write_pool(folder, pool()), settings)

    @cached_property
    def exclude(self) -> pd.DataFrame:
        """Pairs, without labels, that silver may not hold: dev, test, and the gold whose labels are used."""
        target = self.splits(self.target)
        return pd.concat([table[SENTENCES] for table in (target.dev, target.test, self.gold)], ignore_index=True)

    @cached_property
    def earlier(self) -> Flow | None:
        """The flow of the round before: its bi-encoder is what this round's sampler searches with."""
        if self.round == 1:
            return None
        flow = Flow(self.cfg, self.store, fetch=self.fetch, round=self.round - 1)
        vars(flow).update({name: getattr(self, name) for name in _EVERY_ROUND})
        return flow

    @cached_property
    def candidates(self) -> Stage | None:
        """Pairs that the sampler picks from the pool, and those of the rounds before."""
        if self.cfg.get("sampler") is None:
            return None
        sampler, before = self.part("sampler"), {}
        if self.earlier and self.earlier.bi_encoder and self.earlier.candidates:
            sampler = sampler.replaced(dict.fromkeys(sampler.encoders, self.earlier.bi_encoder.inputs["encoder"]))
            before = {"before": self.earlier.candidates}

        def write(folder: Path) -> None:
            found = sampler.make()(read_pool(self.pool.folder), self.exclude)
            stages.write_candidates(folder, [_table(s) for s in before.values()], found, sampler.settings["_target_"])

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
            made = without(augmenter.make()(self.gold), self.exclude)
            stages.write_augmented(folder, made, augmenter.settings["_target_"])

        def settings() -> dict[str, Any]:
            return {"augmenter": augmenter.keyed, "exclude": _text_of(self.exclude)} | self.cut

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
        return self.labelled(self.in_round("labels"), self.labeller, lambda: _table(candidates), inputs, {})

    @cached_property
    def silver(self) -> Stage | None:
        """What the selector takes of the labelled candidates and the augmented pairs."""
        made = {"labels": self.labels, "augmented": self.augmented}
        inputs = {role: stage for role, stage in made.items() if stage is not None}
        if not inputs:
            return None
        selector = self.part("selector")

        def write(folder: Path) -> None:
            scored = pd.concat([_table(stage) for stage in inputs.values()], ignore_index=True)
            stages.write_silver(folder, selector.make()(scored, Evidence(self.gold, self.judged)))

        def settings() -> dict[str, Any]:
            return selector.keyed | self.cut

        return self.stage(self.in_round("silver"), write, settings, {**inputs, "source": self.source}, "silver")

    def judged(self) -> pd.DataFrame:
        """The source's dev pairs, with the labeller's own scores of them in ``prediction``."""
        if not self.labeller:
            raise UserError("selector: it reads how the labeller scores dev, but without a sampler there is none.")
        splits = self.splits(self.source)
        exam = Exam(lambda: splits, {"dataset": self.source}, {})
        scored = _table(self.evaluation("labeller", self.labeller, exam), "predictions")
        return splits.dev.assign(prediction=scored["prediction"][: len(splits.dev)].to_numpy())

    @cached_property
    def bi_encoder(self) -> Part | None:
        """AugSBERT: fitted on gold and silver, or on silver alone."""
        if self.silver is None:
            return None
        return self.fitted(self.in_round("bi_encoder"), self.part("bi_encoder"), self.of_silver(self.silver))

    @cached_property
    def poly_encoder(self) -> Part | None:
        """The poly-encoder, fitted on the same pairs as AugSBERT."""
        if self.silver is None:
            return None
        return self.fitted("poly_encoder", self.part("poly_encoder"), self.of_silver(self.silver))

    @cached_property
    def baseline(self) -> Part:
        """SBERT: fitted on what the labeller learnt from; in domain adaptation it is the out-of-domain model."""
        return self.fitted("baseline", self.part("baseline"), self.of_gold(self.source))

    @cached_property
    def upper_bound(self) -> Part:
        """Fitted on all of the target's gold."""
        return self.fitted("upper_bound", self.part("baseline"), self.of_gold(self.target, whole=True))

    def of_gold(self, dataset: Stage, *, whole: bool = False) -> Lesson:
        """Gold, or all of the data set's train pairs; its dev pairs decide."""

        def train() -> pd.DataFrame:
            return self.splits(dataset).train if whole else self.gold

        def dev() -> tuple[pd.DataFrame, Task]:
            return self.splits(dataset).dev, self.splits(dataset).task

        return Lesson(train, dev, {"source": dataset}, {"gold_size": None, "seed": None} if whole else self.cut)

    def of_silver(self, silver: Stage) -> Lesson:
        """Silver, under gold where the config says so; dev is gold's, or held-out silver in domain adaptation."""
        gold = {"gold": self.relabelled} if self.cfg.relabel_gold else {}

        def train() -> pd.DataFrame:
            pairs = self.held(silver)[0] if self.adapted else _table(silver)
            known = _table(gold["gold"]) if gold else self.gold
            return pairs if self.cfg.train_on == "silver" else mix(known, pairs)

        def dev() -> tuple[pd.DataFrame, Task]:
            pairs = self.held(silver)[1] if self.adapted else None
            return self.of_gold(self.source).dev() if pairs is None else (pairs, task_of(pairs))

        settings = self.cut | self.holdout | {"train_on": self.cfg.train_on}
        return Lesson(train, dev, {"source": self.source, "silver": silver, **gold}, settings)

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

    @property
    def holdout(self) -> dict[str, Any]:
        """What decides which silver is held out, as part of a key."""
        return {"holdout": self.cfg.holdout, "holdout_seed": self.cfg.seed} if self.adapted else {}

    def held(self, silver: Stage) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Silver to train on, and silver to choose models and thresholds by."""
        return hold_out(_table(silver), self.cfg.holdout, self.cfg.seed)

    @cached_property
    def exam(self) -> Exam:
        """The target's dev and test pairs; in domain adaptation held-out silver is dev, and its own labels stay unread.

        Raises:
            UserError: there is no silver to hold out.
        """
        silver = self.silver
        if not self.adapted:
            return Exam(lambda: self.splits(self.target), {"dataset": self.target}, {})
        if silver is None:
            raise UserError("source: with one, models are chosen on held-out silver. Choose a sampler: sampler=given.")

        def splits() -> Splits:
            return self.splits(self.target)._replace(dev=self.held(silver)[1])

        return Exam(splits, {"dataset": self.target, "silver": silver}, self.holdout)

    @cached_property
    def evaluations(self) -> dict[str, Stage]:
        """The rows of the final table, a stage each; AugSBERT comes first, so that bad candidates show early."""
        compare = self.cfg.compare
        encoders = {
            "bi_encoder": self.bi_encoder,
            "poly_encoder": self.poly_encoder if compare.poly else None,
            "baseline": self.baseline if compare.baseline else None,
            "upper_bound": self.upper_bound if compare.upper_bound else None,
            "untrained": self.part("bi_encoder") if compare.untrained else None,
        }
        alone = {name: {name: part} for name, part in encoders.items() if part is not None}
        rows = alone | ({"cross_encoder": self.labeller} if self.labeller else {})
        return {name: self.evaluation(name, parts, self.exam) for name, parts in rows.items()}

    def in_round(self, name: str) -> str:
        """The name of a stage that each round makes anew: plain in the last one."""
        return name if self.round == self.cfg.rounds else f"{name}/round-{self.round}"


def _table(stage: Stage, name: str = "pairs") -> pd.DataFrame:
    return pd.read_parquet(stage.folder / f"{name}.parquet")


def _text_of(pairs: pd.DataFrame) -> str:
    return digest(pairs[SENTENCES].to_numpy(dtype=object).ravel())
