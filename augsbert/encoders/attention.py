"""Attention without parameters of its own, as poly-encoders have it (Humeau et al. 2020, section 4.4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(queries: Tensor, vectors: Tensor, mask: Tensor) -> Tensor:
    """For each query q the mean of the vectors, weighted by softmax(q . vector); in float32, under autocast too.

    Args:
        queries: (..., Q, D).
        vectors: (..., N, D).
        mask: (..., N), True for a vector that counts; one at least does.

    Returns:
        (..., Q, D).
    """
    with torch.autocast(vectors.device.type, enabled=False):
        queries, vectors = queries.float(), vectors.float()
        weights = (queries @ vectors.mT).masked_fill(~mask[..., None, :], float("-inf")).softmax(dim=-1)
        return weights @ vectors


def seen_by(candidates: Tensor, codes: Tensor) -> Tensor:
    """Contexts as candidates see them: (..., Q, D), (..., m, D) -> (..., Q, D); codes of zeros do not count."""
    return attend(candidates, codes, codes.any(dim=-1))


def first_tokens(tokens: Tensor, mask: Tensor, number: int) -> Tensor:
    """The first outputs that are not padding: (B, T, D), (B, T) -> (B, number, D); zeros where a row has fewer."""
    order = torch.argsort((~mask).int(), dim=1, stable=True)[:, :number]
    first = tokens.take_along_dim(order[..., None], dim=1) * mask.take_along_dim(order, dim=1)[..., None]
    return F.pad(first, (0, 0, 0, number - first.shape[1]))
