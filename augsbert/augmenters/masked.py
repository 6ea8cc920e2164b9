"""Words that a masked language model puts where a sentence has a gap: many sentences, one pass.

Any model of transformers' AutoModelForMaskedLM: BERT, DistilBERT, RoBERTa, XLM-R, ELECTRA's generator; and XLNet. All
gaps of a sentence are open in the same pass, so one does not know what will fill another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from augsbert.augmenters.batches import by_length
from augsbert.augmenters.permuted import is_permuted, logits_at
from augsbert.augmenters.words import is_closed
from augsbert.encoders.model_folder import limits
from augsbert.errors import UserError

if TYPE_CHECKING:
    import torch

# A constant, not a setting: a score's last digits depend on the batch that it is in.
_BATCH_SIZE = 64
_MAX_LENGTH = 256


class MaskedModel:
    """A masked language model with its tokenizer, ready to fill gaps.

    Args:
        encoder: folder or hub id of its weights.
        device: where it runs, as torch names it.
        bf16: multiply in bfloat16.

    Raises:
        UserError: the weights have no head for words, or the tokenizer has no mask.
    """

    def __init__(self, encoder: str, device: str = "cpu", *, bf16: bool = False) -> None:
        import torch
        from transformers import AutoModelForMaskedLM, AutoTokenizer, XLNetLMHeadModel
        from transformers.utils import logging as transformers_logging

        from augsbert.encoders.network import round_linear_weights

        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()  # of a head that is missing this class speaks itself
        self.tokenizer = AutoTokenizer.from_pretrained(encoder)
        self.permuted = is_permuted(encoder)
        kind: Any = XLNetLMHeadModel if self.permuted else AutoModelForMaskedLM
        try:
            model, read = kind.from_pretrained(
                encoder, dtype=torch.float32, output_loading_info=True, use_safetensors=True
            )
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"encoder={encoder}: it is no masked language model ({reason}). {_CHOOSE}") from error
        if read["missing_keys"] or self.tokenizer.mask_token is None:
            raise UserError(f"encoder={encoder}: these weights have no head that predicts masked words. {_CHOOSE}")
        self.model, self.device, self.bf16 = model.to(device).eval(), device, bf16
        if bf16:
            round_linear_weights(self.model, torch.bfloat16)
        self.words = whole_words(self.tokenizer)
        self.length = min(_MAX_LENGTH, limits(model.config.to_dict()).positions or _MAX_LENGTH)

    def reach(self, sentence: str) -> int:
        """How many characters of a sentence lie within the longest input."""
        # No tokenizer makes more tokens than there are bytes: most sentences are short enough without looking.
        if len(sentence.encode("utf8", "replace")) <= self.length - 2:
            return len(sentence)
        tokens = self.tokenizer(sentence, truncation=True, max_length=self.length, return_offsets_mapping=True)
        return max(end for _, end in tokens["offset_mapping"])

    def fill(
        self, texts: Sequence[str], never: Sequence[Sequence[str]], sampling: Mapping[str, float], draws: np.ndarray
    ) -> list[list[str | None]]:
        """A word for each gap.

        Args:
            texts: sentences in which ``gap`` stands where a word is wanted.
            never: for each gap of each sentence, the word that must not come, in any case.
            sampling: ``top_k``, ``top_p`` and ``temperature``.
            draws: a number in 0..1 for each gap, in the order of texts and gaps: what decides the draw.

        Returns:
            For each sentence a word for each gap; None where no word fits, or the gap lies beyond the longest input.
        """
        import torch

        starts = np.concatenate([[0], np.cumsum([len(words) for words in never])])
        filled: list[list[str | None]] = [[None] * len(words) for words in never]
        with torch.inference_mode():
            for places in by_length(texts, _BATCH_SIZE, "augmented: masked words"):
                logits, owners = self._logits([texts[i] for i in places])
                counts = np.zeros(len(places), dtype=int)
                for likeliest, owner in zip(self._likeliest(logits, int(sampling["top_k"])), owners, strict=True):
                    sentence, gap = places[owner], int(counts[owner])
                    counts[owner] += 1
                    if gap < len(never[sentence]):
                        draw = float(draws[starts[sentence] + gap])
                        filled[sentence][gap] = _drawn(likeliest, never[sentence][gap], sampling, draw)
        return filled

    @property
    def gap(self) -> str:
        """What stands in a text where a word is wanted."""
        return str(self.tokenizer.mask_token)

    def clashes(self, sentence: str) -> bool:
        """Whether a sentence holds one of the tokenizer's own marks, which it would take for one."""
        return any(token in sentence for token in self.tokenizer.all_special_tokens)

    def _logits(self, texts: Sequence[str]) -> tuple[torch.Tensor, list[int]]:
        """Scores (M, V) of all words at the M gaps of the texts, and the text that each gap is in.

        The head, most of the work of a small model, is run on the gaps alone: what the encoder hands it is cut down to
        them on the way.
        """
        import torch

        inputs = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.length, return_tensors="pt"
        ).to(self.device)
        gaps = inputs["input_ids"] == self.tokenizer.mask_token_id  # (B, T)
        owners = gaps.nonzero()[:, 0].tolist()

        def cut(module: Any, arguments: Any, output: Any) -> Any:
            hidden = output[0][gaps][None]  # (1, M, D)
            if isinstance(output, tuple):
                return (hidden, *output[1:])
            output.last_hidden_state = hidden
            return output

        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            if self.permuted:
                return logits_at(self.model, inputs, gaps), owners
            handle = self.model.base_model.register_forward_hook(cut)
            try:
                return self.model(**inputs).logits[0], owners
            finally:
                handle.remove()

    def _likeliest(self, logits: torch.Tensor, top_k: int) -> Iterator[list[tuple[float, str]]]:
        """For each gap the scores of ``top_k`` words and of one more, as one may be the word that must not come."""
        import torch

        words = list(self.words.values())
        scores, places = logits[:, torch.tensor(list(self.words))].float().topk(min(len(words), top_k + 1))
        for row, columns in zip(scores.tolist(), places.tolist(), strict=True):
            yield [(score, words[i]) for score, i in zip(row, columns, strict=True)]


def _drawn(
    likeliest: Sequence[tuple[float, str]], never: str, sampling: Mapping[str, float], draw: float
) -> str | None:
    """A word drawn from the likeliest ones: first ``top_k``, then those that make up ``top_p``."""
    kept = [(score, word) for score, word in likeliest if word.lower() != never.lower()][: int(sampling["top_k"])]
    if not kept:
        return None
    scores = np.array([score for score, _ in kept]) / sampling["temperature"]
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    inside = np.concatenate([[0], shares.cumsum()[:-1]]) < sampling["top_p"]
    sums = shares[inside].cumsum()
    return kept[min(int(np.searchsorted(sums, draw * sums[-1], side="right")), len(sums) - 1)][1]


_CHOOSE = "Name one that does, such as encoder=bert-base-uncased or encoder=distilroberta-base."


def whole_words(tokenizer: Any) -> dict[int, str]:
    """Of a vocabulary, the tokens that are a word by themselves, by id: no pieces, marks, numbers or function words.

    WordPiece marks what continues a word (##ing); byte-level BPE and SentencePiece mark what begins one.

    Raises:
        UserError: the vocabulary has no such marks (XLM's, FlauBERT's).
    """
    vocabulary, special = tokenizer.get_vocab(), set(tokenizer.all_special_ids)
    if not any(token.startswith(("##", "Ġ", "▁")) for token in vocabulary):
        raise UserError("encoder: its tokenizer marks neither where a word begins nor where one goes on. " + _CHOOSE)
    begins = next((mark for mark in ("Ġ", "▁") if sum(token.startswith(mark) for token in vocabulary) > 10), "")
    bare = {i: token.removeprefix(begins) for token, i in vocabulary.items() if token.startswith(begins)}
    if begins == "Ġ":
        # Bytes stand there as letters, a curly quote too: âĢĺ.
        bare = {i: word if word.isascii() else _decoded(word) for i, word in bare.items()}
    found = {i: word for i, word in bare.items() if re.fullmatch(r"[^\W\d_]{2,}", word) and i not in special}
    return dict(sorted((i, word) for i, word in found.items() if not is_closed(word)))


def _decoded(token: str) -> str:
    """The text of a byte-level token; what is no whole character becomes the replacement mark, which is no letter."""
    return bytes(_BYTES.get(letter, 0) for letter in token).decode("utf8", "replace")


# GPT-2's alphabet of bytes: the printable ones of Latin-1 stand for themselves, the others follow from 256 on.
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_BYTES = {chr(byte): byte for byte in _PRINTABLE}
_BYTES |= {chr(256 + i): byte for i, byte in enumerate(b for b in range(256) if b not in _PRINTABLE)}
