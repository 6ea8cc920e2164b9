"""Whether a model's folder is whole, and how large its network is: all that is asked before anything is loaded.

Neither torch nor transformers is imported: a plan and a config error must be instant.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from augsbert.errors import UserError

#: What a model is made of; all else in its folder (a card, other formats of the weights) is neither fetched nor hashed.
FILES = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
    "*.spm",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "poly_config.json",
)
#: What configs call the number of layers.
LAYERS = ("num_hidden_layers", "n_layers", "num_layers")
#: What is said of a labeller that would label at random.
NO_HEAD = (
    "these weights have no head of one score, and without a fit it would be random. "
    "Give it a fit, or name a trained cross-encoder."
)
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "*.model", "vocab.json")
# An adapter's, or any other file of safetensors, is no whole model.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
# Keeps every tensor, a cross-encoder's head too, and unpickles nothing but tensors.
_CONVERT = (
    "python -c \"import torch, safetensors.torch as s; w = torch.load('pytorch_model.bin', weights_only=True); "
    "s.save_file({k: v.clone() for k, v in w.items()}, 'model.safetensors', {'format': 'pt'})\""
)


class Limits(NamedTuple):
    """What a network has of layers and of positions for tokens; None where its config does not say."""

    layers: int | None
    positions: int | None


def check_weights(folder: Path) -> None:
    """Refuse a model folder that could not be loaded, or only by unpickling.

    Args:
        folder: must have config.json, a tokenizer, and weights as safetensors: whole, all shards there.

    Raises:
        UserError: names what is missing or broken, and what there is.
    """
    if not folder.is_dir():
        if folder.exists():
            raise UserError(f"{folder}: a file, not a model folder. Name the folder that holds it.")
        raise UserError(f"{folder}: there is no such folder. A relative path starts at {Path.cwd()}.")
    for what, patterns in (("config.json", ("config.json",)), ("tokenizer", _TOKENIZERS)):
        if not matching(folder, patterns):
            names = f" ({', '.join(patterns)})" if len(patterns) > 1 else ""
            raise UserError(f"{folder}: no {what}{names} in this model folder. {_mending(folder)}")
    if not matching(folder, _WEIGHTS):
        _refuse_without_safetensors(folder)
    if "model_type" not in read_config(folder):
        raise UserError(f"{folder / 'config.json'}: it names no model_type. {_mending(folder)}")
    for index in folder.glob("*.safetensors.index.json"):
        _check_shards(index)
    for file in sorted(folder.glob("*.safetensors")):
        check_safetensors(file)


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a model folder.

    Raises:
        UserError: it is not JSON.
    """
    return _read_json(folder / "config.json")


def limits(config: Mapping[str, Any]) -> Limits:
    """How many layers and positions a network has, by its config."""
    layers = next((config[name] for name in LAYERS if name in config), None)
    positions = config.get("max_position_embeddings")
    # These count positions from 2 on; the first ones are for padding.
    shifted = any(kind in config.get("model_type", "") for kind in ("roberta", "camembert", "mpnet"))
    return Limits(layers, positions - 2 if positions and shifted else positions)


def _refuse_without_safetensors(folder: Path) -> None:
    pickles = matching(folder, _PICKLES)
    if not pickles:
        raise UserError(f"{folder}: no model.safetensors in this model folder. {_mending(folder)}")
    way_out = "Save it again where it was made: save_pretrained writes model.safetensors."
    if (folder / "pytorch_model.bin").exists():
        way_out = f"Convert it:\n  cd {shlex.quote(str(folder))} && {_CONVERT}"
    names = ", ".join(file.name for file in pickles)
    raise UserError(f"{folder}: pickled weights ({names}); safetensors only, as a pickle can run code. {way_out}")


def _read_json(file: Path) -> dict:
    try:
        return dict(json.loads(file.read_text(encoding="utf8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file}: truncated or not JSON ({error}). Copy or download the file again.") from error


def _check_shards(index: Path) -> None:
    shards = set(_read_json(index).get("weight_map", {}).values())
    missing = sorted(shard for shard in shards if not (index.parent / shard).exists())
    if missing:
        raise UserError(f"{index.parent}: {', '.join(missing)} missing, of {len(shards)} files named in {index.name}.")


def check_safetensors(file: Path) -> None:
    """Refuse a safetensors file that is not whole.

    Raises:
        UserError: it is cut short, or something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        # Opening compares the length of the file with what its header says, and reads no tensor.
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file}: truncated or not safetensors ({error}). Copy or download the file again.") from error


def matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """The files of a folder that fit one of the patterns, sorted."""
    return sorted({file for pattern in patterns for file in folder.glob(pattern)})


def _mending(folder: Path) -> str:
    return f"There is: {listing(folder)}. Save or download the model again, whole."


def listing(folder: Path) -> str:
    """What is in a folder, for a message: twelve names, and how many more."""
    names = sorted(file.name + ("/" if file.is_dir() else "") for file in folder.iterdir())
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"
