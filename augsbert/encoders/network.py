"""A network of transformers as it was loaded: its layers, found and cut; its weights, all there or not, and rounded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from augsbert.encoders.model_folder import LAYERS
from augsbert.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def keep_layers(model: PreTrainedModel, num_layers: int | None) -> None:
    """Cut a transformer to its first ``num_layers`` layers, in place; its config then says so too.

    Raises:
        UserError: it has fewer, or its layers are not found.
    """
    if num_layers is None:
        return
    total, stack = layer_stack(model)
    if num_layers > total:
        raise UserError(f"num_layers={num_layers}: {model.config.name_or_path} has {total} layers.")
    if stack is None:
        raise UserError(f"num_layers={num_layers}: a {model.config.model_type} is no list of layers. Set it to null.")
    del stack[num_layers:]
    setattr(model.config, _layers_key(model), num_layers)
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = model.config.layer_types[:num_layers]


def refuse_random_body(model: PreTrainedModel, lacking: Iterable[str]) -> None:
    """Refuse weights that leave more of a network than its head or pooler to chance; transformers goes on with a hint.

    Args:
        model: as it was loaded.
        lacking: names of its tensors that the weights did not have, or not in that size.

    Raises:
        UserError: with the first of them.
    """
    prefix = "" if model.base_model is model else f"{model.base_model_prefix}."
    if body := sorted(name for name in lacking if name.startswith(prefix) and "pooler" not in name):
        raise UserError(
            f"{model.config.name_or_path}: its weights lack {len(body)} tensors of a {model.config.model_type}, "
            f"{body[0]} first, which would be random. Save the model again, or mend its config.json."
        )


def round_linear_weights(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Keep the weights of linear layers as autocast to ``dtype`` rounds them, which it else does anew for each batch.

    Outputs under that autocast stay equal to the bit; what shares such a weight keeps its own. Not for a fit, which
    needs what is rounded off.
    """
    linears = [part for part in module.modules() if isinstance(part, torch.nn.Linear)]
    for linear in linears:
        for name, weight in list(linear.named_parameters(recurse=False)):
            setattr(linear, name, torch.nn.Parameter(weight.detach().to(dtype), requires_grad=False))


def layer_stack(model: PreTrainedModel) -> tuple[int, torch.nn.ModuleList | None]:
    """How many layers a transformer has, by its configuration (0: it does not say), and the list of them."""
    total = getattr(model.config, _layers_key(model), 0)
    return total, next((m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == total), None)


def _layers_key(model: PreTrainedModel) -> str:
    return next((name for name in LAYERS if name in model.config.to_dict()), LAYERS[0])
