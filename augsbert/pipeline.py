"""The flow of Augmented SBERT: read it and you have read the method (Thakur et al. 2021, sections 3 and 4).

A node is a stage that is made when something asks for its folder, so a run makes only what its report needs. The rule that makes
the scenarios fall out: what has no score is labelled; if nothing needs a label, no cross-encoder is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from augsbert import stages
from augsbert.config import make, plain
from augsbert.datasets.checks import check_scores
from augsbert.hardware import Hardware
from augsbert.pairs import SENTENCES, Pool, Splits, digest, draw, mix
from augsbert.parts import STAGE, Part, keyed_dataset
from augsbert.pool import read_pool, unlabelled, write_pool
from augsbert.store import Stage, Store
from augsbert.store.rows import Rows

#: Versions of the code behind each kind of stage; a test fails when that code changes and its version does not.
VERSIONS = {
    "dataset": 1,
    "pool": 1,
    "candidates": 1,
    "augmented": 1,
    "cross_encoder": 1,
    "labels": 1,
    "silver": 1,
    "bi_encoder": 1,
    "evaluation": 1,
}


def parts_of(cfg: DictConfig) -> dict[str, Any]:
    """Name in the config -> node, as plain containers, of every part; the baseline is the bi-encoder with its own loss and fit."""
    names = (
        "dataset",
        "source",
        "sampler",
        "augmenter",
        "selector",
        "cross_encoder",
        "bi_encoder",
        "trainer",
        "logger",
    )
    parts = {name: plain(cfg.get(name)) for name in names}
    return parts | {"baseline": {**parts["bi_encoder"], **plain(cfg.baseline)}}


class Flow:
    """The stages of one run.

    Args:
        cfg: the composed and checked config.
        store: where the stages are kept.
        fetch: download raw files that are missing; a plan does not.
    """

    def __init__(self, cfg: DictConfig, store: Store, *, fetch: bool = True) -> None:
        self.cfg, self.store, self.fetch = cfg, store, fetch
        self.hardware: Hardware = make(plain(cfg.trainer))
        self.splits: Callable[[Stage], Splits] = cache(lambda stage: stages.read_splits(stage.folder))

    @cached_property
    def target(self) -> Stage:
        """Gold pairs of the domain where the bi-encoder must work."""
        return self._dataset("dataset", self.cfg.dataset)

    @cached_property
    def source(self) -> Stage:
        """Gold pairs of the domain where the labeller learns: the target itself, except in domain adaptation."""
        source = self.cfg.get("source")
        return self.target if source is None else self._dataset("source", source)

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

        return self._stage("pool", lambda folder: write_pool(folder, pool()), settings)

    @cached_property
    def candidates(self) -> Stage | None:
        """Pairs that the sampler picks from the pool: nothing of dev, of test, or of the gold whose labels are used."""
        if self.cfg.get("sampler") is None:
            return None
        sampler = self._part("sampler")

        @cache
        def exclude() -> pd.DataFrame:
            target = self.splits(self.target)
            return pd.concat([table[SENTENCES] for table in (target.dev, target.test, self.gold)], ignore_index=True)

        def write(folder: Path) -> None:
            found = sampler.make()(read_pool(self.pool.folder), exclude())
            stages.write_candidates(folder, found, sampler.settings["_target_"])

        def settings() -> dict[str, Any]:
            return {"sampler": sampler.keyed, "exclude": _text_of(exclude())}

        return self._stage("candidates", write, settings, {"pool": self.pool, **sampler.inputs})

    @cached_property
    def augmented(self) -> Stage | None:
        """Gold with other words and its own scores."""
        if self.cfg.get("augmenter") is None:
            return None
        augmenter = self._part("augmenter")

        def write(folder: Path) -> None:
            stages.write_augmented(folder, augmenter.make()(self.gold))

        return self._stage("augmented", write, lambda: augmenter.keyed | self._cut, {"source": self.source})

    @cached_property
    def labeller(self) -> Part | None:
        """The cross-encoder, fitted on gold if there are candidates to label; with ``fit: null`` it is taken as it is."""
        if self.candidates is None:
            return None
        part = self._part("cross_encoder")
        if part.settings.get("fit") is None:
            return part
        return self._fitted("cross_encoder", part, lambda: self.gold, {"source": self.source})

    @cached_property
    def labels(self) -> Stage | None:
        """The candidates, scored by the labeller."""
        labeller, candidates = self.labeller, self.candidates
        if labeller is None or candidates is None:
            return None
        fit = self._part("cross_encoder").settings.get("fit") or {}
        precision = self.hardware.precision(fit.get("precision", "auto"))

        def write(folder: Path) -> None:
            kept = Rows(self.store.dir / "rows" / f"{labeller.identity[:32]}-{precision}")
            table = pd.read_parquet(candidates.folder / "pairs.parquet")
            stages.label(folder, lambda: self._scoring("labels", labeller, precision), table, kept)

        def settings() -> dict[str, Any]:
            return {"labeller": labeller.keyed, "precision": precision}

        return self._stage("labels", write, settings, {"candidates": candidates, **labeller.inputs})

    @cached_property
    def silver(self) -> Stage | None:
        """What the selector takes of the labelled candidates and the augmented pairs."""
        made = {"labels": self.labels, "augmented": self.augmented}
        inputs = {role: stage for role, stage in made.items() if stage is not None}
        if not inputs:
            return None
        selector = self._part("selector")

        def write(folder: Path) -> None:
            scored = [pd.read_parquet(stage.folder / "pairs.parquet") for stage in inputs.values()]
            stages.write_silver(folder, selector.make()(pd.concat(scored, ignore_index=True), self.gold))

        return self._stage("silver", write, lambda: selector.keyed | self._cut, {**inputs, "source": self.source})

    @cached_property
    def bi_encoder(self) -> Part | None:
        """AugSBERT: fitted on gold and silver."""
        silver = self.silver
        if silver is None:
            return None

        def train() -> pd.DataFrame:
            return mix(self.gold, pd.read_parquet(silver.folder / "pairs.parquet"))

        return self._fitted("bi_encoder", self._part("bi_encoder"), train, {"source": self.source, "silver": silver})

    @cached_property
    def baseline(self) -> Part:
        """SBERT: fitted on what the labeller learnt from."""
        return self._fitted("baseline", self._part("baseline"), lambda: self.gold, {"source": self.source})

    @cached_property
    def upper_bound(self) -> Part:
        """Fitted on all of the target's gold."""
        whole = {"gold_size": None, "seed": None}
        inputs = {"source": self.target}
        return self._fitted(
            "upper_bound", self._part("baseline"), lambda: self.splits(self.target).train, inputs, whole
        )

    @cached_property
    def evaluations(self) -> dict[str, Stage]:
        """The rows of the final table, one stage with other inputs each; AugSBERT first, so that bad candidates show early."""
        compare = self.cfg.compare
        encoders = {
            "bi_encoder": self.bi_encoder,
            "cross_encoder": self.labeller,
            "baseline": self.baseline if compare.baseline else None,
            "upper_bound": self.upper_bound if compare.upper_bound else None,
            "untrained": self._part("bi_encoder") if compare.untrained else None,
        }
        return {name: self._evaluation(name, part) for name, part in encoders.items() if part is not None}

    def _evaluation(self, name: str, encoder: Part) -> Stage:
        encoder = encoder.replaced(loss=None, fit=None)

        def write(folder: Path) -> None:
            splits = self.splits(self.target)
            # In float32, as sentence-transformers loads what is kept.
            job = self._scoring(f"test {name}", encoder, "32-true")
            stages.evaluate(folder, job, splits.dev, splits.test, splits.task)

        inputs = {"dataset": self.target, **encoder.inputs}
        return self._stage(f"evaluation/{name}", write, lambda: encoder.keyed, inputs, kind="evaluation")

    def _fitted(
        self,
        name: str,
        part: Part,
        train: Callable[[], pd.DataFrame],
        inputs: Mapping[str, Stage],
        cut: Mapping[str, Any] | None = None,
    ) -> Part:
        """The part with the stage that fits it as its encoder; dev decides which epoch is kept."""
        kind = "cross_encoder" if name == "cross_encoder" else "bi_encoder"
        fit = {**part.settings["fit"], "precision": self.hardware.precision(part.settings["fit"]["precision"])}
        self.hardware.share(fit["batch_size"], f"{'baseline' if name == 'upper_bound' else name}.fit.batch_size")
        part = part.replaced(fit=fit)

        def write(folder: Path) -> None:
            source = self.splits(inputs["source"])
            job = {"stage": name, "encoder": part.ready(), "hardware": plain(self.cfg.trainer), "task": source.task}
            stages.fit(folder, job, train(), source.dev)

        def settings() -> dict[str, Any]:
            return part.keyed | (self._cut if cut is None else dict(cut))

        stage = self._stage(name, write, settings, {**inputs, **part.inputs}, kind)
        return part.replaced({"encoder": stage}, num_layers=None)

    @property
    def _cut(self) -> dict[str, Any]:
        """What decides the gold beside its source."""
        return {"gold_size": self.cfg.gold_size, "seed": self.cfg.seed if self.cfg.gold_size else None}

    def _scoring(self, name: str, encoder: Part, precision: str) -> dict[str, Any]:
        settings = encoder.replaced(loss=None, fit=None).ready()
        return {"stage": name, "encoder": settings, "hardware": plain(self.cfg.trainer), "precision": precision}

    def _part(self, name: str) -> Part:
        part = Part(parts_of(self.cfg)[name], fetch=self.fetch)
        encoder = str(part.settings.get("encoder", ""))
        if not encoder.startswith(STAGE):
            return part
        fitted: Part = getattr(self, encoder.removeprefix(STAGE))
        return part.replaced(fitted.inputs)

    def _dataset(self, name: str, node: DictConfig) -> Stage:
        part = Part(node, fetch=self.fetch)

        def write(folder: Path) -> None:
            stages.write_splits(folder, part.make()())

        return self._stage(name, write, lambda: keyed_dataset(part), kind="dataset")

    def _stage(
        self,
        name: str,
        make: Callable[[Path], None],
        settings: Callable[[], dict[str, Any]],
        inputs: Mapping[str, Stage] | None = None,
        kind: str | None = None,
    ) -> Stage:
        kind = kind or name
        return Stage(self.store, name, kind, make, settings, dict(inputs or {}), VERSIONS[kind])


def _text_of(pairs: pd.DataFrame) -> str:
    return digest(pairs[SENTENCES].to_numpy(dtype=object).ravel())
