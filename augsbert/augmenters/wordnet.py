"""Words replaced by synonyms out of WordNet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from augsbert.augmenters.copies import Copies, Sides
from augsbert.augmenters.inflection import Inflection, form_of
from augsbert.augmenters.wordnet_files import COUNTS, NAMES, PARTS, WordNet, find_folder
from augsbert.augmenters.words import Span, changeable, like, put
from augsbert.ranges import check_count, check_share

_BEFORE_NOUNS = "a an the this that these those my your his her its our their some any each every no"
_BEFORE_VERBS = "i you he she it we they who will would can could may might must shall should not"
#: What stands before a noun or an adjective, and never before a verb in a form of its own.
_DETERMINERS = frozenset(_BEFORE_NOUNS.split())
#: What stands before a verb.
_SUBJECTS = frozenset(_BEFORE_VERBS.split())


class SynonymWordnet:
    """Replaces words by others that share a sense with them (arXiv 2010.08240, section 5.1: NLPAug's synonyms).

    Nothing here tags parts of speech. A word is taken for that of its possible lemmas that was met most often in
    WordNet's tagged texts, except that no verb follows an article and nothing but a verb a subject pronoun. A synonym
    comes in the form of the word that it replaces (plural, third person, past, -ing, comparative, superlative), in its
    case, and "a" becomes "an" before it where need be; one whose form is not sure does not come. Function words,
    numbers and words without synonyms stay.

    Args:
        path: folder with WordNet's files; None looks where systems keep them.
        share: of the words that have a synonym, above 0 and up to 1; at least one word.
        senses: how many of a word's senses lend synonyms, the commonest first; at least 1. More are riskier.
        copies: new pairs for each pair.
        sides: rewrite ``one`` sentence of a pair, drawn for each copy, or ``both``.
        seed: of the draws.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1
    UNKEYED = ("path",)

    def __init__(
        self,
        path: str | None = None,
        share: float = 0.2,
        senses: int = 1,
        copies: int = 1,
        sides: Sides = "one",
        seed: int = 0,
    ) -> None:
        check_share("share", share)
        check_count("senses", senses)
        self.path, self.share, self.senses = path, share, senses
        self._copies = Copies(copies, sides, seed)

    def files(self) -> list[Path]:
        """WordNet's files.

        Raises:
            UserError: they are not there.
        """
        folder = find_folder(self.path)
        return [folder / name for name in [*NAMES, COUNTS] if (folder / name).is_file()]

    def __call__(self, gold: pd.DataFrame) -> pd.DataFrame:
        """Augment.

        Args:
            gold: scored pairs.

        Returns:
            New pairs, as :meth:`Copies.of` gives them.

        Raises:
            UserError: WordNet's files are not there, or damaged.
        """
        return self._copies.of(gold, self.rewrite, "synonym_wordnet")

    def rewrite(self, sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Sentences with some words replaced."""
        return [self._rewritten(sentence, rng) for sentence in sentences]

    def synonyms(self, word: str, before: str = "") -> list[str]:
        """What may stand in a word's place, in its form but in lower case, the commonest sense first.

        Args:
            word: in any case.
            before: the word before it.
        """
        word, wordnet = word.lower(), self._wordnet
        readings = [(lemma, part) for part in _parts_after(before.lower()) for lemma in wordnet.lemmas(word, part)]
        if not readings:
            return []
        lemma, part = max(readings, key=lambda r: (wordnet.counts.get(r, 0), len(wordnet.index[r[1]][r[0]])))
        form = form_of(word, lemma, part)
        found = [self._inflection.inflect(s, part, form) for s in wordnet.synonyms(lemma, part, self.senses)]
        return [synonym for synonym in found if synonym and synonym.lower() != word and not _has_digit(synonym)]

    def _rewritten(self, sentence: str, rng: np.random.Generator) -> str:
        choices = {span: found for span in changeable(sentence) if (found := self._at(sentence, span))}
        if not choices:
            return sentence
        size = max(1, round(self.share * len(choices)))
        spans = [list(choices)[i] for i in sorted(rng.choice(len(choices), size=size, replace=False))]
        drawn = {span: choices[span][rng.integers(len(choices[span]))] for span in spans}
        return put(sentence, {span: like(word, sentence[slice(*span)]) for span, word in drawn.items()})

    def _at(self, sentence: str, span: Span) -> list[str]:
        before = sentence[: span[0]].split()
        return self.synonyms(sentence[slice(*span)], before[-1] if before else "")

    @cached_property
    def _wordnet(self) -> WordNet:
        return WordNet(find_folder(self.path))

    @cached_property
    def _inflection(self) -> Inflection:
        return Inflection(self._wordnet.exceptions)


def _parts_after(word: str) -> Sequence[str]:
    """The parts of speech that may follow a word."""
    if word in _DETERMINERS:
        return [part for part in PARTS if part != "verb"]
    return ["verb", "adv"] if word in _SUBJECTS else PARTS


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)
