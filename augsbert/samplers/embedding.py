"""Sentences to vectors with the weights in a folder: what the semantic sampler searches in.

The folder is one that transformers or sentence-transformers has saved. Left out: prompts, and modules of
sentence-transformers other than Transformer, Pooling and Normalize.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augsbert.encoders.backends import Backend
from augsbert.encoders.model_folder import limits
from augsbert.errors import UserError

if TYPE_CHECKING:
    import torch

    from augsbert.encoders.compiled import Batch, Forward

MAX_SEQ_LENGTH = 128
# Constants, not settings: a sentence's last digits depend on the batch that it is in. Tokens of a batch are enough for
# a CPU's matrix products (OpenVINO has a batch on each thread), or to keep a GPU busy; tokenised sentences are kept,
# and sorted, a window at a time.
_TOKENS = {"cpu": 1024, "openvino": 512, "other": 16_384}
_WINDOW = 20_000
# As sentence-transformers before release 6 writes the modes of 1_Pooling/config.json.
_OLD_NAMES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def embed(
    folder: str | Path,
    sentences: Sequence[str],
    device: str = "cpu",
    *,
    bf16: bool = False,
    backend: Backend = "torch",
) -> np.ndarray:
    """Embed sentences with all layers of an encoder, as ``SentenceTransformer(folder).encode`` does, then normalise.

    Sentences are cut at 128 tokens, or at the encoder's positions if it has fewer, and batched by their tokens; pooling
    is what the folder names, else the mean.

    Args:
        folder: config, tokeniser and safetensors weights.
        sentences: n texts.
        device: where the encoder runs, as torch names it.
        bf16: multiply in bfloat16, which a vector's third digit depends on.
        backend: what computes; openvino does on a CPU alone, which a vector's last digits depend on.

    Returns:
        Float32 array (n, d) of unit length rows.

    Raises:
        UserError: there is no encoder in the folder, its weights are not all there, it needs a module or pooling that
            is not supported, it gives nan, or the backend cannot run it.
    """
    from tqdm import tqdm

    mode = _pooling_mode(Path(folder))
    tokenizer, model = _loaded(folder)
    length = min(MAX_SEQ_LENGTH, limits(model.config.to_dict()).positions or MAX_SEQ_LENGTH)
    vectors = np.empty((len(sentences), model.config.hidden_size), dtype=np.float32)
    budget = _TOKENS.get(device if backend == "torch" else backend, _TOKENS["other"])
    batches = _batches(tokenizer, sentences, length, budget)
    encode = partial(_encode, model, mode)
    embedded = (
        _compiled(model, encode, batches, bf16)
        if backend == "openvino"
        else _in_torch(model, encode, batches, bf16, device)
    )
    with tqdm(total=len(sentences), desc="candidates: embed", unit=" sentences", disable=None, leave=False) as bar:
        for batch, rows in embedded:
            vectors[batch["places"]] = rows
            bar.update(len(rows))
    if not np.isfinite(vectors).all():
        raise UserError(f"encoder={folder}: its embeddings hold nan. Choose weights whose training did not diverge.")
    return vectors


def _loaded(folder: str | Path) -> tuple[Any, Any]:
    """Tokenizer and network, in float32.

    Raises:
        UserError: weights are lacking.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    from augsbert.encoders.network import refuse_random_body

    transformers_logging.disable_progress_bar()  # of a read that takes a moment
    how = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    model, read = AutoModel.from_pretrained(folder, **how)
    refuse_random_body(model, read["missing_keys"])
    return AutoTokenizer.from_pretrained(folder), model.eval()


def _in_torch(
    model: Any, encode: Forward, batches: Iterator[Batch], bf16: bool, device: str
) -> Iterator[tuple[Batch, np.ndarray]]:
    """Each batch with its vectors (B, D)."""
    import torch

    from augsbert.encoders.network import round_linear_weights

    if bf16:
        round_linear_weights(model, torch.bfloat16)
    model.to(device)
    for batch in batches:
        inputs = {name: tensor.to(device) for name, tensor in batch["inputs"].items()}
        with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            rows = encode(inputs).cpu().numpy()
        yield batch, rows


def _compiled(model: Any, encode: Forward, batches: Iterator[Batch], bf16: bool) -> Iterator[tuple[Batch, np.ndarray]]:
    """The same by OpenVINO."""
    import torch

    from augsbert.encoders.compiled import CompiledEncoder

    first = list(islice(batches, 2))
    examples, precision = [batch["inputs"] for batch in first], "bf16-mixed" if bf16 else "32-true"
    compiled = CompiledEncoder(model, encode, examples, precision, torch.get_num_threads())
    return compiled.outputs(chain(first, batches))


def _batches(tokenizer: Any, sentences: Sequence[str], length: int, budget: int) -> Iterator[Batch]:
    """Places (B,) of sentences of like length and their inputs (B, T), which take ``budget`` tokens or fewer."""
    for start in range(0, len(sentences), _WINDOW):
        rows = tokenizer(list(sentences[start : start + _WINDOW]), truncation=True, max_length=length)
        for places in _alike([len(ids) for ids in rows["input_ids"]], budget):
            batch = {name: [column[i] for i in places] for name, column in rows.items()}
            yield {"places": start + places, "inputs": dict(tokenizer.pad(batch, return_tensors="pt"))}


def _encode(model: torch.nn.Module, mode: str, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """A batch of tokens (B, T) to unit vectors (B, D)."""
    from torch.nn.functional import normalize

    from augsbert.encoders.pooling import pool

    tokens = model(**inputs).last_hidden_state.float()  # (B, T, D)
    return normalize(pool(tokens, inputs["attention_mask"], mode), dim=1)


def _alike(lengths: Sequence[int], budget: int) -> Iterator[np.ndarray]:
    """Places of rows of so many tokens, in batches of like length that take ``budget`` tokens when they are padded."""
    order, start = np.argsort([-length for length in lengths], kind="stable"), 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _pooling_mode(folder: Path) -> str:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise UserError(f"encoder={folder}: give a folder that holds config.json and safetensors weights.")
    modules = _read(folder / "modules.json", default=[])
    for kind in (module["type"].rpartition(".")[2] for module in modules):
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise UserError(f"encoder={folder}: its module {kind} is not supported. Choose one without it.")
    config = _read(folder / "1_Pooling" / "config.json", default={"pooling_mode": "mean"})
    modes = config.get("pooling_mode", [mode for name, mode in _OLD_NAMES.items() if config.get(name)])
    if isinstance(modes, list) and len(modes) != 1:
        raise UserError(f"encoder={folder}: it joins the poolings {modes}. Choose one with a single pooling.")
    return modes if isinstance(modes, str) else modes[0]


def _read(path: Path, default: Any) -> Any:
    return json.loads(path.read_text(encoding="utf8")) if path.is_file() else default
