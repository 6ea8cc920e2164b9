"""A cross-encoder's last layer for the first token alone, the only one that its head reads.

In the last layer the others' keys and values still count, but nobody asks for their queries, output and feed-forward
network: five sixths of a layer's products, a seventh of those of MiniLM's six layers, forwards and backwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from augsbert.encoders.self_attention import SelfAttention, known_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class FirstTokenAttention(SelfAttention):
    """An attention whose output has the first token alone; parameters keep their names and values."""

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **_: Any) -> tuple[Tensor, None]:
        """Hidden states (B, T, D) and a mask that broadcasts to (B, heads, T, T), to (B, 1, D); no weights."""
        inner = self.self
        first = hidden_states[:, :1]
        query, key, value = (
            self.heads(project(states))
            for project, states in ((inner.query, first), (inner.key, hidden_states), (inner.value, hidden_states))
        )
        # A product with one row is summed in an order that depends on where it lies (MKL); labels must not. A fit may.
        rows = 1 if self.training else 2
        mask = None if attention_mask is None else attention_mask[..., :1, :]
        return self.output(self.attend(query.expand(-1, -1, rows, -1), key, value, mask)[:, :1], first), None


def only_first_token(model: PreTrainedModel) -> None:
    """Have the last layer of a model with a head compute the first token alone, where that is known to be enough.

    Elsewhere (an attention that is not known, sees one side alone or is not torch's) the model stays as it is.
    """
    for last in known_layers(model)[-1:]:
        last.attention = FirstTokenAttention(last.attention).train(last.training)
