"""What the losses share: the two methods that most have nothing to say to, and checks of arguments."""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from augsbert.errors import UserError


def no_parameters(self: nn.Module, embedding_dimension: int) -> None:
    """This loss has no parameters of its own."""


def every_row(self: nn.Module, scores: np.ndarray) -> np.ndarray:
    """This loss learns from every row: (n,) scores in 0..1 -> (n,) all True."""
    return np.ones(len(scores), dtype=bool)


def above_zero(name: str, value: float) -> float:
    """Return ``value``, or raise UserError where it is not a finite number above 0."""
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UserError(f"{name}={value}: it must be a number above 0.")
    return value


def within_scores(name: str, value: float) -> float:
    """Return ``value``, or raise UserError where it is not a number in 0..1."""
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"{name}={value}: it must be a score, a number in 0..1.")
    return value
