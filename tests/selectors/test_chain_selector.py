from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import Evidence
from augsbert.selectors.balance import Balance
from augsbert.selectors.binarise import Binarise
from augsbert.selectors.chain import Chain
from augsbert.selectors.top import Top

SCORED = pd.DataFrame(
    {
        "sentence1": [str(place) for place in range(100)],
        "sentence2": "b",
        "score": np.linspace(0, 1, 100),
        "origin": "bm25",
    }
)
EVIDENCE = Evidence(SCORED, dev=lambda: SCORED)


def test_a_chain_is_its_selectors_one_after_another() -> None:
    top, binarise, balance = Top(share=0.7), Binarise(threshold=0.8), Balance(seed=2)
    expected = balance(binarise(top(SCORED, EVIDENCE), EVIDENCE), EVIDENCE)
    chained = Chain(top=top, binarise=binarise, balance=balance)(SCORED, EVIDENCE)
    pd.testing.assert_frame_equal(chained, expected)
    assert chained["score"].value_counts().nunique() == 1


def test_the_order_counts() -> None:
    top, binarise = Top(share=0.7), Binarise(method="quantile", quantile=0.5)
    first, second = (
        chain(SCORED, EVIDENCE)["score"].mean() for chain in (Chain(a=top, b=binarise), Chain(a=binarise, b=top))
    )
    assert first == pytest.approx(0.5)
    assert second == pytest.approx(50 / 70)


def test_all_selectors_see_the_same_evidence() -> None:
    seen = []

    def spy(scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        seen.append(evidence)
        return scored

    Chain(one=spy, two=spy)(SCORED, EVIDENCE)
    assert len(seen) == 2
    assert all(evidence is EVIDENCE for evidence in seen)


def test_chains_nest() -> None:
    inner = Chain(top=Top(share=0.5))
    assert len(Chain(first=inner, second=inner)(SCORED, EVIDENCE)) == 25


def test_what_each_selector_leaves_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="augsbert.selectors.chain"):
        Chain(half=Top(share=0.5), fifth=Top(share=0.2))(SCORED, EVIDENCE)
    assert caplog.messages == ["half: 50 of 100 pairs are left", "fifth: 10 of 50 pairs are left"]


def test_a_chain_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="a chain without selectors: name one"):
        Chain()


def test_what_is_no_selector_is_named() -> None:
    with pytest.raises(UserError, match=r"^top=0.5: it is no selector"):
        Chain(top=0.5)  # type: ignore[arg-type]
