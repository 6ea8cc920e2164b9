"""WordNet synonyms: read from its own files, in the form and case of the word that they replace."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.augmenters import wordnet_files
from augsbert.augmenters.inflection import Inflection
from augsbert.augmenters.wordnet import SynonymWordnet
from augsbert.augmenters.wordnet_files import NAMES, find_folder
from augsbert.errors import UserError
from tests.tiny_wordnet import SYNSETS, write_wordnet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A WordNet of a few synsets."""
    write_wordnet(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("word", "before", "synonyms"),
    [
        ("cars", "", ["autos", "motor cars"]),
        ("CHILDREN", "", ["kids"]),
        ("child", "", ["kid"]),
        ("bought", "", ["purchased"]),
        ("buys", "", ["purchases"]),
        ("purchasing", "", ["buying"]),
        ("purchased", "", ["bought"]),
        ("plays", "", ["toys with"]),  # the verb was met more often
        ("plays", "the", ["dramas"]),  # no verb follows an article
        ("running", "", ["racing"]),
        ("racing", "", ["running"]),
        ("fetched", "", []),  # took or taken?
        ("fetching", "", ["taking"]),
        ("bigger", "", ["larger"]),
        ("happiest", "", ["gladdest", "most well-chosen"]),
        ("quickly", "", ["apace"]),
        ("puts", "", ["places", "sets"]),
        ("put", "he", ["set"]),  # base or past, and so is "set", but not "place"
        ("sitting", "", ["sitting down", "perching"]),
        ("exists", "", ["lives"]),  # nothing becomes a form of "be"
        ("hound", "", ["cur"]),  # no name for a common word
        ("reb", "", ["mutineer"]),  # nor a sense in which it is a name
        ("Reb", "", ["Johnny"]),
        ("Norway", "", []),
        ("hours", "", ["sixties"]),  # no abbreviations
        ("dozen", "", []),  # a number
        ("owner", "", []),
        ("unheard", "", []),
    ],
)
def test_a_synonym_comes_in_the_form_of_the_word(folder: Path, word: str, before: str, synonyms: list[str]) -> None:
    assert SynonymWordnet(str(folder)).synonyms(word, before) == synonyms


def test_a_synonym_does_not_say_its_neighbour_again(folder: Path) -> None:
    augmenter = SynonymWordnet(str(folder))
    assert augmenter.synonyms("police", "the", "came") == ["police force"]
    assert augmenter.synonyms("police", "the", "force") == []
    assert "He sits down." in augmenter.rewrite(["He sits."] * 9, np.random.default_rng(0))
    assert augmenter.rewrite(["He sits down."], np.random.default_rng(0)) == ["He perches down."]


def test_case_and_all_between_the_words_stay_and_the_article_fits(folder: Path) -> None:
    augmenter = SynonymWordnet(str(folder), share=1.0)
    made = augmenter.rewrite(["A car, 2 Mr. CHILDREN;  the big owner.", "2 CHILDREN"], np.random.default_rng(1))
    assert made[0].startswith(("An auto, 2 Mr. CHILDREN;  the large", "A motor car, 2 Mr. CHILDREN;  the large"))
    assert made[1] == "2 KIDS"


def test_a_sentence_without_synonyms_stays_and_its_pair_is_left_out(folder: Path) -> None:
    gold = pd.DataFrame(
        {"sentence1": ["The owner.", "A car."], "sentence2": ["It is.", "He did."], "score": [0.1, 0.9]}
    )
    made = SynonymWordnet(str(folder), copies=4)(gold)
    assert set(made["score"]) == {0.9}
    assert set(made["sentence1"]) <= {"An auto.", "A motor car."}
    assert set(made["origin"]) == {"synonym_wordnet"}


@pytest.mark.parametrize(
    ("lemma", "part", "form", "word"),
    [
        ("city", "noun", "plural", "cities"),
        ("cleaning woman", "noun", "plural", "cleaning women"),
        ("human", "noun", "plural", "humans"),
        ("series", "noun", "plural", None),
        ("virus", "noun", "plural", "viruses"),
        ("glass", "noun", "plural", "glasses"),
        ("sheep", "noun", "plural", "sheep"),
        ("undergo", "verb", "third", "undergoes"),
        ("woo", "verb", "third", "woos"),
        ("become", "verb", "past", None),
        ("read", "verb", "past", "read"),
        ("be", "verb", "ing", None),
        ("box", "noun", "plural", "boxes"),
        ("piece of cake", "noun", "plural", "pieces of cake"),
        ("try", "verb", "third", "tries"),
        ("stop", "verb", "ing", "stopping"),
        ("agree", "verb", "ing", "agreeing"),
        ("die", "verb", "ing", "dying"),
        ("move", "verb", "ing", "moving"),
        ("carry", "verb", "past", "carried"),
        ("set about", "verb", "past", "set about"),
        ("visit", "verb", "past", "visited"),
        ("wide", "adj", "comparative", "wider"),
        ("useful", "adj", "superlative", "most useful"),
    ],
)
def test_forms_are_spelt_as_english_spells_them(lemma: str, part: str, form: str, word: str | None) -> None:
    assert Inflection({}).inflect(lemma, part, form) == word  # type: ignore[arg-type]


def test_a_folder_without_the_files_is_refused_with_the_way_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"index.noun, index.verb, index.adj and others not in this folder"):
        SynonymWordnet(str(tmp_path)).files()


def test_without_wordnet_the_message_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augsbert.augmenters.wordnet_files._usual_places", lambda: iter([]))
    with pytest.raises(UserError, match="sudo apt-get install wordnet-base"):
        SynonymWordnet().files()


@pytest.mark.parametrize(
    ("variable", "value", "inside"),
    [("WNSEARCHDIR", "{0}", ""), ("NLTK_DATA", f"{{0}}/none{os.pathsep}{{0}}", "corpora/wordnet")],
)
def test_files_of_the_users_own_place_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, inside: str
) -> None:
    folder = tmp_path / inside
    folder.mkdir(parents=True, exist_ok=True)
    write_wordnet(folder)
    monkeypatch.setenv(variable, value.format(tmp_path))
    # This machine may have some elsewhere, which come before nltk's.
    own = [place for place in wordnet_files._usual_places() if place.is_relative_to(tmp_path)]
    monkeypatch.setattr(wordnet_files, "_usual_places", lambda: iter(own))
    assert find_folder(None) == folder
    assert len(SynonymWordnet().files()) == len(NAMES) + 1


def test_the_place_that_wordnets_own_variable_names_is_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NLTK_DATA", str(tmp_path / "nltk"))
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path))
    assert next(wordnet_files._usual_places()) == tmp_path


def test_garbled_files_are_named_with_the_place(folder: Path) -> None:
    whole = (folder / "data.noun").read_text()
    (folder / "data.noun").write_text("x" + whole)
    with pytest.raises(UserError, match=r"data.noun, byte \d+: no whole synset starts there"):
        SynonymWordnet(str(folder)).synonyms("owner")
    (folder / "index.verb").write_text("buy v many\n")
    with pytest.raises(UserError, match=r"index.verb, line 1: not as WordNet writes it"):
        SynonymWordnet(str(folder)).synonyms("car")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cntlist.rev", "garbage\n", "cntlist.rev, line 1: not as"),
        ("cntlist.rev", "play%9:00:00:: 1 30\n", "cntlist.rev, line 1: not as"),
        ("noun.exc", "children child\nkid", "noun.exc, line 2: not as"),
        ("index.adj", "", "index.adj: there are no words in it"),
        ("index.noun", "car n 1 0 1 0 0000", "index.noun, line 1: not as"),
    ],
)
def test_other_damage_is_named_too(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(UserError, match=message):
        SynonymWordnet(str(folder)).synonyms("car")


def test_a_synset_that_is_cut_short_lends_no_half_words(folder: Path) -> None:
    whole, last = (folder / "data.noun").read_text(), SYNSETS["noun"][-1][0].lower()
    (folder / "data.noun").write_text(whole[:-10])
    with pytest.raises(UserError, match=r"data.noun, byte \d+: no whole synset starts there"):
        SynonymWordnet(str(folder)).synonyms(last)


def test_an_incomplete_folder_that_was_found_is_refused_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WNSEARCHDIR", str(folder))
    (folder / "data.verb").unlink()
    with pytest.raises(UserError, match=r"data.verb not in this folder"):
        SynonymWordnet().files()


def test_a_data_file_that_is_cut_short_is_refused_at_once(folder: Path) -> None:
    whole = (folder / "data.verb").read_text()
    (folder / "data.verb").write_text(whole[: len(whole) // 3])
    with pytest.raises(UserError, match=r"data\.verb: it ends before synsets that index\.verb names"):
        SynonymWordnet(str(folder)).synonyms("car")


def test_the_real_wordnet_gives_the_synonyms_that_one_expects() -> None:
    try:
        find_folder(None)
    except UserError:
        pytest.skip("WordNet's files are not there (apt-get install wordnet-base)")
    augmenter = SynonymWordnet()
    assert augmenter.synonyms("cars")[:2] == ["autos", "automobiles"]
    assert augmenter.synonyms("bought") == ["purchased"]
    assert augmenter.synonyms("quickly")[0] == "rapidly"
    assert augmenter.synonyms("dogs", "the") == ["domestic dogs"]
    assert augmenter.synonyms("two") == augmenter.synonyms("Putin") == []


def test_what_nltk_has_left_packed_is_named_with_the_line_that_unpacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "corpora" / "wordnet.zip"
    monkeypatch.setattr(wordnet_files, "_usual_places", lambda: iter([tmp_path / "corpora" / "wordnet"]))
    with pytest.raises(UserError, match="sudo apt-get install wordnet-base"):
        wordnet_files.find_folder(None)
    packed.parent.mkdir()
    packed.touch()
    with pytest.raises(UserError, match=f"unzip {packed} -d {packed.parent}"):
        wordnet_files.find_folder(None)
