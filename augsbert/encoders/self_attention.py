"""Self-attention of one architecture of transformers, which a fit computes with the dropout that it has elsewhere.

Torch's own scaled dot product attention draws each dropped weight singly on a CPU, which took a twentieth of a fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.network import layer_stack

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Attentions of that architecture, ``self`` (query, key, value) and ``output``; heads on it read the first token.
ATTENTIONS = ("BertAttention", "RobertaAttention", "XLMRobertaAttention", "CamembertAttention", "ElectraAttention")


class SelfAttention(nn.Module):
    """An attention that takes its own way through a fit, and transformers' through a scoring, equal to the bit.

    Parameters keep their names and values.

    Args:
        attention: one of ``ATTENTIONS``, or one of these.
    """

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.self: Any = attention.self
        self.output: Any = attention.output

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **more: Any) -> tuple[Tensor, None]:
        """Hidden states (B, T, D), and a mask that broadcasts to (B, heads, T, T), to (B, T, D); no weights."""
        inner = self.self
        if self.training:
            query, key, value = (
                self.heads(project(hidden_states)) for project in (inner.query, inner.key, inner.value)
            )
            attended = self.attend(query, key, value, attention_mask)
        else:
            attended, _ = inner(hidden_states, attention_mask=attention_mask, **more)
        return self.output(attended, hidden_states), None

    def heads(self, projected: Tensor) -> Tensor:
        """Queries, keys or values (B, T, D) by head: (B, heads, T, D / heads)."""
        return projected.unflatten(-1, (-1, self.self.attention_head_size)).transpose(1, 2)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """(B, heads, Q, D / heads), twice (B, heads, T, D / heads), to (B, Q, D)."""
        dropout, scale = self.self.dropout, self.self.scaling
        dropped = dropout.p if dropout.training else 0.0
        if dropped and query.device.type == "cpu":
            attended = _dropping(query * scale, key, value, mask, dropout)
        else:
            attended = F.scaled_dot_product_attention(query, key, value, mask, dropped, scale=scale)
        return attended.transpose(1, 2).flatten(2)


def _dropping(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: nn.Module) -> Tensor:
    """As ``scaled_dot_product_attention``, with its softmax in float32; each query must see one token at least."""
    weights = (query @ key.mT).float()
    if mask is not None:
        weights = weights.masked_fill(~mask, float("-inf")) if mask.dtype is torch.bool else weights + mask
    return dropout(weights.softmax(dim=-1)).to(value.dtype) @ value


def known_layers(model: PreTrainedModel) -> list[Any]:
    """The layers of a model, if their attentions are known, see both sides and are computed by torch; else none."""
    layers: Any = layer_stack(model)[1] or ()
    known = all(
        isinstance(attention, SelfAttention) or type(attention).__name__ in ATTENTIONS
        for attention in (getattr(layer, "attention", None) for layer in layers)
    )
    plain = not getattr(model.config, "is_decoder", False) and model.config._attn_implementation == "sdpa"
    return list(layers) if known and plain else []


def replace_attention(model: PreTrainedModel) -> None:
    """Put :class:`SelfAttention` in the place of a model's attentions, where they are known."""
    for layer in known_layers(model):
        layer.attention = SelfAttention(layer.attention).train(layer.training)
