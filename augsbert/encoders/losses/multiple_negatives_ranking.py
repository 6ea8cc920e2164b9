"""Multiple negatives ranking: the other pairs of the batch are the negatives."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import no_parameters
from augsbert.errors import UserError
from augsbert.ranges import check_above_zero, check_number


class MultipleNegativesRankingLoss(nn.Module):
    """Cross-entropy of finding each ``v`` among all of the batch by ``scale * cos(u, v)``; scores are not read.

    It learns from positives alone, so ``keep`` drops the rows below ``positive_from``. The other pairs' second
    sentences are the negatives: large batches help, and a sentence that is in two pairs of a batch is a false negative.

    Args:
        scale: factor of the cosine, the inverse of a temperature; above 0.
        positive_from: lowest score of a pair to learn from, 0..1. sentence-transformers leaves this choice to the data.

    Raises:
        UserError: an argument is out of range.

    Source: Henderson et al. 2017 (arXiv 1705.00652, section 4.4); van den Oord et al. 2018 (arXiv 1807.03748).
    """

    VERSION = 1
    configure = no_parameters

    def __init__(self, scale: float = 20.0, positive_from: float = 0.5) -> None:
        super().__init__()
        check_above_zero("scale", scale)
        check_number("positive_from", positive_from, 0, 1)
        self.scale, self.positive_from = scale, positive_from

    def keep(self, scores: np.ndarray) -> np.ndarray:
        """The positives: (n,) scores in 0..1 -> (n,) mask.

        Raises:
            UserError: there are fewer than two, so no batch has a negative.
        """
        mask = np.asarray(scores) >= self.positive_from
        if mask.sum() < 2:
            raise UserError(
                f"positive_from={self.positive_from}: MultipleNegativesRankingLoss learns from pairs with that score "
                f"or more, and {mask.sum()} of {len(mask)} have it. Lower positive_from, or take a loss that learns "
                "from all pairs (bi_encoder/loss=cosent)."
            )
        return mask

    def forward(self, u: Tensor, v: Tensor, scores: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) -> scalar."""
        with torch.autocast(u.device.type, enabled=False):
            return self.in_batch(F.normalize(u.float()) @ F.normalize(v.float()).T)

    def in_batch(self, cosines: Tensor) -> Tensor:
        """Cosines (B, B) of each first with each second sentence, own ones on the diagonal -> scalar."""
        return F.cross_entropy(self.scale * cosines, torch.arange(len(cosines), device=cosines.device))
