"""Searches that are kept: one at a time, whatever store they name, and no result that is lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from augsbert import studies
from augsbert.errors import UserError


@pytest.mark.parametrize("address", ["{folder}/studies.journal", "sqlite:///{folder}/studies.db"])
def test_searches_on_one_file_shut_each_other_out_though_their_stores_differ(address: str, tmp_path: Path) -> None:
    kept = address.format(folder=tmp_path)
    with (
        studies.locked("mine", kept, tmp_path / "here"),
        pytest.raises(UserError, match="another search"),
        studies.locked("mine", kept, tmp_path / "there"),
    ):
        pass


def test_a_study_on_a_server_is_locked_in_the_store(tmp_path: Path) -> None:
    with studies.locked("mine", "postgresql://host/db", tmp_path):
        assert [path.name for path in tmp_path.rglob("*.lock")] == ["study-mine.lock"]


def test_a_value_of_a_trial_that_another_search_took_for_dead_is_said_to_be_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = studies.opened("mine", str(tmp_path / "studies.journal"), "maximize")
    trial = studies.asked(study, {})
    studies.enqueue_killed(study)
    assert not studies.tell(study, trial, 0.5)
    assert "trial 0: another search took it for dead" in caplog.text
