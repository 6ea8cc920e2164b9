"""Words replaced by paraphrases out of the Paraphrase Database (Ganitkevitch et al. 2013; Pavlick et al. 2015)."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from augsbert.archives import raw_file, text_lines
from augsbert.augmenters.copies import Copies, Sides
from augsbert.augmenters.words import changeable, draw, like, put
from augsbert.errors import UserError
from augsbert.ranges import check_count, check_number, check_share

log = logging.getLogger(__name__)

_SCORE = re.compile(r"(?:^|\s)PPDB2\.0Score=([-\d.eE]+)")
#: Share of malformed lines from which on the file is taken for something else.
_TOO_MANY = 0.01
#: Malformed lines that a message names.
_NAMED = 10


class Entry(NamedTuple):
    """A line of the database: ``source`` may be put as ``target``, the better the higher the ``score``."""

    source: str
    target: str
    score: float


class SynonymPPDB:
    """Replaces words by paraphrases from a PPDB file (arXiv 2010.08240, section 5.1: NLPAug's synonyms).

    The file is the user's: the database's site no longer serves it. It is read line by line, and of it only what
    paraphrases a word of the sentences at hand is kept, the best ``top_k`` of each. A line is

        ``LHS ||| source ||| target ||| feature=value ... ||| alignment ||| entailment``

    and its score the feature ``PPDB2.0Score`` (about 0..7; releases before 2.0 have none, and all their lines score 0).
    Lines whose entailment is ``Exclusion`` do not count. Case is kept, and "a" becomes "an" where need be.

    Args:
        path: the file, plain or .gz.
        min_score: lines below it are passed over.
        top_k: paraphrases of a word to draw from, at least 1.
        share: of the words that have a paraphrase, above 0 and up to 1; at least one word.
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
        min_score: float = 3.5,
        top_k: int = 5,
        share: float = 0.2,
        copies: int = 1,
        sides: Sides = "one",
        seed: int = 0,
    ) -> None:
        check_number("min_score", min_score, -1000, 1000)
        check_count("top_k", top_k)
        check_share("share", share)
        self.path, self.min_score, self.top_k, self.share = path, min_score, top_k, share
        self._copies = Copies(copies, sides, seed)

    def files(self) -> list[Path]:
        """The file.

        Raises:
            UserError: it is not there.
        """
        if self.path is None:
            raise UserError("path=null: name a PPDB file, such as path=ppdb-2.0-s-lexical.gz.")
        return [raw_file("path", self.path)]

    def __call__(self, gold: pd.DataFrame) -> pd.DataFrame:
        """Augment.

        Args:
            gold: scored pairs.

        Returns:
            New pairs, as :meth:`Copies.of` gives them.

        Raises:
            UserError: the file is not there, or no PPDB file.
        """
        return self._copies.of(gold, self.rewrite, "synonym_ppdb")

    def rewrite(self, sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Sentences with some words replaced."""
        words = {sentence[slice(*span)].lower() for sentence in sentences for span in changeable(sentence)}
        best = self.paraphrases(words)
        return [self._rewritten(sentence, best, rng) for sentence in sentences]

    def paraphrases(self, words: set[str]) -> dict[str, list[str]]:
        """The best paraphrases of each of the words that has one, the best first; of equal scores, by the alphabet."""
        best: dict[str, dict[str, float]] = defaultdict(dict)
        for source, target, score in entries(self.files()[0]):
            if source in words and score >= self.min_score and target.lower() != source:
                _keep(best[source], target, score, self.top_k)
        return {word: sorted(found, key=lambda target: (-found[target], target)) for word, found in best.items()}

    def _rewritten(self, sentence: str, best: dict[str, list[str]], rng: np.random.Generator) -> str:
        spans = [span for span in changeable(sentence) if sentence[slice(*span)].lower() in best]
        words = {}
        for span in draw(spans, self.share, rng):
            old = sentence[slice(*span)]
            choices = best[old.lower()]
            words[span] = like(choices[rng.integers(len(choices))], old)
        return put(sentence, words)


def _keep(found: dict[str, float], target: str, score: float, top_k: int) -> None:
    """Add a target to the best ``top_k``; one that stands there by another part of speech keeps its best score."""
    found[target] = max(score, found.get(target, score))
    if len(found) > top_k:
        del found[max(found, key=lambda word: (-found[word], word))]


def entries(path: Path) -> Iterator[Entry]:
    """The lines of a PPDB file, one at a time; malformed ones are passed over, with one warning.

    Raises:
        UserError: the first line is malformed, or more than 1 % are.
    """
    bad, first, number = 0, list[int](), 0
    for number, line in enumerate(text_lines(path), start=1):
        entry = _entry(line)
        if entry is not None:
            yield entry
            continue
        if number == 1:
            raise UserError(f"path={path}, line 1: {_SHAPE}")
        bad += 1
        if bad <= _NAMED:
            first.append(number)
    if not number:
        raise UserError(f"path={path}: the file is empty. Name another.")
    if bad > _TOO_MANY * number:
        raise UserError(f"path={path}: {bad:,} of {number:,} lines are malformed, {_lines(first, bad)}: {_SHAPE}")
    if bad:
        log.warning("%s: %d malformed lines passed over: %s", path, bad, _lines(first, bad))


def _lines(first: list[int], count: int) -> str:
    """The numbers of the first of so many lines; memory does not grow with how many there are."""
    more = f" and {count - len(first):,} more" if count > len(first) else ""
    return f"line{'s' * (count > 1)} {', '.join(map(str, first))}{more}"


_SHAPE = "not of PPDB's form, LHS ||| source ||| target ||| PPDB2.0Score=5.2 ... ||| alignment ||| entailment."


def _entry(line: bytes) -> Entry | None:
    fields = line.decode("utf8", "replace").rstrip("\r\n").split(" ||| ")
    if len(fields) < 4 or not fields[1] or not fields[2]:
        return None
    if fields[-1] == "Exclusion":  # what excludes one another, as dog and cat, is listed too
        return Entry(fields[1].lower(), fields[2], float("-inf"))
    match = _SCORE.search(fields[3])
    try:
        return Entry(fields[1].lower(), fields[2], float(match[1]) if match else 0.0)
    except ValueError:
        return None
