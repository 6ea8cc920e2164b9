"""What every encoder of pairs shares as a LightningModule: loading, tokens, batches, the training step.

A subclass says what a pair is to it: which token rows it is made of, what comes out of them, the loss, and the score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor

from augsbert.encoders.backends import Backend
from augsbert.encoders.dropout import replace_dropout
from augsbert.encoders.fit import Fit
from augsbert.encoders.model_folder import limits
from augsbert.encoders.network import keep_layers
from augsbert.encoders.self_attention import replace_attention
from augsbert.encoders.token_rows import PairRows, Row, TokenRows
from augsbert.errors import UserError
from augsbert.ranges import check_count

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

#: Texts that are tokenized at a time: the tokenizer's own output takes some kilobytes for each.
WINDOW = 1024


class PairEncoder(pl.LightningModule):
    """A transformer that gives pairs a score, higher for more alike.

    It is in 0..1 (cross-encoder), -1..1 (cosine) or without bounds (dot product).

    Args:
        encoder: the folder (or hub id) of the weights to start from.
        num_layers: keep the first so many transformer layers; None keeps all.
        max_seq_length: tokens of an input, special ones counted; longer ones are cut.
        fit: how it is fitted; None where it is only used.

    Raises:
        UserError: a value is out of its range.
    """

    #: What a scoring row is, for the progress bar.
    ROWS = "rows"
    #: What scores (backends.py).
    backend: Backend = "torch"

    def __init__(self, encoder: str, num_layers: int | None, max_seq_length: int, fit: Fit | None) -> None:
        super().__init__()
        if num_layers is not None:
            check_count("num_layers", num_layers)
        check_count("max_seq_length", max_seq_length, least=3, most=8192)
        self.encoder, self.num_layers, self.max_seq_length, self.fit_settings = encoder, num_layers, max_seq_length, fit
        self.model: PreTrainedModel | None = None
        self.tokenizer: PreTrainedTokenizerBase | None = None

    def new_model(self, config: Any) -> PreTrainedModel:
        """Load the network from ``encoder`` with that configuration."""
        raise NotImplementedError

    def training_rows(self, pairs: pd.DataFrame) -> tuple[PairRows, np.ndarray]:
        """Token rows of each training pair, and the pairs' scores (n,)."""
        raise NotImplementedError

    def scoring_rows(self, pairs: pd.DataFrame) -> TokenRows | PairRows:
        """Token rows to run the network on, each once; :meth:`combine` knows which pair needs which."""
        raise NotImplementedError

    def combine(self, pairs: pd.DataFrame, outputs: np.ndarray) -> np.ndarray:
        """Scores (n,) of the pairs, float32, from the outputs of the scoring rows."""
        raise NotImplementedError

    def pair_loss(self, outputs: Tensor, scores: Tensor) -> Tensor:
        """The loss over a whole global batch: outputs (B, rows of a pair, ...), scores (B,).

        One that is :attr:`by_query` is given queries (B,) as well, equal for pairs of one query.
        """
        raise NotImplementedError

    @property
    def by_query(self) -> str | None:
        """The name of a loss that compares the pairs of a query, which batches are then made for; else None."""
        return None

    def save(self, folder: Path) -> None:
        """Write a folder that sentence-transformers loads."""
        raise NotImplementedError

    def configure_model(self) -> None:
        """Load weights and tokenizer, once (Lightning calls this before each use).

        Raises:
            UserError: the tokenizer cannot pad, there are fewer layers than ``num_layers``, or weights do not fit.
        """
        if self.model is not None:
            return
        from transformers import AutoConfig, AutoTokenizer

        config = AutoConfig.from_pretrained(self.encoder)
        self.tokenizer = AutoTokenizer.from_pretrained(self.encoder)
        if self.tokenizer.pad_token is None:
            raise UserError(
                f"{self.encoder}: its tokenizer has no token to pad with. Give it one where it was made, such as "
                "tokenizer.pad_token = tokenizer.eos_token, and config.pad_token_id too, and save both again."
            )
        self.model = self.new_model(config)
        keep_layers(self.model, self.num_layers)
        replace_dropout(self.model)
        replace_attention(self.model)
        # A longer input than the network has positions for would fail only at the first such sentence.
        self.max_seq_length = min(self.max_seq_length, limits(config.to_dict()).positions or self.max_seq_length)

    def tokenize(self, *columns: Iterable[str]) -> TokenRows:
        """Token rows of texts, or of text pairs where two columns are given; neither padded."""
        return TokenRows(self._tokens(zip(*columns, strict=True)))

    def _tokens(self, texts: Iterator[tuple[str, ...]]) -> Iterator[dict[str, list[list[int]]]]:
        """Window by window; without the mask, which padding makes anew."""
        assert self.tokenizer is not None
        while window := list(islice(texts, WINDOW)):
            columns = map(list, zip(*window, strict=True))
            tokens = self.tokenizer(*columns, truncation=True, max_length=self.max_seq_length)
            yield {name: tokens[name] for name in tokens if name in ("input_ids", "token_type_ids")}

    def collate(self, rows: Sequence[Row], length: int | None = None) -> dict[str, Tensor]:
        """Pad token rows to the longest of them, or to ``length``, on the tokenizer's side: int64 tensors (B, T)."""
        assert self.tokenizer is not None
        lengths = np.array([len(row["input_ids"]) for row in rows])
        real = np.arange(length or lengths.max()) < lengths[:, None]
        if self.tokenizer.padding_side == "left":
            real = real[:, ::-1]
        padding = {"input_ids": self.tokenizer.pad_token_id, "token_type_ids": self.tokenizer.pad_token_type_id}
        inputs = {name: np.full(real.shape, padding[name]) for name in rows[0]}
        for name, padded in inputs.items():
            padded[real] = np.concatenate([row[name] for row in rows])
        if "attention_mask" in self.tokenizer.model_input_names:
            inputs["attention_mask"] = real.astype(np.int64)
        return {name: torch.from_numpy(values) for name, values in inputs.items()}

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """The loss of the global batch, from this device's share of it.

        Outputs are gathered with their gradients and the loss is taken over all of them on every device, as CoSENT and
        multiple negatives ranking compare pairs of the whole batch; DDP's mean of gradients is then exactly the
        gradient of that one loss. ``valid`` marks the rows that only fill up a share.
        """
        outputs = self(batch["inputs"])
        outputs = outputs.reshape(len(batch["scores"]), -1, *outputs.shape[1:])
        valid = self._gathered(batch["valid"], sync_grads=False)
        scores = self._gathered(batch["scores"], sync_grads=False)
        queries = [self._gathered(batch["queries"], sync_grads=False)[valid]] if "queries" in batch else []
        return self.pair_loss(self._gathered(outputs, sync_grads=True)[valid], scores[valid], *queries)

    def _gathered(self, share: Tensor, *, sync_grads: bool) -> Tensor:
        return self.all_gather(share, sync_grads=sync_grads).reshape(-1, *share.shape[1:])  # type: ignore[union-attr]

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Outputs of the scoring rows of one batch, in float32."""
        return self(batch["inputs"]).float()

    predict_step = validation_step

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule over all steps of the fit."""
        assert self.fit_settings is not None
        steps = int(self.trainer.estimated_stepping_batches)
        return self.fit_settings.optimizers(self.named_parameters(), steps)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clip the gradients' norm; Lightning's own hook refuses a fused optimiser, for the sake of 16-mixed alone."""
        assert self.fit_settings is not None
        torch.nn.utils.clip_grad_norm_(self.parameters(), self.fit_settings.max_grad_norm)
