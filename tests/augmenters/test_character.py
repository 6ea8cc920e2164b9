"""Character noise: few letters change, never a word's first, never a number."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from augsbert.augmenters.character import _OCR, NOISES, Character
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


def _slipped(noise: str, share: float, word: str) -> set[str]:
    """What becomes of a word, over many seeds, where a noise slips on so large a share of its letters."""
    augmenter = Character(noises=[noise], character_share=share)  # type: ignore[list-item]
    return {made for seed in range(100) for made in augmenter.rewrite([word], np.random.default_rng(seed))}


def test_a_slip_of_the_keyboard_hits_a_neighbour_of_the_letter_in_its_row() -> None:
    neighbours = {a + b for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for a, b in itertools.pairwise(row)}
    neighbours |= {pair[::-1] for pair in neighbours}
    word, met = "Trapezoid", set()
    for made in _slipped("keyboard", 1.0, word):
        assert made[0] == "T"
        met |= {a + b for a, b in zip(word[1:], made[1:], strict=True)}
    assert met == {pair for pair in neighbours if pair[0] in word[1:]}
    assert _slipped("keyboard", 1.0, "XAAA") == {"XSSS"}


def test_print_is_misread_as_a_look_alike() -> None:
    word = "sphinxofblackquartzjudgemyvow"
    assert _slipped("ocr", 1.0, word) == {"s" + "".join(_OCR.get(letter, letter) for letter in word[1:])}
    assert _slipped("ocr", 0.1, "block") == {"b1ock", "bl0ck", "bloek"}
    assert _slipped("ocr", 1.0, "CLEAN") == {"C1COR"}


def test_a_swap_changes_places_with_the_next_letter_and_keeps_all_of_them() -> None:
    word = "musician"
    swapped = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(1, len(word) - 1)}
    assert _slipped("swap", 0.1, word) == swapped
    assert {"".join(sorted(made)) for made in _slipped("swap", 1.0, word)} == {"".join(sorted(word))}


@pytest.mark.parametrize(("share", "slips"), [(0.1, 1), (0.4, 3), (1.0, 7)])
def test_each_letter_that_is_left_out_or_doubled_is_one_less_or_one_more(share: float, slips: int) -> None:
    word = "mundiale"
    for made in _slipped("delete", share, word):
        assert len(made) == len(word) - slips
        rest = iter(word)
        assert all(letter in rest for letter in made)
    for made in _slipped("double", share, word):
        runs = [len(list(run)) for _, run in itertools.groupby(made)]
        assert "".join(letter for letter, _ in itertools.groupby(made)) == word
        assert sorted(runs) == [1] * (len(word) - slips) + [2] * slips


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
