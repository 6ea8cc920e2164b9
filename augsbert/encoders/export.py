"""Model folders that sentence-transformers loads, with the numbers that the model gave here.

``SentenceTransformer(folder)`` gives the embeddings of ``pool(model(...))``, and ``CrossEncoder(folder).predict`` the
sigmoid of the logit. The settings files keep the older spellings, which releases before 6 read too. Weights are
safetensors in float32. The same weights give the same bytes: no time, no path, no trace of earlier calls is in them.
"""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from augsbert.encoders.pooling import POOLING_MODES
from augsbert.ranges import check_choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

#: Beside the transformer of a poly-encoder: its learnt codes, and its settings.
POLY_CODES, POLY_CONFIG = "poly_codes.safetensors", "poly_config.json"
_TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
_POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}


def save_bi_encoder(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, pooling_mode: str, max_seq_length: int
) -> None:
    """Write a folder that ``SentenceTransformer`` loads: the transformer, then a pooling.

    Args:
        model: a network without a head, of ``AutoModel``; left as it is.
        tokenizer: left as it is.
        folder: made where it is missing; files of the same names are overwritten.
        pooling_mode: one of ``augsbert.encoders.pooling.POOLING_MODES``.
        max_seq_length: tokens at which sentences are cut, special ones counted.

    Raises:
        UserError: the pooling mode is unknown.
    """
    check_choice("pooling_mode", pooling_mode, POOLING_MODES)
    _save_transformer(model, tokenizer, folder, max_seq_length)
    width = model.config.hidden_size
    pooling = {"word_embedding_dimension": width, "pooling_mode": pooling_mode, "include_prompt": True}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write(folder / "1_Pooling" / "config.json", pooling)
    _write(folder / "modules.json", [_TRANSFORMER, _POOLING])
    _write(folder / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False})
    settings = {"model_type": "SentenceTransformer", "similarity_fn_name": "cosine", "prompts": {}}
    _write(folder / "config_sentence_transformers.json", {**settings, "default_prompt_name": None})


def save_cross_encoder(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, max_seq_length: int
) -> None:
    """Write a folder that ``CrossEncoder`` loads, whose ``predict`` is the sigmoid of the logit.

    Args:
        model: of ``AutoModelForSequenceClassification``, with one logit; left as it is.
        tokenizer: left as it is.
        folder: made where it is missing; files of the same names are overwritten.
        max_seq_length: tokens at which pairs are cut, special ones counted.
    """
    _save_transformer(model, tokenizer, folder, max_seq_length)
    _write(folder / "modules.json", [_TRANSFORMER])
    task = {"transformer_task": "sequence-classification", "max_seq_length": max_seq_length}
    _write(folder / "sentence_bert_config.json", task)
    settings = {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Sigmoid", "prompts": {}}
    _write(folder / "config_sentence_transformers.json", {**settings, "default_prompt_name": None})


def save_poly_encoder(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    codes: torch.Tensor | None,
    settings: Mapping[str, Any],
) -> None:
    """Write a folder that ``PolyEncoder`` loads; ``SentenceTransformer`` loads what it knows, the candidates' side.

    Args:
        model: a network without a head, of ``AutoModel``; left as it is.
        tokenizer: left as it is.
        folder: made where it is missing; files of the same names are overwritten.
        codes: learnt ones (m, D); None where there are none, and then no file of an earlier save stays.
        settings: of the poly-encoder, ``pooling_mode`` and ``max_seq_length`` among them.

    Raises:
        UserError: the pooling mode is unknown.
    """
    from safetensors.torch import save_file

    save_bi_encoder(model, tokenizer, folder, settings["pooling_mode"], settings["max_seq_length"])
    _write(folder / POLY_CONFIG, dict(settings))
    (folder / POLY_CODES).unlink(missing_ok=True)
    if codes is not None:
        save_file({"codes": codes.detach().cpu().float().contiguous()}, folder / POLY_CODES)
        shutil.copymode(folder / "config.json", folder / POLY_CODES)


def _save_transformer(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, max_seq_length: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _in_float32(model).save_pretrained(folder)
    # safetensors makes its files readable by their owner alone, which a store that several people share is not.
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)
    _unused(tokenizer, max_seq_length).save_pretrained(folder)


def _in_float32(model: PreTrainedModel) -> PreTrainedModel:
    if all(p.dtype == torch.float32 for p in model.parameters()):
        return model
    return copy.deepcopy(model).float()


def _unused(tokenizer: PreTrainedTokenizerBase, max_seq_length: int) -> PreTrainedTokenizerBase:
    """A copy without what earlier calls and the way it was loaded left in it."""
    fresh = copy.deepcopy(tokenizer)
    fresh.model_max_length = max_seq_length
    for trace in ("is_local", "local_files_only"):
        fresh.init_kwargs.pop(trace, None)
    if fresh.is_fast:
        fresh.backend_tokenizer.no_truncation()
        fresh.backend_tokenizer.no_padding()
    return fresh


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf8")
