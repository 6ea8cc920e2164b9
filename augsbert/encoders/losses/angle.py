"""AnglE: CoSENT over an angle in complex space."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.cosent import ranking_loss
from augsbert.encoders.losses.interface import every_row, no_parameters
from augsbert.ranges import check_above_zero


class AnglELoss(nn.Module):
    """CoSENT with an angle in complex space for the cosine, whose gradient does not vanish where the cosine is flat.

    The halves of an embedding are its real and imaginary parts (an odd dimension is padded with a zero). The angle term
    of the paper alone, as in sentence-transformers: the paper adds the cosine and in-batch terms to it.

    Args:
        scale: factor of the similarity, the inverse of a temperature; above 0.

    Raises:
        UserError: ``scale`` is out of range.

    Source: Li & Li 2023 (arXiv 2309.12871, section 3.4); the order of the subtraction is that of the authors' code.
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
        return ranking_loss(self.scale * angle_similarity(u.float(), v.float()), scores)


def angle_similarity(u: Tensor, v: Tensor) -> Tensor:
    """|Re + Im| of the quotient of two complex vectors of length 1: (B, D), (B, D) -> (B,)."""
    u, v = (F.normalize(F.pad(x, (0, x.shape[1] % 2))) for x in (u, v))
    (real_u, imaginary_u), (real_v, imaginary_v) = u.chunk(2, dim=1), v.chunk(2, dim=1)
    return ((u * v).sum(dim=1) + (imaginary_u * real_v - real_u * imaginary_v).sum(dim=1)).abs()
