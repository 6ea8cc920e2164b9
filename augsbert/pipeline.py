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
from augsbert.nodes import Nodes
from augsbert.pairs import SENTENCES, Pool, digest, draw, mix
from augsbert.parts import Part
from augsbert.pool import read_pool, unlabelled, write_pool
from augsbert.store import Stage
from augsbert.store.rows import Rows


class Flow(Nodes):
    """The stages of one run: each is a property, made of those above it."""

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
    def candidates(self) -> Stage | None:
        """Pairs that the sampler picks from the pool: nothing of dev, of test, or of the gold whose labels are used."""
        if self.cfg.get("sampler") is None:
            return None
        sampler = self.part("sampler")

        @cache
        def exclude() -> pd.DataFrame:
            target = self.splits(self.target)
            return pd.concat([table[SENTENCES] for table in (target.dev, target.test, self.gold)], ignore_index=True)

        def write(folder: Path) -> None:
            found = sampler.make()(read_pool(self.pool.folder), exclude())
            stages.write_candidates(folder, found, sampler.settings["_target_"])

        def settings() -> dict[str, Any]:
            return {"sampler": sampler.keyed, "exclude": _text_of(exclude())}

        return self.stage("candidates", write, settings, {"pool": self.pool, **sampler.inputs})

    @cached_property
    def augmented(self) -> Stage | None:
        """Gold with other words and its own scores."""
        if self.cfg.get("augmenter") is None:
            return None
        augmenter = self.part("augmenter")

        def write(folder: Path) -> None:
            stages.write_augmented(folder, augmenter.make()(self.gold))

        return self.stage("augmented", write, lambda: augmenter.keyed | self.cut, {"source": self.source})

    @cached_property
    def labeller(self) -> Part | None:
        """The cross-encoder, fitted on gold if there is something to label; with ``fit: null`` it is taken as it is."""
        if self.candidates is None:
            return None
        part = self.part("cross_encoder")
        if part.settings.get("fit") is None:
            return part
        return self.fitted("cross_encoder", part, lambda: self.gold, {"source": self.source})

    @cached_property
    def labels(self) -> Stage | None:
        """The candidates, scored by the labeller."""
        labeller, candidates = self.labeller, self.candidates
        if labeller is None or candidates is None:
            return None
        fit = self.part("cross_encoder").settings.get("fit") or {}
        precision = self.hardware.precision(fit.get("precision", "auto"))

        def write(folder: Path) -> None:
            kept = Rows(self.store.dir / "rows" / f"{labeller.identity[:32]}-{precision}")
            table = pd.read_parquet(candidates.folder / "pairs.parquet")
            stages.label(folder, lambda: self.scoring("labels", labeller, precision), table, kept)

        def settings() -> dict[str, Any]:
            return {"labeller": labeller.keyed, "precision": precision}

        return self.stage("labels", write, settings, {"candidates": candidates, **labeller.inputs})

    @cached_property
    def silver(self) -> Stage | None:
        """What the selector takes of the labelled candidates and the augmented pairs."""
        made = {"labels": self.labels, "augmented": self.augmented}
        inputs = {role: stage for role, stage in made.items() if stage is not None}
        if not inputs:
            return None
        selector = self.part("selector")

        def write(folder: Path) -> None:
            scored = [pd.read_parquet(stage.folder / "pairs.parquet") for stage in inputs.values()]
            stages.write_silver(folder, selector.make()(pd.concat(scored, ignore_index=True), self.gold))

        return self.stage("silver", write, lambda: selector.keyed | self.cut, {**inputs, "source": self.source})

    @cached_property
    def bi_encoder(self) -> Part | None:
        """AugSBERT: fitted on gold and silver."""
        silver = self.silver
        if silver is None:
            return None

        def train() -> pd.DataFrame:
            return mix(self.gold, pd.read_parquet(silver.folder / "pairs.parquet"))

        return self.fitted("bi_encoder", self.part("bi_encoder"), train, {"source": self.source, "silver": silver})

    @cached_property
    def baseline(self) -> Part:
        """SBERT: fitted on what the labeller learnt from."""
        return self.fitted("baseline", self.part("baseline"), lambda: self.gold, {"source": self.source})

    @cached_property
    def upper_bound(self) -> Part:
        """Fitted on all of the target's gold."""
        whole = {"gold_size": None, "seed": None}
        inputs = {"source": self.target}
        return self.fitted("upper_bound", self.part("baseline"), lambda: self.splits(self.target).train, inputs, whole)

    @cached_property
    def evaluations(self) -> dict[str, Stage]:
        """The rows of the final table, a stage each; AugSBERT comes first, so that bad candidates show early."""
        compare = self.cfg.compare
        encoders = {
            "bi_encoder": self.bi_encoder,
            "cross_encoder": self.labeller,
            "baseline": self.baseline if compare.baseline else None,
            "upper_bound": self.upper_bound if compare.upper_bound else None,
            "untrained": self.part("bi_encoder") if compare.untrained else None,
        }
        return {name: self.evaluation(name, part, self.target) for name, part in encoders.items() if part is not None}


def _text_of(pairs: pd.DataFrame) -> str:
    return digest(pairs[SENTENCES].to_numpy(dtype=object).ravel())
