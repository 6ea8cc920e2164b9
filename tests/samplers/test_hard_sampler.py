"""The window of ranks and scores, against brute force; the encoder is a stand-in."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import Pool, unordered_keys
from augsbert.samplers.hard import Hard
from augsbert.samplers.semantic import Semantic

NOTHING = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")
SIZE = 200
POOL = Pool([str(place) for place in range(SIZE)], NOTHING)


def _vectors(size: int) -> np.ndarray:
    """Unit vectors around a few centres, some of them alike: cosines of every size, and ties."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 16))[rng.integers(0, 6, size)] + 0.7 * rng.normal(size=(size, 16))
    vectors[::17] = vectors[1]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def embed(folder: str, sentences: Sequence[str], device: str, **_: bool) -> np.ndarray:
        return _vectors(SIZE)[[int(sentence) for sentence in sentences]]

    monkeypatch.setattr("augsbert.samplers.hard.embed", embed)
    monkeypatch.setattr("augsbert.samplers.semantic.embed", embed)


def _windows(window: dict[str, float], exclude: pd.DataFrame = NOTHING) -> list[list[int]]:
    """By brute force, the neighbours that each sentence's window holds, by rank."""
    scores = (_vectors(SIZE).astype(np.float64) @ _vectors(SIZE).T.astype(np.float64)).round(6)
    ranked = np.argsort(-scores, axis=1, kind="stable")
    banned = {(int(a), int(b)) for pair in exclude.to_numpy() for a, b in itertools.permutations(pair)}
    held = []
    for query, order in enumerate(ranked):
        others = [int(other) for other in order if other != query and (query, int(other)) not in banned]
        ranks = others[int(window["range_min"]) : int(window["range_max"])]
        held.append([i for i in ranks if window["min_score"] <= scores[query, i] <= window["max_score"]])
    return held


def _keys(rows: list[tuple[int, int]]) -> set[str]:
    return set(unordered_keys(pd.DataFrame(rows, columns=["sentence1", "sentence2"]).astype(str)))


WINDOWS = [
    {"range_min": 0, "range_max": 10, "min_score": -1.0, "max_score": 1.0},
    {"range_min": 10, "range_max": 50, "min_score": -1.0, "max_score": 0.8},
    {"range_min": 3, "range_max": 40, "min_score": 0.4, "max_score": 0.7},
    {"range_min": 100, "range_max": 5_000, "min_score": -1.0, "max_score": 0.0},
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("memory_mib", [1, 256])
def test_the_nearest_of_the_window_come_as_brute_force_finds_them(window: dict[str, float], memory_mib: int) -> None:
    places = np.random.default_rng(1).integers(0, SIZE, (600, 2))
    exclude = pd.DataFrame(places.astype(str), columns=["sentence1", "sentence2"])
    held = _windows(window, exclude)
    found = Hard("unread", top_k=4, window=window, memory_mib=memory_mib)(POOL, exclude)
    rows = [(query, other) for query, others in enumerate(held) for other in others[:4]]
    assert len(rows) > 50
    assert set(unordered_keys(found)) == _keys(rows)


@pytest.mark.parametrize("window", WINDOWS)
def test_drawn_ones_are_of_the_window_and_as_many(window: dict[str, float]) -> None:
    held = _windows(window)
    found = Hard("unread", top_k=4, window=window, seed=7)(POOL, NOTHING)
    rows = [(int(query), int(other)) for query, other in found[["sentence1", "sentence2"]].to_numpy()]
    assert all(other in held[query] for query, other in rows)
    # A pair that both ends draw comes once.
    drawn = sum(min(4, len(others)) for others in held)
    assert drawn / 2 <= len(rows) <= drawn


def test_every_neighbour_in_the_window_is_drawn_equally_often() -> None:
    window = {"range_min": 0, "range_max": 10, "min_score": -1.0, "max_score": 1.0}
    firsts = []
    for seed in range(300):
        found = Hard("unread", top_k=2, window=window, seed=seed)(POOL, NOTHING)
        firsts += [int(other) for other in found.loc[found["sentence1"] == "0", "sentence2"]]
    counts = np.bincount(firsts, minlength=SIZE)[_windows(window)[0]]
    assert counts.sum() == 600
    assert counts == pytest.approx(np.full(10, 60), abs=25)


def test_another_seed_draws_others() -> None:
    first, second = (set(unordered_keys(Hard("unread", seed=seed)(POOL, NOTHING))) for seed in (0, 1))
    assert 0 < len(first & second) < 0.6 * len(first)


def test_an_open_window_is_semantic_search() -> None:
    window = {"range_min": 0, "range_max": 4, "max_score": 1.0}
    hard, semantic = Hard("unread", window=window)(POOL, NOTHING), Semantic("unread")(POOL, NOTHING)
    pd.testing.assert_frame_equal(hard.drop(columns="origin"), semantic.drop(columns="origin"))


def test_a_pool_that_is_smaller_than_the_window_gives_what_it_has() -> None:
    assert len(Hard("unread")(Pool(["0", "1", "2"], NOTHING), NOTHING)) == 0
    window = {"range_min": 1, "max_score": 1.0}
    found = Hard("unread", window=window)(Pool(["0", "2", "3"], NOTHING), NOTHING)
    assert 2 <= len(found) <= 3


def test_without_faiss_the_error_names_the_lines_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^sampler=hard needs FAISS") as error:
        Hard("unread")
    assert str(error.value).splitlines()[1:] == ["  pip install 'augsbert[cpu]'", "  pip install 'augsbert[gpu]'"]
