"""A fit on little but the real tokens of a padded batch ("unpadding", Zeng et al. 2022, arXiv 2208.08124).

Between a network's layers a batch is one row of its real tokens, filled up to a shape that comes again; attention
alone, where the tokens of a sentence meet, has them spread out. Linear layers, norms and dropout then spend next to
nothing on padding: a seventh of a bi-encoder's tokens, as its batches hold both sentences of a pair. Of a
cross-encoder's it is a twentieth, which the copies cost again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from augsbert.encoders.network import layer_stack
from augsbert.encoders.self_attention import SelfAttention, known_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_STEP = 16


class RealTokens:
    """Where the real tokens of a batch stand; in the place of its attention mask it goes from layer to layer.

    Some of the padding stays with them, up to a multiple of 16, so that their number N is one of few: oneDNN prepares
    products of a new shape anew. Nothing real sees it.

    Args:
        mask: True for tokens that are seen (B, 1, T or 1, T).
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        self.shape = mask[:, 0, 0].shape
        real = mask[:, 0, 0].flatten()
        number = -(-int(real.sum()) // _STEP) * _STEP
        self.places = torch.argsort(~real, stable=True)[:number]

    def taken_from(self, padded: Tensor) -> Tensor:
        """(B, T, D) -> (1, N, D), the rows' real tokens one after another, then the padding that stays."""
        return padded.flatten(0, 1).index_select(0, self.places)[None]

    def spread(self, tokens: Tensor) -> Tensor:
        """(1, N, D) -> (B, T, D), zeros where padding stood that is not among the N."""
        padded = tokens.new_zeros(self.shape.numel(), tokens.shape[-1])
        return padded.index_copy(0, self.places, tokens[0]).unflatten(0, self.shape)


class UnpaddedAttention(SelfAttention):
    """An attention that takes real tokens as well as padded batches; parameters keep their names and values."""

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | RealTokens | None = None, **more: Any
    ) -> tuple[Tensor, None]:
        """Hidden states (B, T, D) and a mask, or (1, N, D) and :class:`RealTokens`; weights are not given."""
        if not isinstance(attention_mask, RealTokens):
            return super().forward(hidden_states, attention_mask, **more)
        inner, real = self.self, attention_mask
        query, key, value = (
            self.heads(real.spread(project(hidden_states))) for project in (inner.query, inner.key, inner.value)
        )
        return self.output(real.taken_from(self.attend(query, key, value, real.mask)), hidden_states), None


def unpad_training(model: PreTrainedModel) -> None:
    """Have a model's layers pass on little but real tokens while it is fitted on a CPU; its outputs stay padded.

    Elsewhere (an attention that is not known, sees one side alone or is not torch's) the model stays as it is; so does
    a scoring, as a row's outputs must not depend on its neighbours. On a GPU each step would wait for the number of
    tokens.
    """
    layers = known_layers(model)
    if not layers:
        return
    for layer in layers:
        layer.attention = UnpaddedAttention(layer.attention).train(layer.training)
    encoder = next(module for module in model.modules() if getattr(module, "layer", None) is layer_stack(model)[1])
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
