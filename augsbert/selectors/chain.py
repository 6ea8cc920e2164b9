"""Several selectors in turn, each on what the one before it left."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pandas as pd

from augsbert.errors import UserError
from augsbert.pairs import Evidence

log = logging.getLogger(__name__)


class Chain:
    """Apply selectors in the order in which they are named. All of them see the same evidence.

    Args:
        selectors: name to selector, such as ``Chain(kde=KDE(seed=1), binarise=Binarise())``.

    Raises:
        UserError: there is none, or one of them is no selector.
    """

    VERSION = 1
    #: The order of the parts counts.
    ORDERED = True

    def __init__(self, **selectors: Callable[[pd.DataFrame, Evidence], pd.DataFrame]) -> None:
        if not selectors:
            raise UserError("a chain without selectors: name one, such as +selector@selector.kde=kde.")
        for name, selector in selectors.items():
            if not callable(selector):
                raise UserError(f"{name}={selector!r}: it is no selector, which is called with (scored, evidence).")
        self.selectors = selectors

    @property
    def reads_dev(self) -> bool:
        """Whether one of them asks how the labeller scores the source's dev pairs."""
        return any(getattr(selector, "reads_dev", False) for selector in self.selectors.values())

    def __call__(self, scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        """Select in turn.

        Args:
            scored: candidates with ``sentence1``, ``sentence2``, ``score`` and ``origin``.
            evidence: what each selector may look at.

        Returns:
            What the last selector leaves.
        """
        for name, selector in self.selectors.items():
            before = len(scored)
            scored = selector(scored, evidence)
            log.info("%s: %d of %d pairs are left", name, len(scored), before)
        return scored
