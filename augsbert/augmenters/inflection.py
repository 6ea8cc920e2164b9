"""English forms: which one a word is in, and the same of another word. Irregular ones come from WordNet's lists."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Literal

#: ``unmarked`` is a verb that may stand in its base or in its past: put.
Form = Literal["base", "unmarked", "plural", "third", "past", "ing", "comparative", "superlative"]
# What WordNet's lists of irregular forms leave out.
_SAME_IN_THE_PAST = """
bet bid broadcast burst cast cost cut forecast hit hurt knit let put quit read rid set shed shut slit split spread
thrust upset wed
"""
_ANOTHER_PARTICIPLE = "beat become come outrun overcome overrun run"  # he came, he has come
_UNCOUNTED = "aircraft cattle deer fish folk moose offspring people police salmon sheep trout"
_NO_MEN = "caiman german human norman roman shaman talisman"
_INVARIANT = frozenset(_SAME_IN_THE_PAST.split())
_TWO_PASTS = frozenset(_ANOTHER_PARTICIPLE.split())
_SAME_IN_PLURAL = frozenset(_UNCOUNTED.split())
_REGULAR_MAN = frozenset(_NO_MEN.split())
_VOWEL_GROUPS = re.compile(r"[aeiouy]+")
_DOUBLED = re.compile(r"[^aeiou][aeiou][bdfgklmnprt]$")  # stop, plan: the last letter is doubled


def form_of(word: str, lemma: str, part: str) -> Form:
    """The form in which ``word`` stands, a form of ``lemma``."""
    if word == lemma:
        return "unmarked" if part == "verb" and word in _INVARIANT else "base"
    if part == "noun":
        return "plural"
    if part == "verb":
        return "ing" if word.endswith("ing") else "third" if word.endswith("s") else "past"
    return "superlative" if word.endswith("st") else "comparative"


class Inflection:
    """Puts lemmas into forms.

    Args:
        exceptions: part of speech -> form -> lemmas, as WordNet lists the irregular ones.
    """

    def __init__(self, exceptions: Mapping[str, Mapping[str, list[str]]]) -> None:
        self._irregular: dict[tuple[str, str], list[str]] = defaultdict(list)
        for part, forms in exceptions.items():
            for form, lemmas in forms.items():
                for lemma in lemmas:
                    self._irregular[part, lemma].append(form)

    def inflect(self, phrase: str, part: str, form: Form) -> str | None:
        """The form of a word or phrase; None where it is not sure, as of "take", which has a took and a taken.

        Of a verb of several words the first is inflected, of a noun the last, or the one before "of".
        """
        if form == "base":
            return phrase
        words = phrase.split(" ")
        if form == "unmarked":
            return phrase if words[0] in _INVARIANT else None
        at = 0 if part == "verb" else words.index("of") - 1 if "of" in words[1:] else len(words) - 1
        if form in ("comparative", "superlative") and len(words) > 1:
            return None
        inflected = self._word(words[at], part, form)
        return None if inflected is None else " ".join([*words[:at], inflected, *words[at + 1 :]])

    def _word(self, lemma: str, part: str, form: Form) -> str | None:
        if (form == "past" and lemma in _INVARIANT) or (form == "plural" and lemma in _SAME_IN_PLURAL):
            return lemma
        if part == "verb" and (lemma == "be" or (form == "past" and lemma in _TWO_PASTS)):
            return None
        irregular = [word for word in self._irregular[part, lemma] if form_of(word, lemma, part) == form]
        if irregular:
            return irregular[0] if len(irregular) == 1 else None
        return _REGULAR[form](lemma)


def _plural(lemma: str) -> str | None:
    if re.search(r"[^su]s$", lemma):
        return None  # series, news, means
    if lemma.endswith("man") and lemma.lower() not in _REGULAR_MAN:
        return lemma[:-2] + "en"
    return _s(lemma)


def _third(lemma: str) -> str:
    return lemma + "es" if re.search(r"[^aeiou]o$", lemma) else _s(lemma)


def _s(lemma: str) -> str:
    if re.search(r"(s|x|z|ch|sh)$", lemma):
        return lemma + "es"
    return lemma[:-1] + "ies" if re.search(r"[^aeiou]y$", lemma) else lemma + "s"


def _with(lemma: str, ending: str) -> str:
    """With -ed, -er or -est."""
    if lemma.endswith("e"):
        return lemma + ending[1:]
    if re.search(r"[^aeiou]y$", lemma):
        return lemma[:-1] + "i" + ending
    return _doubled(lemma) + ending


def _ing(lemma: str) -> str:
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    return lemma[:-1] + "ing" if re.search(r"[^eoy]e$", lemma) else _doubled(lemma) + "ing"


def _doubled(lemma: str) -> str:
    return lemma + lemma[-1] if _syllables(lemma) == 1 and _DOUBLED.search(lemma) else lemma


def _graded(lemma: str, ending: str, word: str) -> str:
    short = _syllables(lemma) == 1 or (_syllables(lemma) == 2 and lemma.endswith("y"))
    return _with(lemma, ending) if short else f"{word} {lemma}"


def _syllables(word: str) -> int:
    return len(_VOWEL_GROUPS.findall(word.removesuffix("e"))) or 1


_REGULAR: dict[str, Callable[[str], str | None]] = {
    "plural": _plural,
    "third": _third,
    "past": lambda lemma: _with(lemma, "ed"),
    "ing": _ing,
    "comparative": lambda lemma: _graded(lemma, "er", "more"),
    "superlative": lambda lemma: _graded(lemma, "est", "most"),
}
