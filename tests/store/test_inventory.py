"""What lies in a store, what is damaged, what can go: through ``python -m augsbert.store``'s own function."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from augsbert.store import Stage, Store
from augsbert.store.__main__ import main
from augsbert.store.inventory import entries

Say = Callable[..., str]
KILLED = 8 * "0123"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three stages, the second made from the first, the third apart; and what a kill left of a fourth."""
    store = Store(tmp_path / "store", {"torch": "1"})
    gold = Stage(store, "gold", "dataset", _write, lambda: {"name": "gold"}, {}, 1)
    fit = Stage(store, "baseline", "bi_encoder", _write, lambda: {"epochs": 2}, {"source": gold}, 1)
    other = Stage(store, "other", "dataset", _write, lambda: {"name": "other"}, {}, 1)
    for stage in (fit, other):
        _ = stage.folder
    (tmp_path / "store" / "bi_encoder" / f"{KILLED}.partial").mkdir()
    run = tmp_path / "sweep" / "0"
    run.mkdir(parents=True)
    (run / "stages.json").write_text(json.dumps([{"key": stage.key} for stage in (gold, fit)]))
    return store


def _write(folder: Path) -> None:
    (folder / "result.txt").write_text("result")


@pytest.fixture
def say(store: Store, capsys: pytest.CaptureFixture[str]) -> Say:
    def run(*arguments: str) -> str:
        main(["--store", str(store.dir), *arguments])
        return capsys.readouterr().out

    return run


def names(store: Store) -> list[str]:
    """Of all entries."""
    return sorted("unfinished" if entry.unfinished else entry.name for entry in entries(store.dir))


def test_ls_lists_every_stage_and_what_is_unfinished(say: Say) -> None:
    said = say("ls")
    assert [line.split()[-1] for line in said.splitlines()[1:-1]] == ["baseline", "unfinished", "gold", "other"]
    assert said.splitlines()[-1].startswith("4 entries, 1 of them unfinished")
    assert [line.split()[-1] for line in say("ls", "dataset").splitlines()[1:-1]] == ["gold", "other"]


def test_show_says_what_a_stage_was_made_from_and_what_was_made_from_it(store: Store, say: Say) -> None:
    gold = next(entry for entry in entries(store.dir) if entry.name == "gold")
    said = say("show", gold.key[:8])
    assert '"name": "gold"' in said
    assert said.splitlines()[-1].startswith("read by baseline")


def test_verify_names_what_is_not_as_it_was_written_and_fails(store: Store, say: Say) -> None:
    with pytest.raises(SystemExit) as sound:
        say("verify")
    assert sound.value.code == 0
    entries(store.dir)[0].folder.joinpath("result.txt").write_text("other")
    with pytest.raises(SystemExit) as damaged:
        say("verify")
    assert damaged.value.code == 1


def test_prune_is_a_dry_run_unless_it_is_told_to_delete(store: Store, say: Say, tmp_path: Path) -> None:
    assert "2 entries" in say("prune", str(tmp_path / "sweep"))
    assert names(store) == ["baseline", "gold", "other", "unfinished"]
    assert "removed 2 entries" in say("prune", str(tmp_path / "sweep"), "--delete")
    assert names(store) == ["baseline", "gold"]


def test_prune_without_runs_removes_only_what_killed_runs_left(store: Store, say: Say) -> None:
    say("prune", "--delete")
    assert names(store) == ["baseline", "gold", "other"]


def test_other_things_beside_a_store_are_no_stages(store: Store, say: Say, tmp_path: Path) -> None:
    (store.dir / "photos" / "2020").mkdir(parents=True)
    (store.dir / "dataset" / (8 * "abcd")).symlink_to(tmp_path / "sweep")
    assert "2 entries" in say("prune", str(tmp_path / "sweep"))
    say("prune", str(tmp_path / "sweep"), "--delete")
    assert (store.dir / "photos" / "2020").exists()


def test_runs_below_a_run_are_kept_too_and_those_that_have_not_ended_are_named(
    store: Store, say: Say, tmp_path: Path
) -> None:
    records = tmp_path / "sweep" / "0" / "stages.json"
    (tmp_path / "sweep" / "stages.json").write_text("[]")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "sweep").symlink_to(tmp_path / "sweep")
    assert records.exists()
    (tmp_path / "sweep" / "1").mkdir()
    (tmp_path / "sweep" / "1" / "settings.json").write_text("{}")
    said = say("prune", str(tmp_path / "linked"), "--delete")
    assert "sweep/1 has not ended" in said
    assert names(store) == ["baseline", "gold"]


def test_what_a_killed_removal_has_left_goes_with_the_next(store: Store, say: Say) -> None:
    (store.dir / ".trash" / f"bi_encoder-{KILLED}.partial" / "more").mkdir(parents=True)
    say("prune", "--delete")
    assert names(store) == ["baseline", "gold", "other"]
    assert not list((store.dir / ".trash").iterdir())


def test_prune_leaves_what_a_run_is_at_work_on(store: Store, say: Say) -> None:
    with FileLock(store.dir / ".locks" / f"bi_encoder-{KILLED}.lock"):
        assert "it stays" in say("prune", "--delete")
    assert "unfinished" in names(store)


def test_labels_by_pair_stay_unless_they_are_asked_for(store: Store, say: Say) -> None:
    (store.dir / "rows" / "labeller").mkdir(parents=True)
    (store.dir / "rows" / "labeller" / "a.parquet").write_bytes(bytes(2**20))
    say("prune", "--delete")
    assert "labels kept by pair: 1.0 MiB" in say("prune", "--labels")
    assert (store.dir / "rows").exists()
    say("prune", "--delete", "--labels")
    assert not (store.dir / "rows").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ls", "cross_encoder"], "cross_encoder: nothing of this kind is there. There are: bi_encoder, dataset."),
        (["show", "zz"], "zz: no finished stage has such a key. `ls` lists them all."),
        (["show", ""], ": 3 stages have keys that begin so. `ls` lists them all."),
        (["prune", "nowhere"], "nowhere: no run has left its stages.json here, so it is not known what to keep."),
    ],
)
def test_a_mistake_is_one_message(say: Say, arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        say(*arguments)
    assert ended.value.code == f"error: {said}"


def test_a_store_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no store"):
        main(["--store", str(tmp_path / "nowhere"), "ls"])
