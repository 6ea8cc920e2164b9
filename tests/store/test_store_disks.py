"""A full disk, a read-only store, a file in its place: one clear error, and what is finished is kept."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augsbert.errors import UserError
from augsbert.store import Stage, Store, files

Stages = Callable[..., Stage]
MIB = 2**20


def writes(mib: int) -> Callable[[Path], None]:
    return lambda folder: (folder / "large").write_bytes(bytes(mib * MIB)) and None


def test_a_full_disk_is_said_clearly_nothing_is_lost_and_the_run_goes_on_once_there_is_space(
    stage: Stages, disk: Path
) -> None:
    store = Store(disk / "store")
    finished = stage("a", store=store).folder
    filler = disk / "filler"
    filler.write_bytes(bytes(5 * MIB))
    with pytest.raises(UserError) as error:
        _ = stage("b", store=store, write=writes(4)).folder
    assert str(error.value) == (
        f"The store {store.dir} cannot take the stage b: the disk is full. "
        "Free some space, or set store.dir to a larger disk. What is finished is kept."
    )
    assert files.damage(finished) is None
    assert not stage("b", store=store).found
    filler.unlink()
    folder = stage("b", store=store, write=writes(4)).folder
    assert files.damage(folder) is None
    assert stage("a", store=store).folder == finished


def test_a_disk_that_fills_up_while_the_manifest_is_written_leaves_no_result(stage: Stages, disk: Path) -> None:
    store = Store(disk / "store")

    def write(folder: Path) -> None:
        (folder / "value.txt").write_text("a")
        fill(disk / "filler")

    with pytest.raises(UserError, match="the disk is full"):
        _ = stage("a", store=store, write=write).folder
    assert not stage("a", store=store).found
    (disk / "filler").unlink()
    assert files.damage(stage("a", store=store).folder) is None


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


def test_a_full_disk_is_seen_behind_what_a_library_or_a_worker_says(stage: Stages, disk: Path) -> None:
    def write(folder: Path) -> None:
        fill(disk / "filler")
        raise RuntimeError("fit: a worker failed with exit status 1")

    with pytest.raises(UserError, match="the disk is full"):
        _ = stage("a", store=Store(disk / "store"), write=write).folder


@pytest.mark.parametrize(
    ("number", "way"),
    [
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EDQUOT, "your disk quota is used up. Free some space"),
        (errno.EROFS, "it is read-only. Set store.dir"),
        (errno.EACCES, "you may not write there. Set store.dir"),
        (errno.EPERM, "you may not write there. Set store.dir"),
    ],
)
def test_what_the_disk_says_becomes_a_way_out(number: int, way: str, stage: Stages) -> None:
    def write(folder: Path) -> None:
        raise OSError(number, os.strerror(number), str(folder / "model"))

    with pytest.raises(UserError) as error:
        _ = stage("a", write=write).folder
    assert f"cannot take the stage a: {way}" in str(error.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("nan in the loss"), OSError(errno.EIO, "I/O error"), FileExistsError("x")]
)
def test_other_errors_stay_what_they_are(error: Exception, stage: Stages) -> None:
    def write(folder: Path) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        _ = stage("a", write=write).folder
    assert raised.value is error


def test_a_read_only_store_is_read_and_what_it_lacks_is_said_clearly(stage: Stages, read_only: Any) -> None:
    finished = stage("a").folder
    with read_only(stage("a").store.dir):
        assert stage("a").folder == finished
        with pytest.raises(UserError) as error:
            _ = stage("b", inputs={"a": stage("a")}).folder
    assert f"The store {stage('a').store.dir} cannot take the stage b: " in str(error.value)
    assert "Set store.dir to a folder that you can write. What is finished is kept." in str(error.value)
    assert stage.made == ["a"]  # type: ignore[attr-defined]
    assert (stage("b").folder / "value.txt").read_text() == "b"


def test_in_a_read_only_store_a_damaged_result_is_an_error_and_stays_there(stage: Stages, read_only: Any) -> None:
    finished = stage("a").folder
    (finished / "value.txt").write_text("other")
    with read_only(stage("a").store.dir), pytest.raises(UserError, match="cannot take the stage a"):
        _ = stage("a").folder
    assert (finished / "value.txt").exists()


def test_a_store_that_cannot_be_made_is_said_clearly(stage: Stages, tmp_path: Path, read_only: Any) -> None:
    (tmp_path / "closed").mkdir()
    with (
        read_only(tmp_path / "closed"),
        pytest.raises(UserError, match=r"Set store\.dir to a folder that you can write"),
    ):
        _ = stage("a", store=Store(tmp_path / "closed" / "store")).folder


@pytest.mark.parametrize("below", ["", "store", "deep/store"])
def test_a_file_in_the_stores_place_is_said_clearly(below: str, stage: Stages, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as error:
        _ = stage("a", store=Store(tmp_path / "file" / below)).folder
    assert str(error.value) == (
        f"The store {tmp_path / 'file' / below} cannot take the stage a: it, or a part of its path, is a file. "
        "Set store.dir to a folder. What is finished is kept."
    )
