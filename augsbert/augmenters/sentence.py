"""Whole sentences rewritten by a sequence-to-sequence model: paraphrase, or translation there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from augsbert.augmenters.batches import by_length
from augsbert.augmenters.copies import Copies, Sides
from augsbert.errors import UserError
from augsbert.ranges import check_choice, check_count, check_number, filled

GENERATION: Mapping[str, Any] = MappingProxyType(
    {"num_beams": 4, "do_sample": False, "top_p": 0.95, "max_new_tokens": 64}
)
# A constant, not a setting: what is sampled depends on the batch that a sentence is in.
_BATCH_SIZE = 32


class Sentence:
    """Rewrites a sentence by any of transformers' AutoModelForSeq2SeqLM; the level above the word.

    One model paraphrases; two translate, there by ``encoder`` and back by ``back``. By beam search a sentence has one
    paraphrase, so that ``copies`` beyond the first repeat it and are left out; with ``do_sample`` they differ.

    Args:
        encoder: weights of the paraphraser, or of the translation there.
        back: weights of the translation back; None where ``encoder`` paraphrases.
        prefix: text before each sentence, as some models want ("paraphrase: ").
        generation: ``num_beams``, ``do_sample``, ``top_p`` and ``max_new_tokens``, as ``generate`` takes them.
        copies: new pairs for each pair.
        sides: rewrite ``one`` sentence of a pair, drawn for each copy, or ``both``.
        seed: of the draws.
        device: where the models run, as torch names it.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1
    #: The settings that name weights.
    WEIGHTS = ("encoder", "back")

    def __init__(
        self,
        encoder: str,
        back: str | None = None,
        prefix: str = "",
        generation: Mapping[str, Any] = GENERATION,
        copies: int = 1,
        sides: Sides = "one",
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.generation = filled("generation", generation, GENERATION)
        check_count("generation.num_beams", self.generation["num_beams"])
        check_count("generation.max_new_tokens", self.generation["max_new_tokens"])
        check_choice("generation.do_sample", self.generation["do_sample"], [True, False])
        check_number("generation.top_p", self.generation["top_p"], 0, 1)
        self.encoder, self.back, self.prefix, self.device = encoder, back, prefix, device
        self._copies = Copies(copies, sides, seed)

    def __call__(self, gold: pd.DataFrame) -> pd.DataFrame:
        """Augment.

        Args:
            gold: scored pairs.

        Returns:
            New pairs, as :meth:`Copies.of` gives them.

        Raises:
            UserError: a model is no sequence-to-sequence model, or its weights are not all there.
        """
        return self._copies.of(gold, self.rewrite, "sentence")

    def rewrite(self, sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
        """The sentences as the model, or both in turn, put them; one for which nothing comes out stays."""
        named = {"encoder": self.encoder, "back": self.back}
        # Both, before hours of work with the first.
        ways = [self._loaded(role, weights) for role, weights in named.items() if weights is not None]
        made = [self.prefix + sentence for sentence in sentences]
        for tokenizer, model in ways:
            made = self._generate(tokenizer, model, made, rng)
        return [new.strip() or old for new, old in zip(made, sentences, strict=True)]

    def _generate(self, tokenizer: Any, model: Any, texts: Sequence[str], rng: np.random.Generator) -> list[str]:
        import torch

        settings = self.generation if self.generation["do_sample"] else {**self.generation, "top_p": None}
        # Tokenizers that name no length of their own truncate nothing, and a long sentence would leave the model's.
        longest = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None) or 512)
        made = [""] * len(texts)
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(int(rng.integers(2**31)))
            for places in by_length(texts, _BATCH_SIZE, "augmented: sentences"):
                batch, cut = [texts[i] for i in places], {"truncation": True, "max_length": longest}
                inputs = tokenizer(batch, padding=True, return_tensors="pt", **cut)
                rows = model.generate(**inputs.to(self.device), **settings)
                for place, text in zip(places, tokenizer.batch_decode(rows, skip_special_tokens=True), strict=True):
                    made[place] = text
        return made

    def _loaded(self, role: str, weights: str) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # of a read that takes a moment
        how = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
        try:
            model, read = AutoModelForSeq2SeqLM.from_pretrained(weights, **how)
        except ValueError as error:
            raise UserError(f"{role}={weights}: it is no sequence-to-sequence model, as t5-base is.") from error
        if lacking := sorted(read["missing_keys"]):
            raise UserError(
                f"{role}={weights}: its weights lack {len(lacking)} tensors, {lacking[0]} first. "
                "Save the model again, or name another."
            )
        return AutoTokenizer.from_pretrained(weights), model.to(self.device).eval()
