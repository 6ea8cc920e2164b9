"""The flow: what is in a key and what is not, what is shared, what is left out of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from augsbert.cli import CONF
from augsbert.pipeline import Flow
from augsbert.store import Store


@pytest.fixture
def flow(tiny_run: list[str], tmp_path: Path) -> Callable[..., Flow]:
    def make(*overrides: str) -> Flow:
        settings = [o for o in tiny_run if not o.startswith("hydra.")]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return Flow(compose("config", overrides=[*settings, *overrides]), Store(tmp_path / "store"))

    return make


def _keys(flow: Flow) -> dict[str, str]:
    return {stage.name: stage.key for last in flow.evaluations.values() for stage in last.upstream}


def test_the_pool_knows_no_labels(flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    table = pd.read_csv(tiny_table / "train.csv")
    table.assign(score=1 - table["score"]).to_csv(other, index=False)
    here, there = _keys(flow()), _keys(flow(f"dataset.train={other}"))
    assert here["dataset"] != there["dataset"]
    assert here["pool"] == there["pool"]
    assert here["candidates"] == there["candidates"]
    assert here["cross_encoder"] != there["cross_encoder"]


@pytest.mark.parametrize("where", ["trainer.devices=2", "logger=csv", "compare.upper_bound=true"])
def test_where_a_stage_runs_and_what_it_is_compared_with_do_not_count(flow: Callable[..., Flow], where: str) -> None:
    here, there = _keys(flow()), _keys(flow(where))
    assert {name: there[name] for name in here} == here


def test_another_sampler_shares_the_labeller_and_the_baseline(flow: Callable[..., Flow]) -> None:
    bm25, random = _keys(flow()), _keys(flow("sampler=random", "sampler.num_pairs=50"))
    assert {name for name in bm25 if bm25[name] == random[name]} == {
        "dataset",
        "pool",
        "cross_encoder",
        "baseline",
        "evaluation/cross_encoder",
        "evaluation/baseline",
        "evaluation/untrained",
    }


def test_the_content_of_the_weights_counts_and_their_folder_does_not(
    flow: Callable[..., Flow], tiny_model: Path, tmp_path: Path
) -> None:
    import shutil

    moved = shutil.copytree(tiny_model, tmp_path / "moved")
    assert _keys(flow(f"model={moved}")) == _keys(flow())
    config = moved / "config.json"
    config.write_text(config.read_text().replace('"hidden_dropout_prob": 0.1', '"hidden_dropout_prob": 0.2'))
    assert _keys(flow(f"model={moved}"))["baseline"] != _keys(flow())["baseline"]


def test_without_candidates_no_cross_encoder_is_trained(flow: Callable[..., Flow]) -> None:
    alone = flow("scenario=baseline")
    assert set(alone.evaluations) == {"baseline", "untrained"}
    assert "cross_encoder" not in _keys(alone)


def test_a_labeller_with_fit_null_is_taken_as_it_is(flow: Callable[..., Flow]) -> None:
    given = flow("cross_encoder.fit=null")
    assert "cross_encoder" not in _keys(given)
    assert "cross_encoder" in given.evaluations


def test_the_source_is_a_second_dataset_and_the_target_without_one(flow: Callable[..., Flow], tiny_table: Path) -> None:
    paths = [f"source.{split}={tiny_table / split}.csv" for split in ("train", "dev", "test")]
    other = flow("dataset@source=table", *paths, "source.task=regression")
    assert other.source is not other.target
    assert flow().source.key == other.source.key
    same = flow()
    assert same.source is same.target


def test_a_sampler_may_embed_with_the_baseline(flow: Callable[..., Flow]) -> None:
    semantic = flow("sampler=semantic", "sampler.top_k=2", "sampler.encoder=stage:baseline")
    assert semantic.candidates is not None
    assert semantic.candidates.inputs["encoder"].key == _keys(semantic)["baseline"]
