"""Words that fit their sentence, by a masked language model: put in place of others, or between them.

As in the paper's NLPAug row (arXiv 2010.08240, section 5.1) and nlpaug's ContextualWordEmbsAug, but batched over
sentences and repeatable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from augsbert.augmenters.copies import Copies, Sides
from augsbert.augmenters.masked import MaskedModel
from augsbert.augmenters.words import Span, changeable, draw, like, put, starts_sentence
from augsbert.ranges import check_above_zero, check_count, check_share, filled

SAMPLING: Mapping[str, float] = MappingProxyType({"top_k": 20, "top_p": 0.95, "temperature": 1.0})


class ContextualSubstitute:
    """Replaces words by others that a masked language model expects in their place.

    Words to replace are drawn among those that are neither names, numbers nor function words; a word of several pieces
    is one gap. What comes in is a whole word of the vocabulary, never the one that stood there, in its case. The model
    knows the context and not the meaning: "good" may become "bad". A sentence that nothing fits stays as it is.

    Args:
        encoder: weights of a masked language model, any that transformers' AutoModelForMaskedLM loads (BERT,
            DistilBERT, RoBERTa, XLM-R, ELECTRA's generator), or of an XLNet.
        share: of the words that may be replaced, above 0 and up to 1; at least one.
        sampling: the draw is among the ``top_k`` likeliest words (1 or more), of these the first that make up ``top_p``
            (above 0, at most 1), at a ``temperature`` (above 0; lower: the likeliest more often).
        copies: new pairs for each pair.
        sides: rewrite ``one`` sentence of a pair, drawn for each copy, or ``both``.
        seed: of the draws.
        device: where the model runs, as torch names it.
        bf16: multiply in bfloat16: some times faster where the processor does so in hardware; the draws may differ.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 5
    ORIGIN = "contextual_substitute"

    def __init__(
        self,
        encoder: str,
        share: float = 0.2,
        sampling: Mapping[str, float] = SAMPLING,
        copies: int = 1,
        sides: Sides = "one",
        seed: int = 0,
        device: str = "cpu",
        bf16: bool = False,
    ) -> None:
        check_share("share", share)
        self.encoder, self.share, self.device, self.sampling = encoder, share, device, _checked(sampling)
        self._copies, self.bf16 = Copies(copies, sides, seed), bf16

    def __call__(self, gold: pd.DataFrame) -> pd.DataFrame:
        """Augment.

        Args:
            gold: scored pairs.

        Returns:
            New pairs, as :meth:`Copies.of` gives them.

        Raises:
            UserError: the encoder is no masked language model.
        """
        return self._copies.of(gold, self.rewrite, self.ORIGIN)

    def rewrite(self, sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Sentences with some words replaced."""
        model = MaskedModel(self.encoder, self.device, bf16=self.bf16)
        gaps = [self._gaps(sentence, model.reach(sentence), rng) for sentence in sentences]
        return _filled(model, sentences, gaps, self.sampling, rng)

    def _gaps(self, sentence: str, reach: int, rng: np.random.Generator) -> list[Span]:
        """Gaps within the first ``reach`` characters."""
        return draw([span for span in changeable(sentence) if span[1] <= reach], self.share, rng)


class ContextualInsert(ContextualSubstitute):
    """Puts words between others, where a masked language model expects them.

    The gap is before a drawn word that is neither a name, a number nor a function word, nor a sentence's first: where
    an adjective or an adverb goes. All else is as in :class:`ContextualSubstitute`; ``share`` is of the words before
    which a gap may be.
    """

    ORIGIN = "contextual_insert"

    def _gaps(self, sentence: str, reach: int, rng: np.random.Generator) -> list[Span]:
        spans = [span for span in _later(sentence) if span[1] <= reach]
        return [(start, start) for start, _ in draw(spans, self.share, rng)]


def _later(sentence: str) -> list[Span]:
    """The changeable words but those that begin a sentence, whose capital would have to move."""
    return [span for span in changeable(sentence) if not starts_sentence(sentence, span[0])]


def _filled(
    model: MaskedModel,
    sentences: Sequence[str],
    gaps: Sequence[Sequence[Span]],
    sampling: Mapping[str, float],
    rng: np.random.Generator,
) -> list[str]:
    """The sentences with what the model puts in their gaps; an empty one gets a space after the word."""
    gaps = [[] if model.clashes(sentence) else spans for sentence, spans in zip(sentences, gaps, strict=True)]
    open_ = [i for i, spans in enumerate(gaps) if spans]
    texts = [put(sentences[i], {s: model.gap + " " * (s[0] == s[1]) for s in gaps[i]}, articles=False) for i in open_]
    never = [[sentences[i][slice(*span)] for span in gaps[i]] for i in open_]
    found = model.fill(texts, never, sampling, rng.random(sum(map(len, never))))
    made = list(sentences)
    for i, words in zip(open_, found, strict=True):
        taken = {span: word for span, word in zip(gaps[i], words, strict=True) if word is not None}
        made[i] = put(sentences[i], {span: _set(word, sentences[i], span) for span, word in taken.items()})
    return made


def _set(word: str, sentence: str, span: Span) -> str:
    start, end = span
    return f"{word} " if start == end else like(word, sentence[start:end])


def _checked(sampling: Mapping[str, float]) -> dict[str, float]:
    """``sampling`` with the defaults for what it leaves out."""
    whole = filled("sampling", sampling, SAMPLING)
    check_count("sampling.top_k", whole["top_k"])
    check_share("sampling.top_p", whole["top_p"])
    check_above_zero("sampling.temperature", whole["temperature"])
    return whole
