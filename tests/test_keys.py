"""What of a machine and of its disk is in a key: what ``precision: auto`` becomes, and what data files hold."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from augsbert import hardware
from augsbert.pipeline import Flow
from tests import test_pipeline
from tests.test_pipeline import EVALUATED, FITTED, _keys

flow = test_pipeline.flow
FITS = ("cross_encoder", "baseline", "bi_encoder")
SPLITS = ("train", "dev", "test")


@pytest.fixture
def keys_on(flow: Callable[..., Flow], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Keys of a run on a processor that multiplies bf16, or on one that does not."""

    def keys(bf16: bool, *overrides: str) -> dict[str, str]:
        with monkeypatch.context() as processor:
            processor.setattr(hardware, "_cpu_multiplies_bf16", lambda: bf16)
            return _keys(flow(*overrides))

    return keys


def _changed(here: dict[str, str], there: dict[str, str]) -> set[str]:
    assert here.keys() == there.keys()
    return {name for name in here if here[name] != there[name]}


def test_what_auto_precision_becomes_counts_in_fits_and_labels_and_in_what_is_made_of_them(
    keys_on: Callable[..., dict[str, str]],
) -> None:
    made = {*FITS, "labels", "silver", *EVALUATED} - {"evaluation/untrained"}
    assert _changed(keys_on(True), keys_on(False)) == made
    # Nothing but the labels hangs on it where no labeller is fitted, and the other fits have a precision of their own.
    given = ["cross_encoder.fit=null", *(f"{name}.fit.precision=32-true" for name in ("baseline", "bi_encoder"))]
    assert _changed(keys_on(True, *given), keys_on(False, *given)) == {"labels", "silver", *FITTED}


def test_what_labels_counts_in_the_labels_and_in_what_is_made_of_them_but_in_no_labeller(
    keys_on: Callable[..., dict[str, str]],
) -> None:
    changed = _changed(keys_on(False), keys_on(False, "cross_encoder.backend=openvino"))
    assert changed == {"labels", "silver", "bi_encoder", "evaluation/bi_encoder"}


@pytest.mark.parametrize(("bf16", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_precision_shares_results_with_what_it_becomes_set_on_any_processor(
    keys_on: Callable[..., dict[str, str]], bf16: bool, precision: str
) -> None:
    explicit = [f"{name}.fit.precision={precision}" for name in FITS]
    assert keys_on(bf16) == keys_on(not bf16, *explicit) == keys_on(bf16, *explicit)


@pytest.fixture
def table(tiny_table: Path, tmp_path: Path) -> Path:
    """A copy of the tiny table, to be moved and changed."""
    return shutil.copytree(tiny_table, tmp_path / "table")


def _of(folder: Path, prefix: str = "") -> list[str]:
    return [f"dataset.{split}={folder / f'{prefix}{split}.csv'}" for split in SPLITS]


def test_data_files_that_were_copied_or_moved_keep_every_key(
    flow: Callable[..., Flow], table: Path, tmp_path: Path
) -> None:
    here = _keys(flow(*_of(table)))
    (tmp_path / "copy").mkdir()
    for split in SPLITS:
        shutil.copyfile(table / f"{split}.csv", tmp_path / "copy" / f"my_{split}.csv")
    assert _keys(flow(*_of(tmp_path / "copy", "my_"))) == here
    moved = table.rename(tmp_path / "moved")
    assert _keys(flow(*_of(moved))) == here


@pytest.mark.parametrize("split", SPLITS)
def test_one_score_changed_in_place_gives_the_data_set_another_key(
    flow: Callable[..., Flow], table: Path, split: str
) -> None:
    path = table / f"{split}.csv"
    here, before, content = _keys(flow(*_of(table))), path.stat(), path.read_bytes()
    assert b",0.333" in content
    path.write_bytes(content.replace(b",0.333", b",0.667", 1))
    # Of the same size and time: the content alone tells.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    there = _keys(flow(*_of(table)))
    assert there["dataset"] != here["dataset"]
    assert there["evaluation/untrained"] != here["evaluation/untrained"]
