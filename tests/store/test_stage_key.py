"""A key holds all that can change a result, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augsbert.parts import Part
from augsbert.store import UNKEYED, Stage, stage_key
from augsbert.store.key import keyed

SETTINGS = {"seed": 0, "fit": {"epochs": 2, "loss": {"scale": 20.0, "names": ["a", "b"]}}, "path": None, "cased": True}


def key(settings: dict[str, Any], **more: Any) -> str:
    return stage_key(**({"kind": "fit", "version": 1, "settings": settings, "inputs": {"train": "abc"}} | more))


def _reversed(settings: Any) -> Any:
    if isinstance(settings, dict):
        return {name: _reversed(settings[name]) for name in reversed(settings)}
    return settings


def test_the_order_of_settings_and_inputs_does_not_count() -> None:
    assert key(SETTINGS, inputs={"a": "1", "b": "2"}) == key(_reversed(SETTINGS), inputs={"b": "2", "a": "1"})


@pytest.mark.parametrize("name", sorted(UNKEYED))
def test_where_a_stage_runs_does_not_count_at_any_depth(name: str) -> None:
    plain = {"fit": {"epochs": 2, "loss": {"scale": 20.0}}}
    changed = {name: 1, "fit": {"epochs": 2, name: {"deep": 2}, "loss": {"scale": 20.0, name: 3}}}
    assert keyed(changed) == keyed(plain) == plain


@pytest.mark.parametrize("name", ["fast_dev_run", "limit_train_batches", "precision", "batch_size", "anything"])
def test_every_other_setting_counts_at_any_depth(name: str) -> None:
    keys = [key(keyed(s)) for s in ({}, {name: 1}, {name: 2}, {"fit": {name: 1}}, {"fit": {name: 2}})]
    assert len(set(keys)) == len(keys)


CHANGED = [
    {**SETTINGS, "seed": 1},
    {**SETTINGS, "seed": None},
    {**SETTINGS, "seed": False},
    {**SETTINGS, "seed": "0"},
    {**SETTINGS, "path": "x"},
    {**SETTINGS, "cased": False},
    {**SETTINGS, "more": None},
    {name: value for name, value in SETTINGS.items() if name != "path"},
    {**SETTINGS, "fit": {"epochs": 2, "loss": {"scale": 20.1, "names": ["a", "b"]}}},
    {**SETTINGS, "fit": {"epochs": 2, "loss": {"scale": 20.0, "names": ["b", "a"]}}},
    {**SETTINGS, "fit": {"epochs": 2, "scale": 20.0, "loss": {"names": ["a", "b"]}}},
]


def test_any_change_of_a_value_a_type_a_name_or_a_place_changes_the_key() -> None:
    keys = [key(keyed(settings)) for settings in [SETTINGS, *CHANGED]]
    assert len(set(keys)) == len(keys)


def test_kind_version_and_inputs_count() -> None:
    others = [
        {"kind": "score"},
        {"version": 2},
        {"inputs": {}},
        {"inputs": {"train": "abd"}},
        {"inputs": {"dev": "abc"}},
        {"inputs": {"train": "abc", "dev": "abc"}},
    ]
    keys = [key(SETTINGS), *(key(SETTINGS, **other) for other in others)]
    assert len(set(keys)) == len(keys)


def test_a_later_argument_at_its_old_value_keeps_old_keys_valid() -> None:
    later = {"warm": None, "share": 0.5}
    assert keyed({**SETTINGS, "warm": None, "share": 0.5}, later=later) == keyed(SETTINGS)
    assert keyed({**SETTINGS, "warm": 0, "share": 0.5}, later=later) == {**SETTINGS, "warm": 0}


def test_a_later_argument_is_a_parts_own_and_does_not_hide_a_nested_one_of_the_name() -> None:
    assert keyed({"fit": {"warm": None}}, later={"warm": None}) == {"fit": {"warm": None}}


def test_a_parts_own_names_that_do_not_count_come_beside_the_closed_list() -> None:
    assert keyed({"path": "x", "devices": 2, "seed": 1}, UNKEYED | {"path"}) == {"seed": 1}


@pytest.mark.parametrize("name", ["strategy", "first"])
def test_a_member_of_a_union_counts_whatever_it_is_called(name: str) -> None:
    def union(top_k: int) -> dict[str, Any]:
        member = {"_target_": "augsbert.samplers.bm25.BM25", "top_k": top_k}
        return Part({"_target_": "augsbert.samplers.union.Union", name: member}).keyed

    assert union(4) == union(4) != union(10)


def test_not_a_number_is_refused_as_it_equals_nothing() -> None:
    with pytest.raises(ValueError, match="JSON"):
        key({"seed": float("nan")})


def test_the_role_of_a_stage_does_not_count_so_that_roles_share_results(stage: Callable[..., Stage]) -> None:
    one = stage("baseline", kind="bi_encoder", settings={"seed": 0})
    other = stage("upper_bound", kind="bi_encoder", settings={"seed": 0})
    assert one.key == other.key
    assert one.folder == other.folder
    assert stage.made == ["baseline"]  # type: ignore[attr-defined]


def test_a_key_holds_all_that_its_inputs_hang_on(stage: Callable[..., Stage]) -> None:
    def last(seed: int) -> Stage:
        first = stage("first", settings={"seed": seed})
        return stage("last", settings={}, inputs={"first": stage("middle", settings={}, inputs={"first": first})})

    assert last(0).key == last(0).key != last(1).key


def test_a_part_from_outside_may_call_its_own_setting_by_a_name_of_the_closed_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside.py").write_text("class Mine:\n    def __init__(self, strategy): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    first, second = (Part({"_target_": "outside.Mine", "strategy": name}).keyed for name in ("a", "b"))
    assert first != second
