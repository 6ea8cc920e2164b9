"""Regression of the cosine on the score."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import every_row, no_parameters


class CosineSimilarityLoss(nn.Module):
    """``mean((cos(u, v) - score) ** 2)``: regression of the cosine on the score, the paper's loss.

    Source: Reimers & Gurevych 2019 (arXiv 1908.10084, section 3, regression objective).
    """

    VERSION = 1
    configure = no_parameters
    keep = every_row

    def __init__(self) -> None:  # nn.Module's own takes anything, so that no misspelt setting would be noticed
        super().__init__()

    def forward(self, u: Tensor, v: Tensor, scores: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) -> scalar."""
        return F.mse_loss(F.cosine_similarity(u.float(), v.float()), scores.float())
