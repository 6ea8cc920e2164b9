"""The bi-encoder, SBERT (Reimers & Gurevych 2019): each sentence by itself, pooled embeddings, cosine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from augsbert.encoders.export import save_bi_encoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.network import refuse_random_body
from augsbert.encoders.pooling import POOLING_MODES, pool
from augsbert.encoders.token_rows import PairRows, TokenRows
from augsbert.encoders.unpadding import unpad_training
from augsbert.pairs import distinct_sentences, places
from augsbert.ranges import check_choice

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class BiEncoder(PairEncoder):
    """Embeds sentences one by one; a pair's score is the cosine of its embeddings.

    Args:
        encoder: weights to start from.
        num_layers: keep the first so many layers; None keeps all.
        pooling_mode: tokens to sentence, as sentence-transformers names it.
        max_seq_length: tokens of a sentence, special ones counted.
        loss: a module called with u (B, D), v (B, D) and scores (B,); None where it is only used.
        fit: how it is fitted; None takes the weights as they are.
    """

    VERSION = 1
    ROWS = "sentences"

    def __init__(
        self,
        encoder: str,
        num_layers: int | None = None,
        pooling_mode: str = "mean",
        max_seq_length: int = 128,
        loss: Any = None,
        fit: Fit | None = None,
    ) -> None:
        check_choice("pooling_mode", pooling_mode, POOLING_MODES)
        super().__init__(encoder, num_layers, max_seq_length, fit)
        self.pooling_mode, self.loss = pooling_mode, loss

    def configure_model(self) -> None:
        """As any encoder's; a fit then spends nothing on padding, where the network's build is known."""
        if self.model is None:
            super().configure_model()
            assert self.model is not None
            unpad_training(self.model)

    def new_model(self, config: Any) -> PreTrainedModel:
        """The network without a head; a pooler that its weights bring is kept but, being unused, not trained.

        Raises:
            UserError: weights are lacking.
        """
        from transformers import AutoModel

        model, read = AutoModel.from_pretrained(
            self.encoder, config=config, dtype=torch.float32, output_loading_info=True, use_safetensors=True
        )
        refuse_random_body(model, read["missing_keys"])
        for name, parameter in model.train().named_parameters():
            parameter.requires_grad_("pooler" not in name)
        if self.loss is not None:
            self.loss.configure(config.hidden_size)
        return model

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Embeddings (B, D) of token rows (B, T), float32."""
        assert self.model is not None
        tokens = self.model(**inputs).last_hidden_state
        return pool(tokens.float(), inputs["attention_mask"], self.pooling_mode)

    def training_rows(self, pairs: pd.DataFrame) -> tuple[PairRows, np.ndarray]:
        """Two rows a pair, of the pairs that the loss learns from.

        Raises:
            UserError: the loss finds too few of them.
        """
        assert self.loss is not None
        pairs = pairs[self.loss.keep(pairs["score"].to_numpy())]
        return self._both_sides(pairs), pairs["score"].to_numpy(dtype=np.float32)

    def _both_sides(self, pairs: pd.DataFrame) -> PairRows:
        """Two rows a pair; a sentence of several pairs, as silver's are, is tokenized once."""
        sentences = distinct_sentences(pairs)
        return PairRows(self.tokenize(sentences), places(sentences, pairs))

    def scoring_rows(self, pairs: pd.DataFrame) -> TokenRows | PairRows:
        """One row for each different sentence."""
        return self.tokenize(distinct_sentences(pairs))

    def combine(self, pairs: pd.DataFrame, outputs: np.ndarray) -> np.ndarray:
        """Cosine similarities (n,), -1..1."""
        embeddings = torch.nn.functional.normalize(torch.from_numpy(outputs.astype(np.float32)), dim=-1)
        u, v = (embeddings[side] for side in places(distinct_sentences(pairs), pairs).T)
        return (u * v).sum(dim=-1).numpy()

    def pair_loss(self, outputs: Tensor, scores: Tensor, *queries: Tensor) -> Tensor:
        """The loss between u and v, outputs[:, 0] and outputs[:, 1]."""
        assert self.loss is not None
        return self.loss(outputs[:, 0], outputs[:, 1], scores, *queries)

    @property
    def by_query(self) -> str | None:
        """The name of the loss, if it compares the candidates of a sentence."""
        return type(self.loss).__name__ if getattr(self.loss, "by_query", False) else None

    def save(self, folder: Path) -> None:
        """Write a folder that ``SentenceTransformer`` loads."""
        assert self.model is not None
        assert self.tokenizer is not None
        save_bi_encoder(self.model, self.tokenizer, folder, self.pooling_mode, self.max_seq_length)
