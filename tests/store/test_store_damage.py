"""A damaged result is made again, with a warning; nothing else is lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from augsbert.store import Stage, files
from augsbert.store.__main__ import main

Stages = Callable[..., Stage]


def write(folder: Path) -> None:
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "weights").write_bytes(bytes(range(256)) * 100)
    (folder / "curve.json").write_text("[1, 2, 3]")


def flip_a_byte(folder: Path) -> None:
    path = folder / "model" / "weights"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_file(folder: Path) -> None:
    (folder / "model" / "weights").unlink()
    (folder / "model").rmdir()
    (folder / "model").write_text("no folder")


def in_the_manifest(key: str, value: object) -> Callable[[Path], object]:
    def harm(folder: Path) -> None:
        manifest = files.read_manifest(folder)
        (folder / files.MANIFEST).write_text(json.dumps(manifest | {key: value}))

    return harm


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped byte": (flip_a_byte, "is not as it was written"),
    "a truncated file": (lambda folder: (folder / "curve.json").write_text("[1, 2"), "is not as it was written"),
    "an empty file": (lambda folder: (folder / "curve.json").write_text(""), "is not as it was written"),
    "a missing file": (lambda folder: (folder / "curve.json").unlink(), "is missing"),
    "a truncated manifest": (lambda folder: (folder / files.MANIFEST).write_text('{"files": {'), "manifest in"),
    "an empty manifest": (lambda folder: (folder / files.MANIFEST).write_text(""), "manifest in"),
    "no text in the manifest": (lambda folder: (folder / files.MANIFEST).write_bytes(b"\xff\xfe\x00"), "manifest in"),
    "another manifest": (lambda folder: (folder / files.MANIFEST).write_text("[]"), "manifest in"),
    "a manifest without files": (lambda folder: (folder / files.MANIFEST).write_text("{}"), "manifest in"),
    "files that are none": (lambda folder: (folder / files.MANIFEST).write_text('{"files": 3}'), "manifest in"),
    "a flipped bit in a name of the manifest": (
        lambda folder: (folder / files.MANIFEST).write_text(
            (folder / files.MANIFEST).read_text().replace('"seconds"', '"sekonds"')
        ),
        "manifest in",
    ),
    "a folder in a file's place": (lambda folder: replace_by_folder(folder / "curve.json"), "is not as it was written"),
    "a file in a folder's place": (replace_by_file, "is missing"),
    "a folder in the place of the manifest": (lambda folder: replace_by_folder(folder / files.MANIFEST), "manifest in"),
    **{
        f"a manifest with {key} {value}": (in_the_manifest(key, value), "manifest in")
        for key, values in {
            "seconds": (None, "3"),
            "inputs": (None, ["a"], {"a": None}),
            "files": (None, {"curve.json": 3}),
            "settings": (None,),
            "environment": (None, "x"),
            "name": (None,),
            "version": ("1",),
        }.items()
        for value in values
    },
    "a missing manifest": (lambda folder: (folder / files.MANIFEST).unlink(), "manifest in"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_result_is_made_again_with_a_warning_and_the_others_are_left_alone(
    what: str, stage: Stages, caplog: pytest.LogCaptureFixture
) -> None:
    def flow() -> tuple[Stage, Stage, Stage]:
        a = stage("a", write=write)
        b = stage("b", write=write, inputs={"a": a})
        return a, b, stage("c", write=write, inputs={"b": b})

    a, b, c = flow()
    _ = c.folder
    others = {path: path.stat().st_mtime_ns for each in (a, c) for path in each.path.rglob("*")}
    harm, said = DAMAGE[what]
    harm(b.path)
    stage.made.clear()  # type: ignore[attr-defined]
    with caplog.at_level(logging.WARNING, logger="augsbert"):
        folder = flow()[1].folder
    assert stage.made == ["b"]  # type: ignore[attr-defined]
    assert files.damage(folder) is None
    [warning] = [record.getMessage() for record in caplog.records]
    assert warning.startswith("b: ")
    assert said in warning
    assert warning.endswith("; it is made again")
    assert str(b.path) in warning
    assert {path: path.stat().st_mtime_ns for path in others} == others
    assert flow()[2].found


def test_a_damaged_input_is_not_even_looked_at_where_what_hangs_on_it_is_there(stage: Stages) -> None:
    a = stage("a", write=write)
    b = stage("b", write=write, inputs={"a": a})
    _ = b.folder
    flip_a_byte(a.path)
    again = stage("b", write=write, inputs={"a": stage("a", write=write)})
    assert again.folder == b.path
    assert stage.made == ["a", "b"]  # type: ignore[attr-defined]


def test_a_damaged_input_is_made_again_before_it_is_read(stage: Stages) -> None:
    a = stage("a", write=write)
    _ = a.folder
    flip_a_byte(a.path)
    new = stage("a", write=write)

    def read(folder: Path) -> None:
        content = (new.folder / "model" / "weights").read_bytes()
        (folder / "same").write_text(str(content == bytes(range(256)) * 100))

    folder = stage("b", write=read, inputs={"a": new}).folder
    assert (folder / "same").read_text() == "True"


def test_files_that_somebody_added_are_no_damage(stage: Stages) -> None:
    folder = stage("a", write=write).folder
    (folder / "notes.txt").write_text("mine")
    assert files.damage(folder) is None


@pytest.mark.parametrize("what", [name for name in DAMAGE if "manifest" in name])
def test_a_damaged_manifest_of_a_result_that_nobody_asks_for_stops_no_run_and_no_listing(
    what: str, stage: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    made = stage("a", write=write)
    _ = made.folder
    DAMAGE[what][0](made.path)
    record = stage("a", write=write).recorded(found=True)
    assert (record.key, record.cost, record.environment) == (made.key, 0.0, {})
    main(["--store", str(made.store.dir), "ls"])
    assert "1 entries" in capsys.readouterr().out
    for command in ("show", made.key), ("verify",):
        with pytest.raises(SystemExit) as ended:
            main(["--store", str(made.store.dir), *command])
        assert DAMAGE[what][1] in f"{ended.value.code}{capsys.readouterr().out}"
