"""The bi-encoder's losses: sentence embeddings and scores in, one number out, equal to sentence-transformers'.

All are called alike, ``loss(u, v, scores)``: ``u`` and ``v`` are (B, D), the embeddings of the first and the
second sentences, ``scores`` is (B,) in 0..1. B is the whole global batch: on several devices the caller gathers it, for
most of these compare pairs with one another. Everything is computed in float32, under autocast too.

Two more methods complete the interface. ``configure(embedding_dimension)`` makes a loss's own parameters, before the
optimiser is; ``keep(scores)`` is a mask of the training rows that the loss learns from, for batches to be made of.
Those that compare a sentence's candidates say ``by_query = True``; they are told the rows' queries (B,) as well.
"""

from augsbert.encoders.losses.angle import AnglELoss
from augsbert.encoders.losses.contrastive import ContrastiveLoss
from augsbert.encoders.losses.cosent import CoSENTLoss
from augsbert.encoders.losses.cosine_similarity import CosineSimilarityLoss
from augsbert.encoders.losses.distill_kl_div import DistillKLDivLoss
from augsbert.encoders.losses.margin_mse import MarginMSELoss
from augsbert.encoders.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from augsbert.encoders.losses.online_contrastive import OnlineContrastiveLoss
from augsbert.encoders.losses.softmax import SoftmaxLoss

__all__ = [
    "AnglELoss",
    "CoSENTLoss",
    "ContrastiveLoss",
    "CosineSimilarityLoss",
    "DistillKLDivLoss",
    "MarginMSELoss",
    "MultipleNegativesRankingLoss",
    "OnlineContrastiveLoss",
    "SoftmaxLoss",
]
