"""A cross-encoder's last layer for the first token alone, the only one that its head reads.

In the last layer the others' keys and values still count, but nobody asks for their queries, output and feed-forward
network: five sixths of a layer's products, a seventh of those of MiniLM's six layers, forwards and backwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.network import layer_stack

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Attentions of one build, ``self`` (query, key, value) and ``output``, in models whose heads read the first token.
ATTENTIONS = ("BertAttention", "RobertaAttention", "XLMRobertaAttention", "CamembertAttention", "ElectraAttention")


class FirstTokenAttention(nn.Module):
    """An attention whose output has the first token alone; parameters keep their names and values.

    Args:
        attention: of transformers, one of ``ATTENTIONS``.
    """

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.self: Any = attention.self
        self.output: Any = attention.output

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **_: Any) -> tuple[Tensor, None]:
        """Hidden states (B, T, D) and a mask that spreads to (B, heads, T, T), to (B, 1, D); weights are not given."""
        inner = self.self
        first = hidden_states[:, :1]
        query, key, value = (
            project(states).unflatten(-1, (-1, inner.attention_head_size)).transpose(1, 2)
            for project, states in ((inner.query, first), (inner.key, hidden_states), (inner.value, hidden_states))
        )
        # A product with one row is summed in an order that depends on where it lies (MKL); labels must not. A fit may.
        rows = 1 if self.training else 2
        attended = F.scaled_dot_product_attention(
            query.expand(-1, -1, rows, -1),
            key,
            value,
            attn_mask=None if attention_mask is None else attention_mask[..., :1, :],
            dropout_p=inner.dropout.p if self.training else 0.0,
            scale=inner.scaling,
        )
        return self.output(attended[:, :, :1].transpose(1, 2).flatten(2), first), None


def only_first_token(model: PreTrainedModel) -> None:
    """Have the last layer of a model with a head compute the first token alone, where that is known to be enough.

    Elsewhere (an attention of another build, or that is not torch's) the model stays as it is.
    """
    _, layers = layer_stack(model)
    last: Any = None if layers is None else layers[-1]
    known = type(getattr(last, "attention", None)).__name__ in ATTENTIONS
    if known and model.config._attn_implementation == "sdpa":
        last.attention = FirstTokenAttention(last.attention).train(last.training)
