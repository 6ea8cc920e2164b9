"""A pair's score is its own: the batch that it shares, and its place there, change no bit of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from augsbert.batching import ROWS, ScoringBatches
from augsbert.encoders.bi import BiEncoder
from augsbert.encoders.cross import CrossEncoder
from augsbert.encoders.fit import Fit
from augsbert.encoders.module import PairEncoder
from augsbert.encoders.poly import PolyEncoder
from augsbert.hardware import Hardware
from augsbert.progress import StageProgress
from augsbert.scoring import read_scores, score
from tests.tiny import WORDS, write_model

LONGEST = 150


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As wide as MiniLM: libraries multiply small matrices in ways of their own."""
    folder = tmp_path_factory.mktemp("wide_model")
    write_model(folder, hidden_size=384, positions=LONGEST)
    return folder


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    """240 pairs of all lengths, short ones more often."""
    random = np.random.default_rng(0)
    lengths = np.minimum(1 + random.geometric(0.08, size=(2, 240)), LONGEST // 2)
    texts = [[" ".join(random.choice(WORDS.split(), size)) for size in column] for column in lengths]
    return pd.DataFrame({"sentence1": texts[0], "sentence2": texts[1]})


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [CrossEncoder, BiEncoder, PolyEncoder])
def test_a_score_is_the_same_to_the_bit_in_any_company(
    wide_model: Path,
    pairs: pd.DataFrame,
    tmp_path: Path,
    kind: Callable[..., PairEncoder],
    threads: int,
    precision: str,
) -> None:
    some = np.random.default_rng(1).permutation(len(pairs))[:70]
    torch.manual_seed(0)
    module = kind(str(wide_model), max_seq_length=LONGEST, fit=Fit())
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        among_all = scores(module, pairs, tmp_path / "all", precision)
        among_some = scores(module, pairs.iloc[some].reset_index(drop=True), tmp_path / "some", precision)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(among_some, among_all[some])


def scores(module: PairEncoder, pairs: pd.DataFrame, folder: Path, precision: str) -> np.ndarray:
    folder.mkdir()
    module.configure_model()
    if isinstance(module, CrossEncoder) and module.model is not None:
        torch.nn.init.normal_(module.model.classifier.weight, generator=torch.Generator().manual_seed(0))
    score(module, pairs, precision, Hardware(), folder, StageProgress("labels"))
    return read_scores(module, pairs, Hardware(), folder)


def test_batches_leave_no_rows_over_for_another_way_of_multiplying(wide_model: Path, pairs: pd.DataFrame) -> None:
    module = CrossEncoder(str(wide_model), max_seq_length=LONGEST, fit=Fit())
    module.configure_model()
    batches = ScoringBatches(module, module.scoring_rows(pairs), tokens=512)
    sizes = {len(indices) for _, indices in batches.batches}
    assert len(sizes) > 5
    assert all(size % ROWS == 0 or size == 1 for size in sizes)
    assert {i for _, indices in batches.batches for i in indices} == set(range(len(pairs)))
