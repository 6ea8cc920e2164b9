"""Character noise: few letters change, never a word's first, never a number."""

from __future__ import annotations

import re

import numpy as np
import pytest

from augsbert.augmenters.character import NOISES, Character
from augsbert.errors import UserError

SENTENCES = ["The musician plays Guitar in 1984 and 2021x.", "Nothing is as it seems: GREENHOUSES grow.", "It is on."]


def _rewrite(**settings: object) -> list[str]:
    return Character(**settings).rewrite(SENTENCES, np.random.default_rng(0))  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", NOISES)
def test_each_noise_changes_a_letter_of_long_words_and_nothing_else(noise: str) -> None:
    for old, new in zip(SENTENCES[:2], _rewrite(noises=[noise], share=1.0), strict=False):
        before, after = old.split(), new.split()
        assert len(before) == len(after)
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert changed
        for a, b in changed:
            assert len(re.sub(r"\W", "", a)) >= 4
            assert a[0] == b[0]
            assert abs(len(a) - len(b)) <= 2
            assert not any(character.isdigit() for character in a)


@pytest.mark.parametrize("noise", NOISES)
def test_a_word_that_is_drawn_changes_whatever_the_seed(noise: str) -> None:
    augmenter = Character(noises=[noise])  # type: ignore[list-item]
    assert all(augmenter.rewrite(["called"], np.random.default_rng(seed)) != ["called"] for seed in range(100))


def test_a_word_that_no_noise_changes_stays() -> None:
    assert Character(noises=["swap"]).rewrite(["aaaa"], np.random.default_rng(0)) == ["aaaa"]


def test_short_words_stay() -> None:
    assert _rewrite(share=1.0)[2] == SENTENCES[2]


def test_a_larger_share_changes_more_words() -> None:
    counts = []
    for share in (0.1, 1.0):
        pairs = zip(SENTENCES, _rewrite(share=share), strict=True)
        counts.append(sum(a != b for old, new in pairs for a, b in zip(old.split(), new.split(), strict=True)))
    assert counts[0] < counts[1]


def test_unknown_or_no_noises_are_refused() -> None:
    with pytest.raises(UserError, match="noises=typo: it must be one of keyboard"):
        Character(noises=["typo"])  # type: ignore[list-item]
    with pytest.raises(UserError, match="noises=\\[\\]: name at least one"):
        Character(noises=[])
