"""The flow of Augmented SBERT: read gold.py, silver.py and this, and you have read the method.

Here gold and silver become encoders, and encoders the rows of a table (Thakur et al. 2021, sections 3 and 4).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from augsbert.batching import lone_candidates
from augsbert.config import make
from augsbert.config_checks import located
from augsbert.encoder_nodes import EvaluationData, TrainingData
from augsbert.errors import UserError
from augsbert.pairs import Splits, Task, hold_out, mix, task_of
from augsbert.parts import Part
from augsbert.silver import Round, SilverFlow, table_of
from augsbert.store import NotFetched, Stage, Store

#: Nodes that no round changes: shared by all of them, so that each is keyed and made once.
_EVERY_ROUND = ("splits", "target", "source", "pool", "augmented", "labeller")


class Flow(SilverFlow):
    """The stages of one run: each is a property, made of those above it.

    Args:
        cfg: the composed and checked config.
        store: where the stages are kept.
        fetch: download raw files that are missing; a plan does not.
        round: the flow up to this round, 1 or more; None takes all that the config asks for.
    """

    def __init__(self, cfg: DictConfig, store: Store, *, fetch: bool = True, round: int | None = None) -> None:
        super().__init__(cfg, store, fetch=fetch, round=round or cfg.rounds)
        if self.round > 1:
            earlier = Flow(cfg, store, fetch=fetch, round=self.round - 1)
            vars(self).update({name: getattr(earlier, name) for name in _EVERY_ROUND})
            if earlier.candidates is not None and earlier.bi_encoder is not None:
                self.before = Round(earlier.candidates, earlier.bi_encoder.inputs["encoder"])

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
        return self.fitted_on_gold("baseline", self.source)

    @cached_property
    def upper_bound(self) -> Part:
        """Fitted on all of the target's gold."""
        return self.fitted_on_gold("upper_bound", self.target, whole=True)

    def fitted_on_gold(self, name: str, dataset: Stage, *, whole: bool = False) -> Part:
        """The bi-encoder with the baseline's loss and fit, on gold or all of a data set.

        Raises:
            UserError: the data set has no scores, or none of its pairs can teach the loss anything.
        """
        part, data = self.part("baseline"), self.of_gold(dataset, whole=whole)
        # The fit would say so itself, after hours of labelling; a plan may have no data set to look into.
        with suppress(NotFetched):
            _check_teaches(data.train(), part.settings["loss"])
        return self.fitted(name, part, data)

    def of_silver(self, silver: Stage) -> TrainingData:
        """Silver, under gold where the config says so; dev is gold's, or held-out silver in domain adaptation."""
        gold = {"gold": self.relabelled} if self.cfg.relabel_gold else {}

        def train() -> pd.DataFrame:
            pairs = self.held(silver)[0] if self.adapted else table_of(silver)
            known = table_of(gold["gold"]) if gold else self.gold
            return pairs if self.cfg.train_on == "silver" else mix(known, pairs)

        def dev() -> tuple[pd.DataFrame, Task]:
            pairs = self.held(silver)[1] if self.adapted else None
            return self.of_gold(self.source).dev() if pairs is None else (pairs, task_of(pairs))

        def settings() -> dict[str, Any]:
            return self.cut() | self.holdout | {"train_on": self.cfg.train_on}

        return TrainingData(train, dev, {"source": self.source, "silver": silver, **gold}, settings)

    @property
    def holdout(self) -> dict[str, Any]:
        """What decides which silver is held out, as part of a key."""
        return {"holdout": self.cfg.holdout, "holdout_seed": self.cfg.seed} if self.adapted else {}

    def held(self, silver: Stage) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Silver to train on, and silver to choose models and thresholds by."""
        return hold_out(table_of(silver), self.cfg.holdout, self.cfg.seed)

    @cached_property
    def evaluation_data(self) -> EvaluationData:
        """The target's dev and test pairs; in domain adaptation held-out silver is dev, and its own labels stay unread.

        Raises:
            UserError: there is no silver to hold out.
        """
        silver = self.silver
        if not self.adapted:
            return EvaluationData(lambda: self.splits(self.target), {"dataset": self.target}, {})
        if silver is None:
            raise UserError("source: with one, models are chosen on held-out silver. Choose a sampler: sampler=given.")

        def splits() -> Splits:
            return self.splits(self.target)._replace(dev=self.held(silver)[1])

        return EvaluationData(splits, {"dataset": self.target, "silver": silver}, self.holdout)

    @property
    def posed(self) -> Task:
        """The task that the encoders are evaluated on: the target's."""
        return self.splits(self.target).task

    @cached_property
    def evaluations(self) -> dict[str, Stage]:
        """The rows of the final table, a stage each; AugSBERT comes first, so that bad candidates show early."""
        compare, data = self.cfg.compare, self.evaluation_data
        encoders = {
            "bi_encoder": self.bi_encoder,
            "poly_encoder": self.poly_encoder if compare.poly else None,
            "baseline": self.baseline if compare.baseline else None,
            "upper_bound": self.upper_bound if compare.upper_bound else None,
            "untrained": self.part("bi_encoder") if compare.untrained else None,
        }
        alone = {name: {name: part} for name, part in encoders.items() if part is not None}
        rows = alone | ({"cross_encoder": self.labeller} if self.labeller else {})
        return {name: self.evaluation(name, parts, data) for name, parts in rows.items()}


def _check_teaches(pairs: pd.DataFrame, loss: dict[str, Any]) -> None:
    """Refuse pairs that a loss cannot learn from, by its node in the config."""
    made = make(loss)
    try:
        made.keep(pairs["score"].to_numpy())
    except UserError as error:
        raise UserError(located(str(error), "baseline.loss", loss)) from error
    if getattr(made, "by_query", False) and not pairs["sentence1"].str.lower().duplicated().any():
        raise lone_candidates(type(made).__name__)
