"""CoSENT: the order of the cosines must be that of the scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import every_row, no_parameters
from augsbert.ranges import check_above_zero


class CoSENTLoss(nn.Module):
    """``log(1 + sum(exp(scale * (cos(k) - cos(i)))))`` over all pairs i, k of the batch with score i > score k.

    Only the order of the scores counts, not their size: what Spearman's correlation measures. Needs different scores
    within a batch (a batch of equal ones has loss 0 and teaches nothing); the value grows with the batch.

    Args:
        scale: factor of the cosine, the inverse of a temperature; above 0.

    Raises:
        UserError: ``scale`` is out of range.

    Source: Su 2022 (kexue.fm/archives/8847).
    """

    VERSION = 1
    configure = no_parameters
    keep = every_row

    def __init__(self, scale: float = 20.0) -> None:
        super().__init__()
        check_above_zero("scale", scale)
        self.scale = scale

    def forward(self, u: Tensor, v: Tensor, scores: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) -> scalar."""
        return ranking_loss(self.scale * F.cosine_similarity(u.float(), v.float(), eps=1e-12), scores)


def ranking_loss(similarities: Tensor, scores: Tensor) -> Tensor:
    """log(1 + sum(exp(s_k - s_i))) over all i, k with score i > score k: (B,), (B,) -> scalar."""
    differences = similarities[:, None] - similarities[None, :]  # (B, B): s_k - s_i
    differences = differences.masked_fill(scores[:, None] >= scores[None, :], float("-inf"))
    return torch.logsumexp(torch.cat([similarities.new_zeros(1), differences.flatten()]), dim=0)
