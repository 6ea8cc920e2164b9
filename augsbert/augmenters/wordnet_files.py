"""WordNet's own files: which senses a word has, and which words share a sense (wordnet.princeton.edu, wndb(5WN)).

Debian's wordnet-base puts them in /usr/share/wordnet; nltk's download has the same ones.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

from augsbert.errors import UserError

#: Parts of speech, by the endings of the files' names.
PARTS = ("noun", "verb", "adj", "adv")
NAMES = [f"{kind}.{part}" for kind in ("index", "data") for part in PARTS] + [f"{part}.exc" for part in PARTS]
#: How often each sense was met in tagged texts; it may be missing, and then all words count the same.
COUNTS = "cntlist.rev"
#: Ending of a form -> ending of the lemma (morphy(7WN)).
RULES = {
    "noun": [("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y")],
    "verb": [("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")],
    "adj": [("er", ""), ("est", ""), ("er", "e"), ("est", "e"), ("ier", "y"), ("iest", "y")],
    "adv": [],
}
_TYPES = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


class Synset(NamedTuple):
    """Words that share a sense, in the case that WordNet writes them in, with spaces for underscores.

    ``unique``: it stands for one person, place or event, and not for a kind.
    """

    words: list[str]
    unique: bool


def find_folder(path: str | None) -> Path:
    """The folder with WordNet's files.

    Args:
        path: the folder; None looks where systems keep it.

    Raises:
        UserError: it is not there, or files are missing in it.
    """
    if path is None:
        found = [folder for folder in _usual_places() if (folder / "index.noun").is_file()]
        if not found:
            packed = [place for place in map(_packed, _usual_places()) if place.is_file()]
            way_out = f"unzip {packed[0]} -d {packed[0].parent}" if packed else "sudo apt-get install wordnet-base"
            raise UserError(
                "path=null: WordNet's files are not on this machine, or packed. Get them, or set their folder:\n"
                f"  {way_out}"
            )
        path = str(found[0])
    folder = Path(path).expanduser()
    missing = [name for name in NAMES if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"path={path}: {', '.join(missing[:3])}{' and others' if len(missing) > 3 else ''} not in this folder. "
            "Give the one with WordNet's index.noun, data.noun, ...; apt-get install wordnet-base makes one."
        )
    return folder


def _usual_places() -> Iterator[Path]:
    if "WNSEARCHDIR" in os.environ:
        yield Path(os.environ["WNSEARCHDIR"])
    yield from map(Path, ("/usr/share/wordnet", "/usr/local/WordNet-3.0/dict", "/opt/homebrew/opt/wordnet/dict"))
    nltk = [*filter(None, os.environ.get("NLTK_DATA", "").split(os.pathsep)), "~/nltk_data"]
    nltk += [
        f"{place}/nltk_data" for place in (sys.prefix, "/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")
    ]
    yield from (Path(folder).expanduser() / "corpora" / "wordnet" for folder in nltk)


def _packed(folder: Path) -> Path:
    """Where nltk's download leaves the same files; it does not unpack them any more."""
    return folder.with_suffix(".zip")


class WordNet:
    """Senses and synonyms, read from the files when they are asked for.

    Args:
        folder: with all of ``NAMES``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = {part: self._index(part) for part in PARTS}
        self.exceptions = {part: self._exceptions(part) for part in PARTS}
        self._data: dict[str, BinaryIO] = {}

    def lemmas(self, form: str, part: str) -> list[str]:
        """The words that ``form`` may be a form of, itself included, as far as WordNet has them."""
        known = self.index[part]
        irregular = self.exceptions[part].get(form, [])
        endings = [*RULES[part], *([("s", "")] if part in ("noun", "verb") and not form.endswith("ss") else [])]
        regular = [form.removesuffix(ending) + lemma for ending, lemma in endings if form.endswith(ending)]
        doubled = [stem[:-1] for stem in regular if part != "noun" and len(stem) > 3 and stem[-1] == stem[-2]]
        return [lemma for lemma in dict.fromkeys([*irregular, form, *regular, *doubled]) if lemma in known]

    def synsets(self, lemma: str, part: str) -> Iterator[Synset]:
        """The senses of a lemma, the commonest first."""
        return (self._synset(part, offset) for offset in self.index[part][lemma])

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """(lemma, part of speech) -> how often it was met in tagged texts."""
        counts: dict[tuple[str, str], int] = defaultdict(int)
        path = self.folder / COUNTS
        lines = path.read_text(encoding="latin-1").splitlines() if path.is_file() else []
        for number, line in enumerate(lines, start=1):
            try:
                key, _, count = line.split(" ")
                lemma, _, rest = key.partition("%")
                counts[lemma, _TYPES[rest[:1]]] += int(count)
            except (KeyError, ValueError) as error:
                raise _damaged(path, number) from error
        return counts

    def _index(self, part: str) -> dict[str, list[int]]:
        """Lemma -> where its senses stand in the data file, the commonest first."""
        path, index = self.folder / f"index.{part}", {}
        for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
            if line.startswith("  "):
                continue  # the licence
            fields = line.split()
            try:
                index[fields[0]] = _offsets(fields)
            except (IndexError, ValueError) as error:
                raise _damaged(path, number) from error
        if not index:
            raise UserError(f"{path}: there are no words in it. Install WordNet again.")
        data = path.with_name(f"data.{part}")
        if max(offset for offsets in index.values() for offset in offsets) >= data.stat().st_size:
            raise UserError(f"{data}: it ends before synsets that {path.name} names. Install WordNet again.")
        return index

    def _exceptions(self, part: str) -> dict[str, list[str]]:
        path, exceptions = self.folder / f"{part}.exc", {}
        for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), start=1):
            form, *lemmas = line.split() or [""]
            if form and not lemmas:
                raise _damaged(path, number)
            exceptions[form] = lemmas
        return exceptions

    def _synset(self, part: str, offset: int) -> Synset:
        """The synset at an offset; what an adjective says of its place, as in "galore(ip)", is left out."""
        path = self.folder / f"data.{part}"
        if part not in self._data:
            self._data[part] = path.open("rb")
        file = self._data[part]
        file.seek(offset)
        line = file.readline().decode("latin-1")
        try:
            if int(line[:8]) != offset or not line.endswith("\n"):
                raise ValueError  # another line, or one that is cut short
            fields = line.split(" ")
            words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        except (ValueError, IndexError) as error:
            raise UserError(f"{path}, byte {offset}: no whole synset starts there. Install WordNet again.") from error
        return Synset([word.partition("(")[0].replace("_", " ") for word in words], unique="@i" in fields)


def _offsets(fields: list[str]) -> list[int]:
    """The offsets at the end of an index line, of eight digits each."""
    offsets = fields[-int(fields[2]) :]
    if any(len(offset) != 8 for offset in offsets):
        raise ValueError
    return [int(offset) for offset in offsets]


def _damaged(path: Path, number: int) -> UserError:
    return UserError(f"{path}, line {number}: not as WordNet writes it. Install it again.")
