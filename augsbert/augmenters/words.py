"""Words of a sentence that may be replaced, and the sentence put together again around them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

# Letters of any script, with apostrophes and hyphens inside; whatever holds a digit or an underscore is no word.
_WORD = re.compile(r"(?<![\w'’-])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w'’-])")


#: How words begin that take "an", as far as spelling tells.
_VOWEL_SOUND = re.compile(r"(?!u(?:ni[^mn]|s[eu]|t[eio]|r[ai]|bi)|eu|one\b|once)[aeiou]|hour|honest|honou?r|heir")
_ABBREVIATED = re.compile(r"\b(?:Mrs?|Ms|Dr|Prof|Gen|Lt|Col|Sgt|Capt|Sens?|Gov|Reps?|Rev|Hon|St|Jr|Sr|vs|[A-Z])\.$")
#: Where something starts and ends in a sentence.
Span = tuple[int, int]


def words_of(sentence: str) -> list[Span]:
    """Where the words of a sentence start and end; numbers, and what is joined to them, are none."""
    return [match.span() for match in _WORD.finditer(sentence)]


def changeable(sentence: str) -> list[Span]:
    """Where the words stand that may be replaced: no numbers, single letters, names or function words.

    A name is what has a capital where no sentence begins, or capitals alone in a sentence that has others.
    """
    spans = [(start, end) for start, end in words_of(sentence) if end - start > 1]
    return [
        (start, end) for start, end in spans if not (is_closed(sentence[start:end]) or _is_name(sentence, start, end))
    ]


def is_closed(word: str) -> bool:
    """Whether a word is one of those that carry grammar rather than meaning: articles, pronouns, auxiliaries, ..."""
    return word.lower() in _CLOSED


def draw(spans: Sequence[Span], share: float, rng: np.random.Generator) -> list[Span]:
    """A share (0..1) of the places, rounded, at least one, in their order; none where there are none."""
    if not spans:
        return []
    size = max(1, round(share * len(spans)))
    return [spans[i] for i in sorted(rng.choice(len(spans), size=size, replace=False))]


def put(sentence: str, words: Mapping[Span, str], *, articles: bool = True) -> str:
    """The sentence with other words at these places; all between stays, but for a/an, which goes with what follows.

    Args:
        sentence: any text.
        words: place -> what comes there; at an empty place it is put in.
        articles: put a/an right.
    """
    for (start, end), word in sorted(words.items(), reverse=True):
        before = _article(sentence[:start], word) if articles else sentence[:start]
        sentence = before + word + sentence[end:]
    return sentence


def like(word: str, model: str) -> str:
    """``word`` with the case of ``model``: UPPER, Capitalised, or as it is."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def starts_sentence(sentence: str, start: int) -> bool:
    """Whether a sentence begins at this place of a text; the full stop of "Mr." and of initials ends none."""
    before = sentence[:start].rstrip(" \"'“‘(")
    return before == "" or (before[-1] in ".!?:" and _ABBREVIATED.search(before) is None)


def _is_name(sentence: str, start: int, end: int) -> bool:
    word = sentence[start:end]
    if not word[0].isupper() or sentence.isupper():
        return False
    return word.isupper() or not starts_sentence(sentence, start)


def _article(before: str, word: str) -> str:
    """What stands before a replaced word: "a" or "an", as its first sound wants it."""
    match = re.search(r"(?<!\w)([Aa])[Nn]?(\s+)$", before)
    # Group A, vitamin A: no article has a capital in the middle of a sentence.
    if not match or (match[1] == "A" and not (starts_sentence(before, match.start()) or before.isupper())):
        return before
    vowel = _VOWEL_SOUND.match(word.lower()) is not None
    n = "N" if word.isupper() and before.isupper() else "n"
    return f"{before[: match.start()]}{match[1]}{n if vowel else ''}{match[2]}"


#: Lucene's stop words, and the pronouns, auxiliaries and particles that are not among them.
_CLOSED_WORDS = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they
this to was will with i me my mine we us our ours you your yours he him his she her hers its them theirs who
whom whose which what am been being were do does did doing done have has had having can could may might must
shall should would from so than too very just also only any some each all both nor n't don't doesn't isn't
aren't wasn't can't cannot how when where why about over under up down out off again once here mr mrs ms dr
"""
_CLOSED = frozenset(_CLOSED_WORDS.split())
