"""The poly-encoder (Humeau et al. 2020, arXiv 1905.01969, section 4.4): between the bi-encoder and the cross-encoder.

The first sentence of a pair is the context, the second the candidate. A context becomes several vectors, its codes; a
candidate one, which can be kept, and which decides by attention how much each code of a context counts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augsbert.encoders.attention import attend, first_tokens, seen_by
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.export import POLY_CODES, POLY_CONFIG, save_poly_encoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.model_folder import check_safetensors
from augsbert.encoders.pooling import pool
from augsbert.encoders.token_rows import PairRows, Row
from augsbert.errors import UserError
from augsbert.ranges import check_choice, check_count

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


class PolyEncoder(BiEncoder):
    """Scores a pair by the candidate's embedding and the context as that candidate sees it; not symmetric.

    With token outputs h_1..h_N of the context, learnt codes c_1..c_m and the candidate's embedding v: code vector
    y_i = sum_j softmax_j(c_i . h_j) h_j; context u = sum_i softmax_i(v . y_i) y_i; score = similarity of u and v. What
    is padding has no weight. A bi-encoder's losses are given u and v. ``MultipleNegativesRankingLoss`` is the paper's
    in-batch negatives: each context against all candidates of the batch, u made anew for each.

    Args:
        encoder: weights to start from; a saved poly-encoder's folder brings its codes along.
        num_layers: keep the first so many layers; None keeps all.
        codes: ``learnt``, drawn by the fit's seed where the folder has none, or ``first``: h_1..h_m are the y_i.
        num_codes: m, 1 or more; the paper compares 16, 64 and 360.
        pooling_mode: tokens to v, as sentence-transformers names it; the paper takes ``cls``.
        similarity: ``cosine``, -1..1, or ``dot``, the paper's, without bounds and for in-batch negatives only.
        score_both_orders: score a pair by the mean of (a, b) and (b, a), where neither is a context by nature.
        max_seq_length: tokens of a sentence, special ones counted.
        loss: as the bi-encoder's; None where it is only used.
        fit: how it is fitted; None takes the weights as they are.

    Raises:
        UserError: a value is not allowed, or ``dot`` stands beside a loss that trains cosines.
    """

    VERSION = 1
    ROWS = "pairs"

    def __init__(
        self,
        encoder: str,
        num_layers: int | None = None,
        codes: Literal["learnt", "first"] = "learnt",
        num_codes: int = 16,
        pooling_mode: str = "mean",
        similarity: Literal["cosine", "dot"] = "cosine",
        score_both_orders: bool = False,
        max_seq_length: int = 128,
        loss: Any = None,
        fit: Fit | None = None,
    ) -> None:
        check_choice("codes", codes, ("learnt", "first"))
        check_count("num_codes", num_codes)
        check_choice("similarity", similarity, ("cosine", "dot"))
        if similarity == "dot" and not (loss is None or hasattr(loss, "in_batch")):
            raise UserError(
                f"similarity=dot: {type(loss).__name__} trains cosines. Set similarity=cosine, or choose the loss "
                "multiple_negatives_ranking, for the baseline too (scale=1 is the paper's)."
            )
        if codes == "learnt":
            _refuse_other_codes(Path(encoder) / POLY_CODES, num_codes)
        super().__init__(encoder, num_layers, pooling_mode, max_seq_length, loss, fit)
        self.codes, self.num_codes = codes, num_codes
        self.similarity, self.score_both_orders = similarity, score_both_orders
        self.code_embeddings: nn.Parameter | None = None

    @classmethod
    def from_folder(cls, folder: str | Path) -> PolyEncoder:
        """A poly-encoder that :meth:`save` wrote, with the settings it was saved with, ready to score.

        Raises:
            UserError: there is none in the folder.
        """
        config = Path(folder) / POLY_CONFIG
        if not config.exists():
            raise UserError(f"{folder}: no {POLY_CONFIG} in it. Name the folder of a saved poly-encoder.")
        return cls(str(folder), **json.loads(config.read_text(encoding="utf8")))._ready()

    def new_model(self, config: Any) -> PreTrainedModel:
        """The bi-encoder's network; the codes come with it."""
        if self.codes == "learnt":
            self.code_embeddings = nn.Parameter(self._saved_codes(config.hidden_size))
        return super().new_model(config)

    def _saved_codes(self, width: int) -> Tensor:
        """Codes (num_codes, D) of the folder, or new ones, the same each time: without a fit they are scored with."""
        from safetensors.torch import load_file

        file = Path(self.encoder) / POLY_CODES
        if not file.exists():
            generator = torch.Generator().manual_seed(self.fit_settings.seed if self.fit_settings else 0)
            return torch.randn(self.num_codes, width, generator=generator) / width**0.5
        return load_file(file)["codes"]

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Token rows (B, T) in both roles, (B, num_codes + 1, D) in float32: as a context, and last as a candidate."""
        assert self.model is not None
        tokens, mask = self.model(**inputs).last_hidden_state.float(), inputs["attention_mask"].bool()
        if self.code_embeddings is None:
            codes = first_tokens(tokens, mask, self.num_codes)
        else:
            codes = attend(self.code_embeddings, tokens, mask)
        return torch.cat([codes, pool(tokens, mask, self.pooling_mode)[:, None]], dim=1)

    def scoring_rows(self, pairs: pd.DataFrame) -> PairRows:
        """Context and candidate of each pair, not each sentence: the codes of all would not fit into memory."""
        return self._both_sides(pairs)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Scores (B,) of the pairs of one batch, float32."""
        first, second = self(batch["inputs"]).unflatten(0, (-1, 2)).unbind(1)
        scores = self._scores(first, second)
        return (scores + self._scores(second, first)) / 2 if self.score_both_orders else scores

    predict_step = validation_step

    def combine(self, pairs: pd.DataFrame, outputs: np.ndarray) -> np.ndarray:
        """The scores (n,) as they are: -1..1, without bounds for dot products."""
        return outputs.astype(np.float32)

    def pair_loss(self, outputs: Tensor, scores: Tensor, *queries: Tensor) -> Tensor:
        """The loss of each u and v, or of each context and all candidates; outputs (B, 2, num_codes + 1, D)."""
        assert self.loss is not None
        codes, candidates = outputs[:, 0, :-1], outputs[:, 1, -1]
        if hasattr(self.loss, "in_batch"):
            return self.loss.in_batch(self._similarities(seen_by(candidates[None], codes), candidates))
        return self.loss(seen_by(candidates[:, None], codes).squeeze(1), candidates, scores, *queries)

    @torch.inference_mode()
    def embed_candidates(self, sentences: Sequence[str]) -> Tensor:
        """Candidates' embeddings (n, D), float32, on the encoder's device: to keep, for :meth:`score_context`."""
        rows = self._ready().tokenize(sentences)
        assert self.model is not None
        order = np.argsort(rows.lengths, kind="stable")
        kept = torch.empty(len(rows), self.model.config.hidden_size, device=self.device)
        for start in range(0, len(rows), _BATCH):
            batch = order[start : start + _BATCH]
            kept[batch] = super().forward(self._inputs(rows.take(batch)))
        return kept

    @torch.inference_mode()
    def score_context(self, context: str, kept: Tensor) -> Tensor:
        """Scores (n,) of one context with kept candidates (n, D): one run of the network, however many there are.

        Raises:
            UserError: both orders are to be scored, which needs the candidates' codes too.
        """
        if self.score_both_orders:
            raise UserError("score_both_orders=true: kept candidates have no codes. Set it to false, or score pairs.")
        inputs = self._inputs(self._ready().tokenize([context]))
        return self._similarities(seen_by(kept, self(inputs)[0, :-1]), kept)

    def save(self, folder: Path) -> None:
        """Write a folder for :meth:`from_folder`, or to name as ``encoder``."""
        assert self.model is not None
        assert self.tokenizer is not None
        names = ("codes", "num_codes", "pooling_mode", "similarity", "score_both_orders", "max_seq_length")
        settings = {name: getattr(self, name) for name in names}
        save_poly_encoder(self.model, self.tokenizer, folder, self.code_embeddings, settings)

    def _ready(self) -> PolyEncoder:
        self.configure_model()
        return self.eval()

    def _inputs(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        return {name: tensor.to(self.device) for name, tensor in self.collate(rows).items()}

    def _scores(self, contexts: Tensor, candidates: Tensor) -> Tensor:
        v = candidates[:, -1]
        return self._similarities(seen_by(v[:, None], contexts[:, :-1]).squeeze(1), v)

    def _similarities(self, u: Tensor, v: Tensor) -> Tensor:
        """Of vectors (..., D), which may broadcast: (...)."""
        return F.cosine_similarity(u, v, dim=-1) if self.similarity == "cosine" else (u * v).sum(dim=-1)


def _refuse_other_codes(file: Path, num_codes: int) -> None:
    """Refuse a folder whose saved codes are not so many, before any training: they are read at a fit."""
    from safetensors import safe_open

    if file.exists():
        try:
            check_safetensors(file)
        except UserError as error:
            raise UserError(f"encoder={file.parent}: {error}") from error
        with safe_open(file, framework="numpy") as tensors:
            if "codes" not in tensors.keys():  # noqa: SIM118  (it is no mapping)
                raise UserError(f"encoder={file.parent}: {file.name} has no tensor codes. Save the poly-encoder again.")
            saved = tensors.get_slice("codes").get_shape()[0]
        if saved != num_codes:
            raise UserError(f"num_codes={num_codes}: {file.parent} has {saved}. Set num_codes={saved}.")
