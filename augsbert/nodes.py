"""How the nodes of a flow are built: from a config node and the stages that feed it to a stage of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from augsbert import stages
from augsbert.config import make, mounted, plain
from augsbert.errors import UserError
from augsbert.hardware import Hardware
from augsbert.pairs import Splits
from augsbert.parts import STAGE, Part, keyed_dataset
from augsbert.store import Stage, Store

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
    """Name in the config -> node of every part; the baseline is the bi-encoder with a loss and a fit of its own."""
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


class Nodes:
    """What the flow's stages are made with.

    Args:
        cfg: the composed and checked config.
        store: where the stages are kept.
        fetch: download raw files that are missing; a plan does not.
    """

    def __init__(self, cfg: DictConfig, store: Store, *, fetch: bool = True) -> None:
        self.cfg, self.store, self.fetch = cfg, store, fetch
        self.hardware: Hardware = make(plain(cfg.trainer))
        self.splits: Callable[[Stage], Splits] = cache(lambda stage: stages.read_splits(stage.folder))

    def evaluation(self, name: str, encoder: Part, dataset: Stage) -> Stage:
        """The encoder's scores of the dataset's dev and test pairs, and their metrics."""
        encoder = encoder.replaced(loss=None, fit=None)

        def write(folder: Path) -> None:
            splits = self.splits(dataset)
            # In float32, as sentence-transformers loads what is kept.
            job = self.scoring(f"test {name}", encoder, "32-true")
            stages.evaluate(folder, job, splits.dev, splits.test, splits.task)

        inputs = {"dataset": dataset, **encoder.inputs}
        return self.stage(f"evaluation/{name}", write, lambda: encoder.keyed, inputs, kind="evaluation")

    def fitted(
        self,
        name: str,
        part: Part,
        train: Callable[[], pd.DataFrame],
        inputs: Mapping[str, Stage],
        cut: Mapping[str, Any] | None = None,
    ) -> Part:
        """The part with the stage that fits it as its encoder.

        Args:
            name: the role, such as ``baseline``.
            part: an encoder with its fit.
            train: gives the training pairs.
            inputs: what ``train`` reads; the dev pairs of ``source`` decide which epoch is kept.
            cut: what decides the training pairs beside the inputs; None takes the gold's cut.
        """
        kind = "cross_encoder" if name == "cross_encoder" else "bi_encoder"
        fit = {**part.settings["fit"], "precision": self.hardware.precision(part.settings["fit"]["precision"])}
        self.hardware.share(fit["batch_size"], f"{'baseline' if name == 'upper_bound' else name}.fit.batch_size")
        part = part.replaced(fit=fit)

        def write(folder: Path) -> None:
            source = self.splits(inputs["source"])
            job = {"stage": name, "encoder": part.ready(), "hardware": plain(self.cfg.trainer), "task": source.task}
            stages.fit(folder, job, train(), source.dev)

        def settings() -> dict[str, Any]:
            return part.keyed | (self.cut if cut is None else dict(cut))

        stage = self.stage(name, write, settings, {**inputs, **part.inputs}, kind)
        return part.replaced({"encoder": stage}, num_layers=None)

    @property
    def cut(self) -> dict[str, Any]:
        """What decides the gold beside its source."""
        return {"gold_size": self.cfg.gold_size, "seed": self.cfg.seed if self.cfg.gold_size else None}

    def scoring(self, name: str, encoder: Part, precision: str) -> dict[str, Any]:
        """What a job needs to know to score pairs with the encoder."""
        settings = encoder.replaced(loss=None, fit=None).ready()
        return {"stage": name, "encoder": settings, "hardware": plain(self.cfg.trainer), "precision": precision}

    def part(self, name: str) -> Part:
        """The part of that name in the config; ``encoder: stage:NAME`` becomes an input."""
        part = Part(parts_of(self.cfg)[name], fetch=self.fetch)
        encoder = str(part.settings.get("encoder", ""))
        if not encoder.startswith(STAGE):
            return part
        fitted: Part = getattr(self, encoder.removeprefix(STAGE))
        return part.replaced(fitted.inputs)

    def dataset(self, name: str, node: DictConfig) -> Stage:
        """The splits of a dataset, read, checked and guarded against leaks."""
        part = Part(node, fetch=self.fetch)

        @contextmanager
        def named() -> Iterator[None]:
            try:
                yield
            except UserError as error:
                # The part says dataset.path, which is source.path where it stands as the source.
                raise UserError(mounted(str(error), name, part.settings)) from error

        def write(folder: Path) -> None:
            with named():
                stages.write_splits(folder, part.make()())

        def settings() -> dict[str, Any]:
            with named():
                return keyed_dataset(part)

        return self.stage(name, write, settings, kind="dataset")

    def stage(
        self,
        name: str,
        make: Callable[[Path], None],
        settings: Callable[[], dict[str, Any]],
        inputs: Mapping[str, Stage] | None = None,
        kind: str | None = None,
    ) -> Stage:
        """A node; its kind is its name where the name is no role."""
        kind = kind or name
        return Stage(self.store, name, kind, make, settings, dict(inputs or {}), VERSIONS[kind])
