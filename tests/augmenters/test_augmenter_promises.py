"""What every augmenter promises, whatever it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from augsbert.augmenters.character import Character
from augsbert.augmenters.contextual import ContextualInsert, ContextualSubstitute
from augsbert.augmenters.copies import Copies
from augsbert.augmenters.ppdb import SynonymPPDB
from augsbert.augmenters.sentence import Sentence
from augsbert.augmenters.wordnet import SynonymWordnet
from augsbert.errors import UserError
from augsbert.pairs import unordered_keys

Augmenter = Callable[[pd.DataFrame], pd.DataFrame]
AUGMENTERS: dict[str, Callable[..., Augmenter]] = {
    "contextual_insert": lambda **settings: ContextualInsert("stand-in", **settings),
    "contextual_substitute": lambda **settings: ContextualSubstitute("stand-in", **settings),
    "synonym_wordnet": SynonymWordnet,
    "synonym_ppdb": SynonymPPDB,
    "character": Character,
    "sentence": lambda **settings: Sentence("stand-in", **settings),
}
WORDS = ["man", "woman", "dog", "plays", "runs", "eats", "guitar", "park", "food", "house", "quick", "red"]


def _drawn(sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Stands for the rewriting: every third sentence stays, of the others one word changes."""
    made = [sentence.split() for sentence in sentences]
    for words in made[::3] + made[1::3]:
        words[rng.integers(len(words))] = f"w{rng.integers(50)}"
    return [" ".join(words) for words in made]


@pytest.fixture(params=AUGMENTERS)
def augmenter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Augmenter]:
    for part in (ContextualInsert, ContextualSubstitute, SynonymWordnet, SynonymPPDB, Character, Sentence):
        monkeypatch.setattr(part, "rewrite", lambda self, sentences, rng: _drawn(sentences, rng))
    return AUGMENTERS[request.param]


@pytest.fixture
def gold() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    texts = [[" ".join(rng.choice(WORDS, 6)) for _ in range(30)] for _ in range(2)]
    return pd.DataFrame({"sentence1": texts[0], "sentence2": texts[1], "score": rng.random(30).round(2)})


def test_new_pairs_have_the_score_of_their_pair_and_say_who_made_them(
    augmenter: Callable[..., Augmenter], gold: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    made = augmenter(copies=2)(gold)
    assert list(made.columns) == ["sentence1", "sentence2", "score", "origin"]
    assert set(made["origin"]) == {request.node.callspec.params["augmenter"]}
    owners = pd.concat([gold.set_index(side)["score"] for side in ("sentence1", "sentence2")])
    for row in made.itertuples():
        kept = [sentence for sentence in (row.sentence1, row.sentence2) if sentence in owners.index]
        assert len(kept) == 1  # one side is rewritten
        assert owners[kept[0]] == row.score


def test_no_pair_is_golds_own_or_comes_twice(augmenter: Callable[..., Augmenter], gold: pd.DataFrame) -> None:
    made = augmenter(copies=3, sides="both")(gold)
    assert not unordered_keys(made).duplicated().any()
    assert not set(unordered_keys(made)) & set(unordered_keys(gold))
    assert (made["sentence1"] != made["sentence2"]).all()
    assert len(gold) < len(made) <= 3 * len(gold)


def test_both_sides_may_be_rewritten(augmenter: Callable[..., Augmenter], gold: pd.DataFrame) -> None:
    made = augmenter(sides="both")(gold)
    assert (~made["sentence1"].isin(gold["sentence1"]) & ~made["sentence2"].isin(gold["sentence2"])).any()


def test_the_seed_decides(augmenter: Callable[..., Augmenter], gold: pd.DataFrame) -> None:
    first = augmenter(seed=1)(gold)
    pd.testing.assert_frame_equal(augmenter(seed=1)(gold), first)
    assert not augmenter(seed=2)(gold).equals(first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"copies": 0}, "copies=0: it must be a whole number of at least 1."),
        ({"sides": "left"}, "sides=left: it must be one of one, both."),
        ({"seed": -1}, "seed=-1: it must be a whole number of at least 0."),
    ],
)
def test_a_bad_argument_is_named(augmenter: Callable[..., Augmenter], settings: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        augmenter(**settings)
    assert str(error.value) == message


def test_a_rewriting_that_makes_both_sides_equal_gives_no_pair() -> None:
    gold = pd.DataFrame({"sentence1": ["a"], "sentence2": ["b"], "score": [0.5]})
    assert Copies(2, "both", 0).of(gold, lambda texts, _: ["same"] * len(texts), "x").empty
