"""KL divergence between what the labeller and the bi-encoder think of a query's candidates."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.losses.interface import every_row, no_parameters
from augsbert.ranges import check_above_zero


class DistillKLDivLoss(nn.Module):
    """``T^2 * KL(softmax(scores / T) || softmax(cos / T))`` of a query's candidates, mean over the queries.

    Distillation: only how a query's candidates compare counts, not where they lie. The query is ``sentence1``, so it
    needs silver in which a sentence has several partners, as bm25 and semantic give; a query with one candidate in the
    batch adds 0.

    Args:
        temperature: T, above 0; lower: the best candidate counts for more. Scores of 0..1 and cosines are close
            together, so it is well below sentence-transformers' 1, which goes with dot products.

    Raises:
        UserError: ``temperature`` is out of range.

    Source: Hinton et al. 2015 (arXiv 1503.02531); for retrieval, Formal et al. 2021 (arXiv 2109.10086, section 3).
    """

    VERSION = 1
    #: Batches are made of queries with their candidates, and ``forward`` is told which row is of which query.
    by_query = True
    configure = no_parameters
    keep = every_row

    def __init__(self, temperature: float = 0.05) -> None:
        super().__init__()
        check_above_zero("temperature", temperature)
        self.temperature = temperature

    def forward(self, u: Tensor, v: Tensor, scores: Tensor, queries: Tensor) -> Tensor:
        """(B, D), (B, D), (B,), (B,) whole numbers, equal for rows of one query -> scalar."""
        same = queries[:, None] == queries[None, :]
        teacher, student = (
            _log_shares(values / self.temperature, same)
            for values in (scores.float(), F.cosine_similarity(u.float(), v.float()))
        )
        divergence = (teacher.exp() * (teacher - student)).sum()
        return self.temperature**2 * divergence / len(torch.unique(queries))


def _log_shares(values: Tensor, same: Tensor) -> Tensor:
    """The logarithm of each row's softmax (B,) among the rows of its query; ``same`` (B, B) says which those are."""
    return values - torch.logsumexp(values[None, :].masked_fill(~same, float("-inf")), dim=1)
