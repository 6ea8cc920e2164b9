"""XLNet's way to fill gaps: it has no masked head, and predicts a word from those that an order lets it see.

Yang et al. 2019 (arXiv 1906.08237), by transformers' XLNetLMHeadModel: no word sees a gap, and each gap is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def is_permuted(encoder: str) -> bool:
    """Whether a folder or hub id holds an XLNet."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(encoder).model_type == "xlnet"


def logits_at(model: Any, inputs: Mapping[str, torch.Tensor], gaps: torch.Tensor) -> torch.Tensor:
    """Scores of all words at each gap.

    Args:
        model: an XLNetLMHeadModel.
        inputs: what the tokenizer made of B texts of T tokens.
        gaps: bool (B, T).

    Returns:
        (M, V), by text and place.
    """
    texts, places = gaps.nonzero(as_tuple=True)
    numbers = (gaps.cumsum(dim=1) - 1)[gaps]
    asked = gaps.new_zeros((len(gaps), max(1, int(gaps.sum(dim=1).max())), gaps.shape[1]), dtype=model.dtype)
    asked[texts, numbers, places] = 1
    hidden = gaps[:, None, :].expand(-1, gaps.shape[1], -1).to(model.dtype)
    scores: torch.Tensor = model(**inputs, perm_mask=hidden, target_mapping=asked).logits
    return scores[texts, numbers]
