"""Words replaced by synonyms out of WordNet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from augsbert.augmenters.copies import Copies, Sides
from augsbert.augmenters.inflection import Inflection, form_of
from augsbert.augmenters.wordnet_files import COUNTS, NAMES, PARTS, WordNet, find_folder
from augsbert.augmenters.words import Span, changeable, draw, like, put
from augsbert.ranges import check_count, check_share

_BEFORE_NOUNS = "a an the this that these those my your his her its our their some any each every no"
_BEFORE_VERBS = "i you he she it we they who will would can could may might must shall should"
#: What stands before a noun or an adjective, and never before a verb in a form of its own.
_DETERMINERS = frozenset(_BEFORE_NOUNS.split())
#: What stands before a verb.
_SUBJECTS = frozenset(_BEFORE_VERBS.split())


class SynonymWordnet:
    """Replaces words by others that share a sense with them (arXiv 2010.08240, section 5.1: NLPAug's synonyms).

    Nothing here tags parts of speech. A word is taken for that of its possible lemmas that was met most often in
    WordNet's tagged texts, except that no verb follows an article and nothing but a verb a subject pronoun. A synonym
    comes in the form of the word that it replaces (plural, third person, past, -ing, comparative, superlative), in its
    case, and "a" becomes "an" before it where need be; one whose form is not sure does not come, nor do abbreviations,
    names for common words ("Canis familiaris") and what would say a neighbour again ("police force" before "force").
    Function words, numbers, names and words without synonyms stay.

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

    VERSION = 5
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

    def synonyms(self, word: str, before: str = "", after: str = "") -> list[str]:
        """What may stand in a word's place, in its form but as WordNet writes it, the commonest sense first.

        Args:
            word: in the case that it stands in; a capitalised one may be a name.
            before: the word before it.
            after: the word after it.
        """
        written, word, wordnet = word, word.lower(), self._wordnet
        readings = [(lemma, part) for part in _parts_after(before.lower()) for lemma in wordnet.lemmas(word, part)]
        if not readings:
            return []
        lemma, part = max(readings, key=lambda r: (wordnet.counts.get(r, 0), len(wordnet.index[r[1]][r[0]])))
        form = form_of(word, lemma, part)
        lent = dict.fromkeys(self._lent(lemma, part, common=written == word))
        found = [synonym for s in lent if (synonym := self._inflection.inflect(s, part, form))]
        return [synonym for synonym in found if synonym.lower() != word and not _repeats(synonym, before, after)]

    def _lent(self, lemma: str, part: str, common: bool) -> Iterator[str]:
        """The words of the first senses; of a ``common`` word only senses and words that are written small."""
        synsets = self._wordnet.synsets(lemma, part)
        for synset in islice((s for s in synsets if not common or lemma in s.words), self.senses):
            # A sense that is also written in digits is a number.
            if not synset.unique and not any(map(_has_digit, synset.words)):
                others = (s for s in synset.words if s.lower() != lemma and not _abbreviates(s, lemma))
                yield from (s for s in others if not (common and s[0].isupper()))

    def _rewritten(self, sentence: str, rng: np.random.Generator) -> str:
        choices = {span: found for span in changeable(sentence) if (found := self._at(sentence, span))}
        spans = draw(list(choices), self.share, rng)
        drawn = {span: choices[span][rng.integers(len(choices[span]))] for span in spans}
        return put(sentence, {span: like(word, sentence[slice(*span)]) for span, word in drawn.items()})

    def _at(self, sentence: str, span: Span) -> list[str]:
        before, after = sentence[: span[0]].split(), re.findall(r"[\w'’-]+", sentence[span[1] :][:40])
        return self.synonyms(sentence[slice(*span)], before[-1] if before else "", after[0] if after else "")

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


def _abbreviates(synonym: str, word: str) -> bool:
    """Whether a synonym has stops, or is of up to three letters that the word has in this order: "hr", "yr"."""
    letters = iter(word)
    return "." in synonym or (len(synonym) <= 3 and all(letter in letters for letter in synonym.lower()))


def _repeats(synonym: str, before: str, after: str) -> bool:
    """Whether a synonym of several words begins or ends with its neighbour: "sit down" before "down"."""
    words = synonym.lower().split(" ")
    return len(words) > 1 and (words[0] == before.lower() or words[-1] == after.lower())


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)
