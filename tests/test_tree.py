"""The workers of several devices are started once: what they keep through, and what they do not."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from augsbert import launch
from augsbert.errors import UserError
from augsbert.hardware import Hardware
from augsbert.job import Job
from augsbert.pairs import SENTENCES
from augsbert.tree import Tree

pytestmark = pytest.mark.slow
TWO = {"_target_": "augsbert.hardware.Hardware", "devices": 2}


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a tree leaves what it needs for a while."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield folder


@pytest.fixture(scope="module")
def fresh(temporary: Path) -> Iterator[ModuleType]:
    """The module without a tree of earlier tests; the one that it keeps is this module's, and ends with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "_kept", None)
        yield launch
        if launch._kept is not None:
            launch._kept.tree.end()


@pytest.fixture
def score(tiny_model: Path, tiny_table: Path, tmp_path: Path, fresh: ModuleType) -> Callable[..., Tree]:
    """Embeds some pairs on two devices, and gives the tree that did it: the last one, where that is still there."""
    pairs = pd.read_csv(tiny_table / "dev.csv")[SENTENCES]

    def run(**settings: object) -> Tree:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        encoder = {"_target_": "augsbert.encoders.bi.BiEncoder", "encoder": str(tiny_model), **settings}
        fresh.run(Job("score", "score", encoder, TWO, str(folder)), pairs=pairs)
        return fresh._kept.tree

    return run


def test_jobs_share_one_tree_which_outlives_a_users_mistake(score: Callable[..., Tree]) -> None:
    first = score()
    with pytest.raises(UserError, match="num_layers=0"):
        score(num_layers=0)
    assert score() is first


def test_a_fork_leaves_its_parents_tree_alone(score: Callable[..., Tree]) -> None:
    tree = score()
    child = os.fork()
    if child == 0:
        tree.end()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert tree.is_there
    assert score() is tree


def test_a_tree_of_which_a_worker_was_killed_is_followed_by_another(score: Callable[..., Tree]) -> None:
    first = score()
    worker = _workers(first)[-1]
    os.kill(worker, signal.SIGKILL)
    first.agent.wait(timeout=60)
    second = score()
    assert second is not first
    assert len(_workers(second)) == 2


def test_the_end_of_a_tree_leaves_no_process_and_no_folder(score: Callable[..., Tree], temporary: Path) -> None:
    tree = score()
    workers = _workers(tree)
    assert len(workers) == 2
    assert list(temporary.iterdir())
    tree.end()
    assert not tree.is_there
    for worker in workers:
        _wait_for_end(worker)
    assert not list(temporary.iterdir())


class Counted:
    """Stands for a tree."""

    def __init__(self, devices: int, environment: dict[str, str]) -> None:
        self.is_there = True

    def do(self, job: object) -> None: ...

    def end(self) -> None:
        self.is_there = False


def test_another_environment_folder_or_number_of_devices_gets_another_tree(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(launch, "Tree", Counted)
    monkeypatch.setattr(launch, "_kept", None)

    def tree(devices: int = 2) -> Counted:
        launch._run_tree(None, Hardware(devices=devices))  # type: ignore[arg-type]
        return launch._kept.tree  # type: ignore[union-attr,return-value]

    trees = [tree()]
    monkeypatch.setenv("WANDB_RUN_ID", "another run's")
    assert tree() is trees[0]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    trees.append(tree())
    monkeypatch.chdir(tmp_path)
    trees += [tree(), tree(3)]
    assert len({id(each) for each in trees}) == 4
    assert [each.is_there for each in trees] == [False, False, False, True]


def _workers(tree: Tree) -> list[int]:
    children = Path(f"/proc/{tree.agent.pid}/task/{tree.agent.pid}/children")
    found = [int(child) for child in children.read_text().split()]
    return [child for child in found if b"RANK=" in Path(f"/proc/{child}/environ").read_bytes()]


def _wait_for_end(process: int) -> None:
    for _ in range(500):
        if not Path(f"/proc/{process}").exists() or ") Z " in Path(f"/proc/{process}/stat").read_text():
            return
        signal.sigtimedwait([], 0.01)
    raise AssertionError(f"{process} is still there")
