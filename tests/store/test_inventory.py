"""What lies in a store, what is damaged, what can go: through ``python -m augsbert.store``'s own function."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from augsbert.archives import sha256_of_file
from augsbert.store import Stage, Store, files
from augsbert.store.__main__ import main
from augsbert.store.inventory import entries
from augsbert.store.rows import Rows

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


def _flip_a_byte(rows: Path) -> None:
    content = bytearray(rows.read_bytes())
    content[len(content) // 3] ^= 1
    rows.write_bytes(content)


def _other_columns(rows: Path) -> None:
    pq.write_table(pa.table({"key": ["a"]}), rows)
    rows.rename(rows.with_stem(sha256_of_file(rows)))


def _no_parquet(rows: Path) -> None:
    rows.write_text("text")
    rows.rename(rows.with_stem(sha256_of_file(rows)))


def _folder(rows: Path) -> None:
    rows.unlink()
    rows.mkdir()


@pytest.mark.parametrize("harm", [_flip_a_byte, _other_columns, _no_parquet, _folder])
def test_verify_reads_the_labels_kept_by_pair_too(
    harm: Callable[[Path], None], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify() -> list[str]:
        with pytest.raises(SystemExit) as ended:
            main(["--store", str(store.dir), "verify"])
        said = capsys.readouterr().out.splitlines()
        return [str(ended.value.code), *said]

    rows = Rows(store.dir / "rows" / "labeller")
    for number in range(2):
        rows.put([str(number)], np.array([number], dtype=np.float32))
    (rows.folder / "1.unfinished").write_text("what a kill has left")
    labels = "2 files of labels by pair, {} damaged (a run drops those, and labels again)"
    assert verify()[::2] == ["0", labels.format(0)]
    harm(min(rows.folder.glob("*.parquet")))
    status, named, stages, last = verify()
    assert (status, last) == ("1", labels.format(1))
    assert named.startswith(str(rows.folder))
    assert stages.startswith("3 finished stages, 0 damaged")


def test_what_the_disk_says_of_a_file_is_one_line_and_no_damage(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    [gold, other] = entries(store.dir, "dataset")
    monkeypatch.setattr(files, "sha256_of_file", refuse)
    with pytest.raises(SystemExit) as verified:
        main(["--store", str(store.dir), "verify"])
    assert verified.value.code == 1
    assert f"{gold.folder / 'result.txt'} cannot be read: Permission denied" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"^error: .*result\.txt: Permission denied\.$"):
        main(["--store", str(store.dir), "show", other.key])
    with pytest.raises(PermissionError):  # a run does not throw away what it may not read
        files.damage(gold.folder)


def test_prune_is_a_dry_run_unless_it_is_told_to_delete(store: Store, say: Say, tmp_path: Path) -> None:
    assert "2 entries" in say("prune", str(tmp_path / "sweep"))
    assert names(store) == ["baseline", "gold", "other", "unfinished"]
    assert "removed 2 entries" in say("prune", str(tmp_path / "sweep"), "--delete")
    assert names(store) == ["baseline", "gold"]


def test_prune_without_runs_removes_only_what_killed_runs_left(store: Store, say: Say) -> None:
    say("prune", "--delete")
    assert names(store) == ["baseline", "gold", "other"]


def test_prune_by_runs_of_another_store_removes_nothing_and_names_theirs(
    store: Store, say: Say, tmp_path: Path
) -> None:
    elsewhere = Stage(Store(tmp_path / "elsewhere"), "mine", "dataset", _write, lambda: {"name": "mine"}, {}, 1)
    run = tmp_path / "run"
    run.mkdir()
    (run / "stages.json").write_text(json.dumps([{"key": elsewhere.key}]))
    (run / "settings.json").write_text(json.dumps({"config": {"store": {"dir": "elsewhere"}}}))
    with pytest.raises(SystemExit) as ended:
        say("prune", str(run), "--delete")
    assert ended.value.code == (
        f"error: {store.dir}: no stage of these runs lies here, so it is not known what to keep. Name their store with "
        "--store; they used store.dir=elsewhere, from where they were started."
    )
    assert names(store) == ["baseline", "gold", "other", "unfinished"]
    assert "2 entries" in say("prune", str(run), str(tmp_path / "sweep"))


@pytest.mark.parametrize("settings", [None, "", "[]", '{"config": null}'])
def test_prune_by_runs_of_a_store_that_nothing_tells_removes_nothing(
    settings: str | None, store: Store, say: Say, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "stages.json").write_text("[]")
    if settings is not None:
        (run / "settings.json").write_text(settings)
    with pytest.raises(SystemExit, match=r"no stage of these runs lies here.*Name their store with --store\.$"):
        say("prune", str(run), "--delete")
    assert names(store) == ["baseline", "gold", "other", "unfinished"]


@pytest.mark.parametrize("text", ["", "{", "{}", "[{}]", "[[]]", '{"a": 1}', '[{"key": 3}]', '[{"key": ""}]', "\xff"])
def test_a_list_of_stages_that_is_damaged_or_no_runs_is_a_mistake_and_removes_nothing(
    text: str, store: Store, say: Say, tmp_path: Path
) -> None:
    records = tmp_path / "sweep" / "1" / "stages.json"
    records.parent.mkdir()
    records.write_bytes(text.encode("latin-1"))
    with pytest.raises(SystemExit) as ended:
        say("prune", str(tmp_path / "sweep"), "--delete")
    assert ended.value.code == (
        f"error: {records}: it is damaged, or no run's, so it is not known what to keep. Run the command of its folder "
        "again, which writes it anew, or name folders without it."
    )
    assert names(store) == ["baseline", "gold", "other", "unfinished"]


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
