"""From one vector per token to one vector per sentence: the six poolings, under sentence-transformers' names.

Unlike sentence-transformers' ``Pooling``, the sums are always taken, and returned, in float32, whatever precision the
tokens come in. Nothing here knows prompts or joins several poolings into one vector.
"""

from __future__ import annotations

import torch
from torch import Tensor

from augsbert.ranges import check_choice

POOLING_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


def pool(token_embeddings: Tensor, attention_mask: Tensor, pooling_mode: str) -> Tensor:
    """Reduce each sentence's token vectors to one vector; padding, on either side, has no say in it.

    ``cls`` (the first token that is not padding), ``max`` and ``mean`` are those of Reimers & Gurevych 2019 (arXiv
    1908.10084, section 3); ``mean_sqrt_len_tokens`` divides the sum by the root of the number of tokens;
    ``weightedmean`` weighs the i-th token by i (Muennighoff 2022, arXiv 2202.08904); ``lasttoken`` suits decoders.

    Args:
        token_embeddings: (B, T, D), any floating type.
        attention_mask: (B, T), 1 for a token, 0 for padding; each row has a token.
        pooling_mode: one of ``POOLING_MODES``.

    Returns:
        (B, D) in float32.

    Raises:
        UserError: the mode is unknown.
    """
    check_choice("pooling_mode", pooling_mode, POOLING_MODES)
    tokens = token_embeddings.float()
    mask = attention_mask.unsqueeze(-1).float()  # (B, T, 1)
    if pooling_mode == "cls":
        return _token_at(tokens, attention_mask.int().argmax(dim=1))
    if pooling_mode == "lasttoken":
        return _token_at(tokens, tokens.shape[1] - 1 - attention_mask.int().flip(1).argmax(dim=1))
    if pooling_mode == "max":
        return tokens.masked_fill(mask == 0, float("-inf")).max(dim=1).values
    weights = mask * mask.cumsum(dim=1) if pooling_mode == "weightedmean" else mask
    total = weights.sum(dim=1).clamp(min=1e-9)  # (B, 1)
    divisor = total.sqrt() if pooling_mode == "mean_sqrt_len_tokens" else total
    return (tokens * weights).sum(dim=1) / divisor


def _token_at(tokens: Tensor, positions: Tensor) -> Tensor:
    return tokens[torch.arange(len(tokens), device=tokens.device), positions]  # (B, T, D), (B,) -> (B, D)
