"""The cross-encoder: both sentences in one input, one logit (Humeau et al. 2020, section 4.3; the paper, section 3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from augsbert.encoders.backends import Backend, check_backend
from augsbert.encoders.export import save_cross_encoder
from augsbert.encoders.first_token import only_first_token
from augsbert.encoders.fit import Fit
from augsbert.encoders.model_folder import NO_HEAD
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.network import refuse_random_body
from augsbert.encoders.token_rows import PairRows, TokenRows
from augsbert.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class CrossEncoder(PairEncoder):
    """Scores a pair by the sigmoid of one logit, trained with binary cross-entropy on the (soft) score.

    Args:
        encoder: weights to start from; a head that is not among them is drawn by the fit's seed.
        num_layers: keep the first so many layers; None keeps all.
        max_seq_length: tokens of a pair, special ones counted.
        train_both_orders: train on (a, b) and (b, a), as the paper's script does; twice the steps.
        score_both_orders: score a pair by the mean of both orders' logits; twice the work.
        backend: what scores: torch, or openvino, on a CPU about half as fast again.
        fit: how it is fitted; None takes the weights as they are.

    Raises:
        UserError: a value is out of its range, or OpenVINO is asked for and not installed.
    """

    VERSION = 2
    LATER: ClassVar[dict[str, Any]] = {"backend": "torch"}
    ROWS = "pairs"

    def __init__(
        self,
        encoder: str,
        num_layers: int | None = None,
        max_seq_length: int = 128,
        train_both_orders: bool = True,
        score_both_orders: bool = False,
        backend: Backend = "torch",
        fit: Fit | None = None,
    ) -> None:
        super().__init__(encoder, num_layers, max_seq_length, fit)
        self.train_both_orders, self.score_both_orders = train_both_orders, score_both_orders
        check_backend(backend)
        self.backend = backend

    def configure_model(self) -> None:
        """As any encoder's; the last layer then computes what the head reads."""
        if self.model is None:
            super().configure_model()
            assert self.model is not None
            only_first_token(self.model)

    def new_model(self, config: Any) -> PreTrainedModel:
        """The network with a head of one logit; a fit puts a new one in the place of a head of several labels.

        Raises:
            UserError: weights of the body are lacking, or of the head where there is no fit.
        """
        from transformers import AutoModelForSequenceClassification

        config.num_labels = 1
        model, read = AutoModelForSequenceClassification.from_pretrained(
            self.encoder,
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
        )
        lacking = {*read["missing_keys"], *(name for name, *_ in read["mismatched_keys"])}
        refuse_random_body(model, lacking)
        if self.fit_settings is None and lacking:
            raise UserError(f"{self.encoder}: {NO_HEAD}")
        return model.train()

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Logits (B,) of token rows (B, T); float32, as half precision saturates a sigmoid into ties."""
        assert self.model is not None
        return self.model(**inputs).logits.squeeze(-1).float()

    def training_rows(self, pairs: pd.DataFrame) -> tuple[PairRows, np.ndarray]:
        """One row a pair, or two where both orders are trained on."""
        ordered = _orders(pairs, both=self.train_both_orders)
        rows = self.tokenize(ordered["sentence1"], ordered["sentence2"])
        return PairRows(rows, np.arange(len(rows))[:, None]), ordered["score"].to_numpy(dtype=np.float32)

    def scoring_rows(self, pairs: pd.DataFrame) -> TokenRows:
        """(a, b) of all pairs, then (b, a) of all pairs where both orders are scored."""
        ordered = _orders(pairs, both=self.score_both_orders)
        return self.tokenize(ordered["sentence1"], ordered["sentence2"])

    def combine(self, pairs: pd.DataFrame, outputs: np.ndarray) -> np.ndarray:
        """Sigmoid of the logit, or of the mean of both orders' logits: (n,) in 0..1."""
        logits = torch.from_numpy(outputs.astype(np.float32)).reshape(-1, len(pairs)).mean(dim=0)
        return torch.sigmoid(logits).numpy()

    def pair_loss(self, outputs: Tensor, scores: Tensor) -> Tensor:
        """Binary cross-entropy between the logit and the score in 0..1, mean over the batch."""
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs.reshape(-1), scores)

    def save(self, folder: Path) -> None:
        """Write a folder that ``sentence_transformers.CrossEncoder`` loads."""
        assert self.model is not None
        assert self.tokenizer is not None
        save_cross_encoder(self.model, self.tokenizer, folder, max_seq_length=self.max_seq_length)


def _orders(pairs: pd.DataFrame, *, both: bool) -> pd.DataFrame:
    if not both:
        return pairs
    swapped = pairs.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
    return pd.concat([pairs, swapped[list(pairs.columns)]], ignore_index=True)
