"""Margin MSE: the difference of two candidates' cosines must be that of their scores."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import every_row, no_parameters


class MarginMSELoss(nn.Module):
    """``mean(((cos(i) - cos(k)) - (score(i) - score(k))) ** 2)`` over candidates i, k of the same query in the batch.

    Distillation: the bi-encoder learns how far apart the labeller puts two candidates, not where. The query is
    ``sentence1``, so it needs silver in which a sentence has several partners, as bm25 and semantic give; a batch
    without two candidates of one query has loss 0. Cosines and scores both live in a range of length 1 or 2, so margins
    compare without a scale (sentence-transformers takes dot products and whatever scale the teacher has).

    Source: Hofstätter et al. 2020 (arXiv 2010.02666, section 3.2).
    """

    VERSION = 1
    #: Batches are made of queries with their candidates, and ``forward`` is told which row is of which query.
    by_query = True
    configure = no_parameters
    keep = every_row

    def __init__(self) -> None:  # nn.Module's own takes anything, so that no misspelt setting would be noticed
        super().__init__()

    def forward(self, u: Tensor, v: Tensor, scores: Tensor, queries: Tensor) -> Tensor:
        """(B, D), (B, D), (B,), (B,) whole numbers, equal for rows of one query -> scalar."""
        error = F.cosine_similarity(u.float(), v.float()) - scores.float()
        same = (queries[:, None] == queries[None, :]).triu(diagonal=1)
        margins = (error[:, None] - error[None, :])[same]
        return margins.square().mean() if len(margins) else 0 * error.sum()
