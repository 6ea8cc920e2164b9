"""A pair's score is its own: the batch that it shares, and its place there, change no bit of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from augsbert import scoring
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


#: What labels in the place of torch.
on_openvino = partial(CrossEncoder, backend="openvino")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [CrossEncoder, on_openvino, BiEncoder, PolyEncoder])
def test_a_score_is_the_same_to_the_bit_in_any_company(
    wide_model: Path,
    pairs: pd.DataFrame,
    tmp_path: Path,
    kind: Callable[..., PairEncoder],
    threads: int,
    precision: str,
) -> None:
    some = np.random.default_rng(1).permutation(len(pairs))[:70]
    module = new(kind, wide_model)
    with torch_threads(threads):
        among_all = scores(module, pairs, tmp_path / "all", precision)
        among_some = scores(module, pairs.iloc[some].reset_index(drop=True), tmp_path / "some", precision)
    np.testing.assert_array_equal(among_some, among_all[some])


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("kind", [CrossEncoder, on_openvino])
def test_a_label_is_the_same_to_the_bit_on_one_thread_and_on_two_as_the_store_gives_it_to_both(
    wide_model: Path, pairs: pd.DataFrame, tmp_path: Path, precision: str, kind: Callable[..., PairEncoder]
) -> None:
    module = new(kind, wide_model)
    with torch_threads(1):
        on_one = scores(module, pairs[:40], tmp_path / "one", precision)
    with torch_threads(2):
        on_two = scores(module, pairs[:40], tmp_path / "two", precision)
    np.testing.assert_array_equal(on_one, on_two)


def test_openvino_labels_as_torch_does_in_float32_and_about_as_near_to_it_in_bf16(
    wide_model: Path, pairs: pd.DataFrame, tmp_path: Path
) -> None:
    def labels(kind: Callable[..., PairEncoder], precision: str, name: str) -> np.ndarray:
        return scores(new(kind, wide_model), pairs[:60], tmp_path / name, precision)

    expected = labels(CrossEncoder, "32-true", "torch")
    np.testing.assert_allclose(labels(on_openvino, "32-true", "openvino"), expected, atol=1e-5)
    rounded = labels(CrossEncoder, "bf16-mixed", "torch, bf16")
    found = labels(on_openvino, "bf16-mixed", "openvino, bf16")
    assert 0 < np.abs(found - expected).mean() < 3 * np.abs(rounded - expected).mean()


@pytest.mark.parametrize("kind", [CrossEncoder, BiEncoder, PolyEncoder])
def test_weights_rounded_once_score_as_plain_autocast_does_to_the_bit(
    wide_model: Path,
    pairs: pd.DataFrame,
    tmp_path: Path,
    kind: Callable[..., PairEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounded, plain = new(kind, wide_model), new(kind, wide_model)
    found = scores(rounded, pairs[:60], tmp_path / "rounded", "bf16-mixed")
    monkeypatch.setattr(scoring, "round_linear_weights", lambda *_: None)
    np.testing.assert_array_equal(found, scores(plain, pairs[:60], tmp_path / "plain", "bf16-mixed"))
    assert torch.bfloat16 in {parameter.dtype for parameter in rounded.parameters()}
    assert {parameter.dtype for parameter in plain.parameters()} == {torch.float32}


def new(kind: Callable[..., PairEncoder], model: Path) -> PairEncoder:
    torch.manual_seed(0)
    module = kind(str(model), max_seq_length=LONGEST, fit=Fit())
    module.configure_model()
    return module


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def scores(module: PairEncoder, pairs: pd.DataFrame, folder: Path, precision: str) -> np.ndarray:
    folder.mkdir()
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


def test_outputs_go_to_their_rows_from_whichever_shard_they_are_in(tmp_path: Path) -> None:
    given = np.random.default_rng(0).random((7, 3)).astype(np.float32)
    write_shards(tmp_path, given, [[6, 2, 2], [0, 5, 1], [3, 4, 4, 4]])
    found = read_scores(COMBINES_NOTHING, pd.DataFrame(), Hardware(), tmp_path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, given)


def test_rows_that_are_in_no_shard_are_not_made_up(tmp_path: Path) -> None:
    write_shards(tmp_path, np.zeros(7, np.float32), [[6, 2, 2], [0, 5, 1]])
    with pytest.raises(KeyError, match="lacks rows"):
        read_scores(COMBINES_NOTHING, pd.DataFrame(), Hardware(), tmp_path)


#: Stands for an encoder whose scores are its outputs.
COMBINES_NOTHING: Any = SimpleNamespace(combine=lambda pairs, outputs: outputs)


def write_shards(folder: Path, outputs: np.ndarray, shards: list[list[int]]) -> None:
    (folder / ".shards-512").mkdir()
    for number, indices in enumerate(shards):
        np.savez(folder / ".shards-512" / f"{number:06d}.npz", indices=np.array(indices), outputs=outputs[indices])
