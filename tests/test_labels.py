"""What candidates and labels must be before anything is fitted on them, whatever part they come from."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert import stages
from augsbert.errors import UserError
from augsbert.pairs import SENTENCES, unordered_keys, without
from augsbert.stages import as_promised, label
from augsbert.store.rows import Rows


def _pairs(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["sentence1", "sentence2"]).assign(origin="mine")


def test_a_samplers_pairs_are_distinct_and_none_is_of_a_sentence_with_itself() -> None:
    found = as_promised(_pairs(("a", "b"), ("c", "c"), ("b", "a"), ("b", "c")), "mypkg.Mine")
    pd.testing.assert_frame_equal(found, _pairs(("a", "b"), ("b", "c")))


def test_candidates_take_at_most_150_bytes_each_to_be_checked() -> None:
    random, texts = np.random.default_rng(0), np.array([f"a sentence of usual length, number {i}" for i in range(3000)])
    found = pd.DataFrame(texts[random.integers(0, 3000, (20_000, 2))], columns=SENTENCES).assign(origin="mine")
    exclude = found[::7].rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
    tracemalloc.start()
    try:
        kept = without(as_promised(found, "mypkg.Mine"), exclude)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    expected = found[found["sentence1"] != found["sentence2"]]
    assert set(unordered_keys(kept)) == set(unordered_keys(expected)) - set(unordered_keys(exclude))
    assert unordered_keys(kept).is_unique
    assert peak / len(found) < 150


def test_a_sampler_that_does_not_say_where_its_pairs_are_from_is_refused_before_they_are_labelled() -> None:
    with pytest.raises(UserError, match=r"^sampler: mypkg.Mine gives pairs without origin\. Return what "):
        as_promised(_pairs(("a", "b")).drop(columns="origin"), "mypkg.Mine")


@pytest.mark.parametrize("diverged", [np.nan, np.inf])
def test_labels_of_a_labeller_that_has_diverged_are_refused_and_not_kept(
    diverged: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "scores", lambda *_: np.array([0.5, diverged], dtype=np.float32))
    rows = Rows(tmp_path / "rows")
    with pytest.raises(UserError, match=r"^cross_encoder: 1 of the 2 labels that it gives are nan or infinite"):
        label(tmp_path, [(dict, rows)], _pairs(("a", "b"), ("b", "c")))
    assert not list((tmp_path / "rows").rglob("*.*"))
