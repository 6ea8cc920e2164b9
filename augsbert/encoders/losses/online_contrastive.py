"""The contrastive loss over the hard pairs of a batch."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.contrastive import DISTANCES
from augsbert.encoders.losses.interface import every_row, no_parameters
from augsbert.ranges import check_above_zero, check_choice, check_number


class OnlineContrastiveLoss(nn.Module):
    """The contrastive loss, summed over the hard pairs of the batch only.

    Hard are the positives that are further apart than the nearest negative, and the negatives that are nearer than the
    furthest positive. A batch of one kind alone compares it with its own mean, as in sentence-transformers. The sum,
    unlike ``ContrastiveLoss``'s mean, grows with the batch.

    Args:
        distance_metric: ``cosine_distance`` (1 - cosine), ``euclidean`` or ``manhattan``.
        margin: distance from which a negative costs nothing; above 0.
        positive_from: lowest score of a positive, 0..1. sentence-transformers takes 0/1 labels.

    Raises:
        UserError: an argument is out of range.

    Source: sentence-transformers, ``losses/online_contrastive.py``.
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
        near = distances[scores >= self.positive_from]
        far = distances[scores < self.positive_from]
        hard_near = near[near > (far.min() if len(far) else near.mean())]
        hard_far = far[far < (near.max() if len(near) else far.mean())]
        return (hard_near**2).sum() + (F.relu(self.margin - hard_far) ** 2).sum()
