"""A fit on the real tokens of a padded batch alone ("unpadding", Zeng et al. 2022, arXiv 2208.08124).

Between a network's layers a batch is one row of its real tokens; attention alone, where the tokens of a sentence meet,
has them spread out. Linear layers, norms and dropout then spend nothing on padding: a seventh of a bi-encoder's tokens,
as its batches hold both sentences of a pair. Of a cross-encoder's it is a twentieth, which the copies cost again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.first_token import ATTENTIONS
from augsbert.encoders.network import layer_stack

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class RealTokens:
    """Where the real tokens of a batch stand; in the place of its attention mask it goes from layer to layer.

    Args:
        mask: True for tokens that are seen (B, 1, T or 1, T).
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        self.shape = mask[:, 0, 0].shape
        self.places = mask[:, 0, 0].flatten().nonzero()[:, 0]

    def taken_from(self, padded: Tensor) -> Tensor:
        """(B, T, D) -> (1, N, D), the rows' real tokens one after another."""
        return padded.flatten(0, 1).index_select(0, self.places)[None]

    def spread(self, tokens: Tensor) -> Tensor:
        """(1, N, D) -> (B, T, D), zeros where padding stands."""
        padded = tokens.new_zeros(self.shape.numel(), tokens.shape[-1])
        return padded.index_copy(0, self.places, tokens[0]).unflatten(0, self.shape)


class UnpaddedAttention(nn.Module):
    """An attention that takes real tokens as well as padded batches; parameters keep their names and values.

    Args:
        attention: of transformers, one of ``ATTENTIONS``.
    """

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.self: Any = attention.self
        self.output: Any = attention.output

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | RealTokens | None = None, **more: Any
    ) -> tuple[Tensor, None]:
        """Hidden states (B, T, D) and a mask, or (1, N, D) and :class:`RealTokens`; weights are not given."""
        inner = self.self
        if not isinstance(attention_mask, RealTokens):
            attended, _ = inner(hidden_states, attention_mask=attention_mask, **more)
            return self.output(attended, hidden_states), None
        query, key, value = (
            attention_mask.spread(project(hidden_states)).unflatten(-1, (-1, inner.attention_head_size)).transpose(1, 2)
            for project in (inner.query, inner.key, inner.value)
        )
        dropout = inner.dropout.p if self.training else 0.0
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_mask.mask, dropout_p=dropout, scale=inner.scaling
        )
        return self.output(attention_mask.taken_from(attended.transpose(1, 2).flatten(2)), hidden_states), None


def unpad_training(model: PreTrainedModel) -> None:
    """Have a model's layers pass on real tokens alone while it is fitted on a CPU; its outputs stay padded.

    Elsewhere (an attention of another build, or that is not torch's) the model stays as it is; so does a scoring, as a
    row's outputs must not depend on its neighbours. On a GPU each step would wait for the number of tokens.
    """
    layers: Any = layer_stack(model)[1] or ()
    kinds = {type(getattr(layer, "attention", None)).__name__ for layer in layers}
    if not kinds or not kinds.issubset(ATTENTIONS) or model.config._attn_implementation != "sdpa":
        return
    for layer in layers:
        layer.attention = UnpaddedAttention(layer.attention).train(layer.training)
    encoder = next(module for module in model.modules() if getattr(module, "layer", None) is layers)
    encoder.register_forward_pre_hook(_unpad, with_kwargs=True)
    encoder.register_forward_hook(_pad, with_kwargs=True)


def _unpad(encoder: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]] | None:
    hidden_states: Tensor = args[0]
    mask: Any = kwargs.get("attention_mask")
    if not (encoder.training and hidden_states.device.type == "cpu" and getattr(mask, "dtype", None) is torch.bool):
        return None
    real = RealTokens(mask)
    return (real.taken_from(hidden_states), *args[1:]), {**kwargs, "attention_mask": real}


def _pad(encoder: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any) -> Any:
    real = kwargs.get("attention_mask")
    if isinstance(real, RealTokens):
        output.last_hidden_state = real.spread(output.last_hidden_state)
    return output
