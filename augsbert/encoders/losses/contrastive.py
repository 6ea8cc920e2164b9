"""The contrastive loss, and the distances that it may take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import every_row, no_parameters
from augsbert.ranges import check_above_zero, check_choice, check_number

DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cosine_distance": lambda u, v: 1 - F.cosine_similarity(u, v),
    "euclidean": F.pairwise_distance,
    "manhattan": partial(F.pairwise_distance, p=1.0),
}


class ContrastiveLoss(nn.Module):
    """``0.5 * mean(d ** 2)`` of the positives and of ``relu(margin - d) ** 2`` of the negatives, d their distance.

    Pulls positives together and pushes negatives apart until they are ``margin`` away.

    Args:
        distance_metric: ``cosine_distance`` (1 - cosine), ``euclidean`` or ``manhattan``.
        margin: distance from which a negative costs nothing; above 0.
        positive_from: lowest score of a positive, 0..1. sentence-transformers takes 0/1 labels.

    Raises:
        UserError: an argument is out of range.

    Source: Hadsell, Chopra & LeCun 2006 (CVPR, section 2.1).
    """

    VERSION = 1
    configure = no_parameters
    keep = every_row

    def __init__(
        self, distance_metric: str = "cosine_distance", margin: float = 0.5, positive_from: float = 0.5
    ) -> None:
        super().__init__()
        check_choice("distance_metric", distance_metric, list(DISTANCES))
        check_above_zero("margin", margin)
        check_number("positive_from", positive_from, 0, 1)
        self.distance_metric, self.margin, self.positive_from = distance_metric, margin, positive_from

    def forward(self, u: Tensor, v: Tensor, scores: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) -> scalar."""
        distances = DISTANCES[self.distance_metric](u.float(), v.float())
        losses = torch.where(scores >= self.positive_from, distances**2, F.relu(self.margin - distances) ** 2)
        return 0.5 * losses.mean()
