"""SBERT's classification objective."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import every_row
from augsbert.errors import UserError
from augsbert.ranges import check_count


class SoftmaxLoss(nn.Module):
    """Cross-entropy of a linear classifier over ``(u, v, |u - v|)``; the classifier is dropped after training.

    The scores are cut into ``num_labels`` classes by rounding ``score * (num_labels - 1)``, halves upwards: with 2 a
    pair is positive from 0.5, with 6 STSb's scores are their own classes. sentence-transformers takes the classes.

    Args:
        num_labels: number of classes; at least 2.

    Raises:
        UserError: ``num_labels`` is out of range.

    Source: Reimers & Gurevych 2019 (arXiv 1908.10084, section 3, classification objective).
    """

    VERSION = 1
    keep = every_row

    def __init__(self, num_labels: int = 2) -> None:
        super().__init__()
        check_count("num_labels", num_labels, least=2)
        self.num_labels = num_labels
        self.classifier: nn.Linear | None = None

    def configure(self, embedding_dimension: int) -> None:
        """Make the classifier, (3 * D) -> ``num_labels``, by torch's generator; must precede ``forward``."""
        self.classifier = nn.Linear(3 * embedding_dimension, self.num_labels)

    def classes(self, scores: Tensor) -> Tensor:
        """The class of each score: (B,) in 0..1 -> (B,) in 0..num_labels - 1."""
        return torch.floor(scores.float() * (self.num_labels - 1) + 0.5).long()

    def forward(self, u: Tensor, v: Tensor, scores: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) -> scalar."""
        if self.classifier is None:
            raise UserError("SoftmaxLoss has no classifier yet: call configure(embedding_dimension) first.")
        u, v = u.float(), v.float()
        with torch.autocast(u.device.type, enabled=False):
            weight, bias = self.classifier.weight.float(), self.classifier.bias.float()
            logits = F.linear(torch.cat([u, v, (u - v).abs()], dim=1), weight, bias)  # (B, num_labels)
            return F.cross_entropy(logits, self.classes(scores))
