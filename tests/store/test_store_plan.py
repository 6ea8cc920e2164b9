"""A plan says of each stage whether it is there, will be made, is not needed, or cannot be known yet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augsbert.store import NotFetched, Stage, files, from_json, plan, render, to_json

Stages = Callable[..., Stage]


def chain(stage: Stages) -> Stage:
    """a -> b -> c"""
    return stage("c", inputs={"b": stage("b", inputs={"a": stage("a")})})


def states(*wanted: Stage) -> dict[str, str]:
    return {line.name: line.state for line in plan(wanted)}


def test_in_an_empty_store_all_is_to_be_made_inputs_first_and_a_plan_makes_nothing(stage: Stages) -> None:
    wanted = chain(stage)
    assert list(states(wanted).items()) == [("a", "make"), ("b", "make"), ("c", "make")]
    assert stage.made == []  # type: ignore[attr-defined]
    assert not wanted.store.dir.exists()


def test_what_is_there_is_found(stage: Stages) -> None:
    _ = chain(stage).inputs["b"].folder
    assert states(chain(stage)) == {"a": "found", "b": "found", "c": "make"}
    _ = chain(stage).folder
    assert states(chain(stage)) == {"a": "found", "b": "found", "c": "found"}


def test_what_is_absent_but_only_feeds_what_is_there_is_not_needed(stage: Stages) -> None:
    wanted = chain(stage)
    _ = wanted.folder
    shutil.rmtree(wanted.inputs["b"].path)
    assert states(chain(stage)) == {"a": "found", "b": "not needed", "c": "found"}
    shutil.rmtree(wanted.inputs["b"].inputs["a"].path)
    assert states(chain(stage)) == {"a": "not needed", "b": "not needed", "c": "found"}
    shutil.rmtree(wanted.path)
    assert set(states(chain(stage)).values()) == {"make"}


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_wanted_stage_needs_and_another_does_not_is_to_be_made_once(order: int, stage: Stages) -> None:
    a = stage("a")
    b, c = stage("b", inputs={"a": a}), stage("c", inputs={"a": a})
    _ = b.folder
    shutil.rmtree(a.path)
    lines = plan([b, c][::order])
    assert sorted((line.name, line.state) for line in lines) == [("a", "make"), ("b", "found"), ("c", "make")]
    assert [line.name for line in lines].index("a") == 0


def test_what_hangs_on_a_file_that_was_not_fetched_is_unknown(stage: Stages) -> None:
    def settings() -> dict[str, Any]:
        raise NotFetched

    a = stage("a")
    a.settings = settings
    lines = plan([stage("c", inputs={"b": stage("b", inputs={"a": a}), "other": stage("other")})])
    assert {line.name: line.state for line in lines} == {
        "a": "unknown",
        "b": "unknown",
        "c": "unknown",
        "other": "make",
    }
    assert {line.key for line in lines if line.state == "unknown"} == {""}


def test_a_plan_agrees_with_what_a_run_then_does(stage: Stages) -> None:
    _ = chain(stage).inputs["b"].folder
    expected = [name for name, state in states(chain(stage)).items() if state == "make"]
    stage.made.clear()  # type: ignore[attr-defined]
    _ = chain(stage).folder
    assert stage.made == expected  # type: ignore[attr-defined]


def test_seconds_and_bytes_are_the_median_of_earlier_stages_of_the_kind(stage: Stages) -> None:
    for seed, seconds in enumerate((1.0, 5.0, 30.0)):
        folder = stage("a", settings={"seed": seed}).folder
        manifest = files.read_manifest(folder) | {"seconds": seconds, "bytes": int(seconds)}
        (folder / files.MANIFEST).write_text(json.dumps(manifest))
    [line] = plan([stage("a", settings={"seed": 9})])
    assert (line.seconds, line.bytes) == (5.0, 5)


@pytest.mark.parametrize("content", ["", "{", "{}", '{"seconds": "x", "bytes": null}', "[]"])
def test_a_damaged_manifest_does_not_keep_a_plan_from_being_made(content: str, stage: Stages) -> None:
    (stage("a", settings={"seed": 0}).folder / files.MANIFEST).write_text(content)
    [line] = plan([stage("a", settings={"seed": 1})])
    assert (line.state, line.seconds, line.bytes) == ("make", None, None)


def test_a_plan_is_shown_with_the_stores_size(stage: Stages) -> None:
    _ = stage("a").folder
    shown = render(plan([chain(stage)]), chain(stage).store.dir)
    rows = [line.split()[:3] for line in shown.splitlines()]
    assert ["a", stage("a").key[:12], "found"] in rows
    assert ["c", chain(stage).key[:12], "make"] in rows
    assert "0 MiB now" in shown


def test_plans_of_several_jobs_hold_each_stage_once_and_needed_if_one_job_needs_it(stage: Stages) -> None:
    a = stage("a")
    b, c = stage("b", inputs={"a": a}), stage("c", inputs={"a": a})
    _ = b.folder
    shutil.rmtree(a.path)
    union = from_json([to_json(plan([b])), to_json(plan([c]))])
    assert {line.name: line.state for line in union} == {"a": "make", "b": "found", "c": "make"}


def test_two_roles_of_a_run_that_are_one_stage_stand_once_in_its_plan(stage: Stages) -> None:
    first = stage("first", kind="fit", settings={"data": 1})
    assert states(first, stage("second", kind="fit", settings={"data": 1})) == {"first": "make"}


def test_the_stores_size_counts_all_files_and_an_absent_store_has_none(tmp_path: Path) -> None:
    assert files.bytes_of(tmp_path / "none") == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x").write_bytes(bytes(10))
    (tmp_path / "a" / "b" / "y").write_bytes(bytes(5))
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nowhere")
    assert files.bytes_of(tmp_path) == 15
