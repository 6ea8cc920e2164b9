"""Runs' files as they are read back: in which order, in which spelling, and what is said of damaged ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augsbert.reporting.__main__ import main
from augsbert.reporting.runs import failures, read, spelt

Leave = Callable[..., Path]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("4e-4", "0.0004"),
        (0.0004, "0.0004"),
        (0.1 + 0.2, "0.3"),
        ("300", "300"),
        ("1e20", "1e+20"),
        ("1e12", "1000000000000"),
        (10**12, "1000000000000"),
        (-0.0, "0"),
        (2**63 - 1, "9223372036854775807"),
        ("inf", "inf"),
        (None, "null"),
        (False, "false"),
        ([0, "5"], "[0, 5]"),
        ("bm25", "bm25"),
    ],
)
def test_a_value_has_one_spelling(value: Any, text: str) -> None:
    assert spelt(value) == text


def test_folders_come_in_the_order_of_their_numbers_and_a_digit_that_is_none_is_a_word(
    leave: Leave, tmp_path: Path
) -> None:
    for number in (10, 9):
        leave(number)
    leave(0).rename(tmp_path / "sweep" / "²")
    assert [run.folder.name for run in read([tmp_path / "sweep"])] == ["²", "9", "10"]


def test_jobs_that_failed_are_said_once_and_in_order_whichever_folders_they_are_in(
    grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job in ("10", "9"):
        (grid / job).mkdir()
        (grid / job / "status.json").write_text(json.dumps({"state": "failed", "reason": job}))
    (grid / "11" / "status.json").mkdir(parents=True)  # of another program
    monkeypatch.chdir(grid)
    assert [reason for _, reason in failures([grid.parent, grid / "10", grid, Path()])] == ["9", "10"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("metrics.json", text) for text in ("{}", "[]", "[{}]", '""')),
        *(("settings.json", text) for text in ("{}", "[{}]", '""', '{"overrides": []}')),
        *(("stages.json", text) for text in ("{}", "[{}]", '""', '[{"name": "dataset"}]', "[1]")),
        *(("histogram.json", text) for text in ("{}", "[{}]", '""')),
    ],
)
def test_a_file_of_another_kind_is_named(grid: Path, name: str, text: str) -> None:
    path = grid / "0" / name
    path.write_text(text)
    said = f"error: {path}: it is not what a run leaves there. Run the command of this run again."
    with pytest.raises(SystemExit, match=f"^{re.escape(said)}$"):
        main([str(grid)])


def test_runs_without_a_metric_to_compare_by_are_named(leave: Leave) -> None:
    path = leave(0) / "metrics.json"
    path.write_text('{"silver/pairs": 10.0}')
    with pytest.raises(SystemExit, match=f"^error: {re.escape(str(path))}: it has no metric of an encoder. Run the "):
        main([str(path.parent), "--no-html"])
