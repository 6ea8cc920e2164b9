"""How the nodes with an encoder in them are built: fits, labels, evaluations."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from augsbert import stages
from augsbert.config import plain
from augsbert.evaluation import PRIMARY
from augsbert.nodes import VERSIONS, Nodes
from augsbert.pairs import Splits, Task
from augsbert.parts import Part
from augsbert.store import Stage
from augsbert.store.rows import Rows

log = logging.getLogger(__name__)


class TrainingData(NamedTuple):
    """What an encoder is fitted on.

    ``train`` gives scored pairs; ``dev`` gives those that decide which epoch is kept, and the task that they pose.
    ``inputs`` are the stages that both read, ``settings`` whatever else decides them.
    """

    train: Callable[[], pd.DataFrame]
    dev: Callable[[], tuple[pd.DataFrame, Task]]
    inputs: Mapping[str, Stage]
    settings: Callable[[], Mapping[str, Any]]


class EvaluationData(NamedTuple):
    """What encoders are evaluated on: ``dev`` and ``test`` pairs of a task; the rest as in :class:`TrainingData`."""

    splits: Callable[[], Splits]
    inputs: Mapping[str, Stage]
    settings: Mapping[str, Any]


class EncoderNodes(Nodes):
    """What fits encoders, and what runs them over pairs."""

    def evaluation(self, name: str, parts: Mapping[str, Part], data: EvaluationData) -> Stage:
        """An encoder's scores (of several, their mean) of dev and test pairs, and their metrics."""
        # In float32 by torch, as sentence-transformers loads what is kept.
        encoders = [part.replaced(loss=None, fit=None, backend="torch") for part in parts.values()]

        def write(folder: Path) -> None:
            jobs = [self.scoring(f"test {name}", encoder, "32-true") for encoder in encoders]
            stages.evaluate(folder, jobs, data.splits())

        def settings() -> dict[str, Any]:
            return {"encoders": [encoder.keyed for encoder in encoders]} | dict(data.settings)

        inputs = {**data.inputs, **_joint_inputs(encoders)}
        return self.stage(f"evaluation/{name}", write, settings, inputs, kind="evaluation")

    def fitted(self, name: str, part: Part, data: TrainingData) -> Part:
        """The part with the stage that fits it as its encoder.

        Args:
            name: the role, such as ``baseline``; what stands before a slash is its place in the config.
            part: an encoder with its fit.
            data: what it is fitted on.

        Raises:
            UserError: the devices do not divide the batch size, or do not have the precision.
        """
        role = name.partition("/")[0]
        fit = {**part.settings["fit"], "precision": self.hardware.precision(part.settings["fit"]["precision"])}
        self.hardware.share(fit["batch_size"], f"{'baseline' if role == 'upper_bound' else role}.fit.batch_size")
        part = part.replaced(fit=fit)
        fitting = part.replaced(backend="torch")  # what labels does not count here

        def write(folder: Path) -> None:
            dev, task = data.dev()
            job = {"stage": name, "encoder": fitting.ready(), "hardware": plain(self.cfg.trainer), "task": task}
            stages.fit(folder, {**job, "pruning": self._pruning(name, task)}, data.train(), dev)

        def settings() -> dict[str, Any]:
            return {"encoder": fitting.keyed} | dict(data.settings())

        kind = "cross_encoder" if role == "cross_encoder" else "bi_encoder"
        stage = self.stage(name, write, settings, {**data.inputs, **part.inputs}, kind)
        return part.replaced({"encoder": stage}, num_layers=None)

    def _pruning(self, name: str, task: Task) -> dict[str, Any] | None:
        """The trial that the bi-encoder's fit reports to, where the search goes by what the fit reports."""
        if name != "bi_encoder" or self.cfg.pruning is None:
            return None
        goes_by = self.cfg.objective or f"bi_encoder/dev/{PRIMARY[self.posed]}"
        if goes_by != f"bi_encoder/dev/{PRIMARY[task]}":
            log.info("no trial is given up early: the fit reports %s, the search goes by %s", PRIMARY[task], goes_by)
            return None
        return plain(self.cfg.pruning)

    @property
    def posed(self) -> Task:
        """The task that the encoders are evaluated on."""
        raise NotImplementedError

    def labelled(
        self,
        name: str,
        labeller: Mapping[str, Part],
        pairs: Callable[[], pd.DataFrame],
        inputs: Mapping[str, Stage],
        cut: Callable[[], Mapping[str, Any]],
    ) -> Stage:
        """Pairs with the labeller's score (of several, their mean); each one's scores are kept for other runs, by pair.

        Args:
            name: of the stage.
            labeller: cross-encoders by stage name.
            pairs: gives what to score.
            inputs: what ``pairs`` reads.
            cut: gives what decides the pairs beside the inputs.
        """
        labellers = list(labeller.values())
        precisions = [self._precision(labeller) for labeller in labellers]

        def write(folder: Path) -> None:
            kept = [
                Rows(self.store.dir / "rows" / f"{labeller.identity[:32]}-{precision}-{VERSIONS['labels']}")
                for labeller, precision in zip(labellers, precisions, strict=True)
            ]
            jobs = [partial(self.scoring, "labels", *labeller) for labeller in zip(labellers, precisions, strict=True)]
            stages.label(folder, list(zip(jobs, kept, strict=True)), pairs())

        def settings() -> dict[str, Any]:
            keyed = [{"labeller": part.keyed, "precision": p} for part, p in zip(labellers, precisions, strict=True)]
            return {"labellers": keyed} | dict(cut())

        return self.stage(name, write, settings, {**inputs, **_joint_inputs(labellers)}, "labels")

    def _precision(self, labeller: Part) -> str:
        """What it was fitted in; one that is taken as it is computes in what is fast on this machine."""
        fit = labeller.settings.get("fit") or {}
        return self.hardware.precision(fit.get("precision", "auto"))

    def scoring(self, name: str, encoder: Part, precision: str) -> dict[str, Any]:
        """What a job needs to know to score pairs with the encoder."""
        settings = encoder.replaced(loss=None, fit=None).ready()
        return {"stage": name, "encoder": settings, "hardware": plain(self.cfg.trainer), "precision": precision}


def _joint_inputs(encoders: Sequence[Part]) -> dict[str, Stage]:
    """The stages behind several encoders, by role and number; of a single one, by role."""
    if len(encoders) == 1:
        return dict(encoders[0].inputs)
    return {f"{role}/{i}": stage for i, encoder in enumerate(encoders) for role, stage in encoder.inputs.items()}
