"""A stage is made once and found again; what a kill leaves is gone on from and never read as a result."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from augsbert.archives import sha256_of_file
from augsbert.errors import UserError
from augsbert.store import Stage, Store, files
from augsbert.store import stage as stage_module

Stages = Callable[..., Stage]


def scratch_of(stage: Stage) -> Path:
    return stage.path.with_name(stage.path.name + ".partial")


def test_a_stage_is_made_once_and_found_again(stage: Stages) -> None:
    first, again = stage("a"), stage("a")
    assert (first.folder / "value.txt").read_text() == "a"
    assert again.folder == first.folder
    assert stage.made == ["a"]  # type: ignore[attr-defined]
    assert first.record is not None
    assert again.record is not None
    assert (first.record.found, again.record.found) == (False, True)


def test_inputs_are_made_first_and_only_when_they_are_needed(stage: Stages) -> None:
    def flow() -> Stage:
        a = stage("a")
        b, c = stage("b", inputs={"a": a}), stage("c", inputs={"a": a})
        return stage("d", inputs={"b": b, "c": c})

    _ = flow().folder
    assert stage.made == ["a", "b", "c", "d"]  # type: ignore[attr-defined]
    last = flow()
    _ = last.folder
    assert len(stage.made) == 4  # type: ignore[attr-defined]
    assert last.inputs["b"].record is None


def test_the_scratch_folder_survives_and_is_given_again(stage: Stages) -> None:
    def write(folder: Path) -> None:
        done = folder / "half.txt"
        if not done.exists():
            done.write_text("half")
            raise RuntimeError("killed")
        (folder / "whole.txt").write_text(done.read_text() + " and the rest")

    with pytest.raises(RuntimeError, match="killed"):
        _ = stage("a", write=write).folder
    assert not stage("a").found
    folder = stage("a", write=write).folder
    assert (folder / "whole.txt").read_text() == "half and the rest"
    assert not scratch_of(stage("a")).exists()


def test_the_cost_of_a_stage_counts_what_killed_runs_have_spent_on_it(
    stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 4e9  # later than any file that is not given another time
    killed = [30.0, 20.0]
    for module, clock in ((stage_module, "monotonic"), (files, "time")):
        monkeypatch.setattr(module, "time", SimpleNamespace(**{clock: lambda: now}))

    def write(folder: Path) -> None:
        nonlocal now
        now += killed[-1] if killed else 5.0
        (folder / "so_far.txt").write_text("half")
        os.utime(folder / "so_far.txt", (now, now))
        if killed:
            now += 1000.0  # of which nothing tells whether it was at work
            raise RuntimeError(f"killed after {killed.pop()}")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="killed"):
            _ = stage("a", write=write).folder
    last = stage("a", write=write)
    _ = last.folder
    assert last.record is not None
    assert (last.record.cost, last.record.seconds) == (55.0, 5.0)


@pytest.mark.parametrize("moment", ["seal", "drop_hidden"])
def test_a_run_killed_before_the_last_rename_leaves_no_result_and_the_next_one_ends_the_same(
    moment: str, stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(files, moment, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _ = stage("a").folder
    assert not stage("a").found
    folder = stage("a").folder
    assert files.damage(folder) is None
    # Once the manifest is there, hours of work are not done again.
    assert stage.made == (["a", "a"] if moment == "seal" else ["a"])  # type: ignore[attr-defined]


def test_a_manifest_in_a_scratch_folder_whose_files_do_not_fit_is_not_believed(
    stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(files, "drop_hidden", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _ = stage("a").folder
    (scratch_of(stage("a")) / "value.txt").write_text("other")
    folder = stage("a").folder
    assert (folder / "value.txt").read_text() == "a"
    assert files.damage(folder) is None


def test_without_a_manifest_there_is_no_result(stage: Stages, caplog: pytest.LogCaptureFixture) -> None:
    (stage("a").folder / files.MANIFEST).unlink()
    assert not stage("a").found
    with caplog.at_level(logging.WARNING):
        folder = stage("a").folder
    assert files.damage(folder) is None
    assert "is missing; it is made again" in caplog.text


def test_hidden_files_and_folders_belong_to_the_making_and_go(stage: Stages) -> None:
    def write(folder: Path) -> None:
        (folder / ".checkpoints").mkdir()
        (folder / ".checkpoints" / "last.ckpt").write_text("large")
        (folder / ".noted").write_text("x")
        (folder / "model").mkdir()
        (folder / "model" / ".gitattributes").write_text("of the result")

    folder = stage("a", write=write).folder
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"stage.json", "model/.gitattributes"}
    assert list(files.read_manifest(folder)["files"]) == ["model/.gitattributes"]


def test_the_manifest_says_what_a_result_was_made_from(stage: Stages) -> None:
    a = stage("a", settings={"seed": 1})
    b = stage("b", kind="fit", version=3, settings={"epochs": 2}, inputs={"train": a})
    manifest = json.loads((b.folder / "stage.json").read_text())
    expected = {
        "name": "b",
        "kind": "fit",
        "key": b.key,
        "version": 3,
        "settings": {"epochs": 2},
        "inputs": {"train": a.key},
        "environment": {"python": "3"},
        "bytes": 1,
    }
    assert {name: manifest[name] for name in expected} == expected
    assert manifest["files"]["value.txt"] == sha256_of_file(b.folder / "value.txt")
    assert manifest["seconds"] >= 0


def test_a_users_mistake_in_a_stage_is_said_as_it_is(stage: Stages) -> None:
    def write(folder: Path) -> None:
        raise UserError("sampler: it found nothing.")

    with pytest.raises(UserError, match=r"^sampler: it found nothing\.$"):
        _ = stage("a", write=write).folder


def test_a_file_outside_the_store_is_not_blamed_on_the_store(stage: Stages, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    def write(folder: Path) -> None:
        (tmp_path / "file" / "train.csv").read_text()

    with pytest.raises(NotADirectoryError):
        _ = stage("a", write=write).folder


def test_upstream_lists_each_stage_once_with_its_inputs_before_it(stage: Stages) -> None:
    a = stage("a")
    b, c = stage("b", inputs={"a": a}), stage("c", inputs={"a": a})
    d = stage("d", inputs={"b": b, "c": c, "a": a})
    assert [each.name for each in d.upstream] == ["a", "b", "c", "d"]


def test_stores_keep_apart(stage: Stages, tmp_path: Path) -> None:
    here, there = stage("a"), stage("a", store=Store(tmp_path / "other"))
    assert here.key == there.key
    assert here.folder != there.folder
    assert stage.made == ["a", "a"]  # type: ignore[attr-defined]
