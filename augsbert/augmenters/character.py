"""Noise on characters: slips of the keyboard, misread print, letters swapped, doubled or left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from augsbert.augmenters.copies import Copies, Sides
from augsbert.augmenters.words import draw, put, words_of
from augsbert.errors import UserError
from augsbert.ranges import check_choice, check_share

Noise = Literal["keyboard", "ocr", "swap", "delete", "double"]
NOISES: tuple[Noise, ...] = ("keyboard", "ocr", "swap", "delete", "double")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
#: What print is misread as, for one character.
_OCR = {"o": "0", "0": "o", "l": "1", "i": "1", "s": "5", "b": "6", "g": "9", "z": "2", "e": "c", "c": "e", "u": "v"}
_OCR |= {"v": "u", "h": "b", "n": "r", "r": "n", "t": "f", "f": "t", "a": "o", "m": "n", "q": "g", "d": "c"}


class Character:
    """Rewrites some characters of some words; the level below the word, which the article tried and advises against.

    A slip is on a letter of a word of at least four, never its first. Numbers stay.

    Args:
        noises: which slips are drawn from: ``keyboard`` (a neighbour on a QWERTY keyboard), ``ocr`` (a letter that
            print is misread as), ``swap`` (with the next letter), ``delete``, ``double``.
        share: of a sentence's words of at least four letters, above 0 and up to 1; at least one.
        character_share: of a word's letters, above 0 and up to 1; at least one.
        copies: new pairs for each pair.
        sides: rewrite ``one`` sentence of a pair, drawn for each copy, or ``both``.
        seed: of the draws.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 2

    def __init__(
        self,
        noises: Sequence[Noise] = NOISES,
        share: float = 0.2,
        character_share: float = 0.1,
        copies: int = 1,
        sides: Sides = "one",
        seed: int = 0,
    ) -> None:
        for noise in noises:
            check_choice("noises", noise, NOISES)
        if not noises:
            raise UserError(f"noises=[]: name at least one of {', '.join(NOISES)}.")
        check_share("share", share)
        check_share("character_share", character_share)
        self.noises, self.share, self.character_share = list(noises), share, character_share
        self._copies = Copies(copies, sides, seed)

    def __call__(self, gold: pd.DataFrame) -> pd.DataFrame:
        """Augment.

        Args:
            gold: scored pairs.

        Returns:
            New pairs, as :meth:`Copies.of` gives them.
        """
        return self._copies.of(gold, self.rewrite, "character")

    def rewrite(self, sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Sentences with some characters changed."""
        return [self._rewritten(sentence, rng) for sentence in sentences]

    def _rewritten(self, sentence: str, rng: np.random.Generator) -> str:
        long = [span for span in words_of(sentence) if span[1] - span[0] >= 4]
        spans = draw(long, self.share, rng)
        return put(sentence, {span: self._noisy(sentence[slice(*span)], rng) for span in spans}, articles=False)

    def _noisy(self, word: str, rng: np.random.Generator) -> str:
        slips = {place: found for place in range(1, len(word)) if (found := self._slips(word[place:], rng))}
        size = min(max(1, round(self.character_share * len(word))), len(slips))
        for place in sorted(rng.choice(list(slips), size=size, replace=False).tolist(), reverse=True) if slips else []:
            noise = slips[place][rng.integers(len(slips[place]))]
            word = word[:place] + _SLIPS[noise](word[place:], rng)
        return word

    def _slips(self, rest: str, rng: np.random.Generator) -> list[Noise]:
        """The noises that change the first letter of ``rest``: a swap of the last one, or of equal ones, does not."""
        return [noise for noise in self.noises if _SLIPS[noise](rest, rng) != rest]


def _keyboard(rest: str, rng: np.random.Generator) -> str:
    row = next((row for row in _ROWS if rest[0].lower() in row), None)
    if row is None:
        return rest
    at = row.index(rest[0].lower())
    neighbours = row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    return _cased(neighbours[rng.integers(len(neighbours))], rest[0]) + rest[1:]


def _ocr(rest: str, rng: np.random.Generator) -> str:
    return _cased(_OCR.get(rest[0].lower(), rest[0]), rest[0]) + rest[1:]


def _cased(letter: str, model: str) -> str:
    return letter.upper() if model.isupper() else letter


_SLIPS: dict[str, Callable[[str, np.random.Generator], str]] = {
    "keyboard": _keyboard,
    "ocr": _ocr,
    "swap": lambda rest, _: rest[1::-1] + rest[2:],
    "delete": lambda rest, _: rest[1:],
    "double": lambda rest, _: rest[0] + rest,
}
