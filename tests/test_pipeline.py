"""The flow: what is in a key and what is not, what is shared, what is left out of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from sentence_transformers import CrossEncoder

from augsbert import nodes, stages
from augsbert.cli import CONF
from augsbert.errors import UserError
from augsbert.pairs import SENTENCES, Pool, hold_out, mix, unordered_keys
from augsbert.pipeline import Flow
from augsbert.results import _records, leave
from augsbert.silver import table_of
from augsbert.store import Store, plan
from tests.tiny import write_masked_model, write_table
from tests.tiny_wordnet import write_wordnet


@pytest.fixture
def flow(tiny_run: list[str], tmp_path: Path) -> Callable[..., Flow]:
    def make(*overrides: str) -> Flow:
        mean = "cross_encoder=mean" in overrides
        settings = [o for o in tiny_run if not o.startswith("hydra.") and not (mean and "cross_encoder.fit" in o)]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("config", overrides=[*settings, *overrides])
        return Flow(cfg, Store(Path(cfg.store.dir)))

    return make


def _keys(flow: Flow) -> dict[str, str]:
    return {stage.name: stage.key for last in flow.evaluations.values() for stage in last.upstream}


def _predicted(flow: Flow, pairs: pd.DataFrame) -> np.ndarray:
    """What sentence-transformers predicts with the flow's fitted labeller (n,)."""
    (labeller,) = flow.labeller.values()
    model = CrossEncoder(str(labeller.inputs["encoder"].folder / "model"), device="cpu")
    return model.predict(list(pairs[SENTENCES].itertuples(index=False, name=None)))


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


FITTED = {"bi_encoder", "evaluation/bi_encoder"}
EVALUATED = {f"evaluation/{name}" for name in ("bi_encoder", "baseline", "cross_encoder", "untrained")}


def test_what_a_fit_learns_from_and_what_decides_the_held_out_part_count(
    flow: Callable[..., Flow], other_domain: Path
) -> None:
    # All that the seed decides beside what is held out has a seed of its own here, or nothing to draw.
    fits = [f"{node}.fit.seed=0" for node in ("cross_encoder", "bi_encoder", "baseline")]
    here = _adapted(flow, other_domain, "gold_size=null", *fits, sampler=("sampler=given", "sampler.seed=0"))
    expected = {"train_on": FITTED, "holdout": {*FITTED, *EVALUATED}, "seed": {*FITTED, *EVALUATED}}
    for name, value in (("train_on", "gold_and_silver"), ("holdout", 0.2), ("seed", 1)):
        there = here.cfg.copy()
        there[name] = value
        assert _changed(here, Flow(there, here.store)) == expected[name], name


def _changed(here: Flow, there: Flow) -> set[str]:
    before, after = _keys(here), _keys(there)
    return {name for name in before if before[name] != after[name]}


PARTS = {
    "encoders.bi.BiEncoder": {"bi_encoder", "baseline", *EVALUATED} - {"evaluation/cross_encoder"},
    "encoders.losses.CoSENTLoss": {"baseline", "evaluation/baseline"},
    "encoders.cross.CrossEncoder": {"cross_encoder", "labels", "silver", "evaluation/cross_encoder", *FITTED},
    "samplers.bm25.BM25": {"candidates", "labels", "silver", *FITTED},
    "selectors.all.All": {"silver", *FITTED},
}


def test_a_raised_version_of_a_part_counts_where_the_part_is_used(
    flow: Callable[..., Flow], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = flow()
    _ = _keys(here)
    for part, used in PARTS.items():
        with monkeypatch.context() as raised:
            raised.setattr(f"augsbert.{part}.VERSION", 99)
            assert _changed(here, Flow(here.cfg, here.store)) == used, part


def test_a_raised_version_of_a_kind_of_stage_counts_for_all_of_that_kind_and_what_is_made_of_them(
    flow: Callable[..., Flow], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = flow("augmenter=character")
    made = {stage.name: stage for last in here.evaluations.values() for stage in last.upstream}
    behind = {name: {earlier.kind for earlier in stage.upstream} for name, stage in made.items()}
    _ = _keys(here)
    assert {stage.kind for stage in made.values()} == set(nodes.VERSIONS)
    for kind in nodes.VERSIONS:
        with monkeypatch.context() as raised:
            raised.setitem(nodes.VERSIONS, kind, 99)
            changed = _changed(here, Flow(here.cfg, here.store))
        assert changed == {name for name in made if kind in behind[name]}, kind


def test_the_content_of_the_weights_counts_and_their_folder_does_not(
    flow: Callable[..., Flow], tiny_model: Path, tmp_path: Path
) -> None:
    import shutil

    moved = shutil.copytree(tiny_model, tmp_path / "moved")
    assert _keys(flow(f"model={moved}")) == _keys(flow())
    config = moved / "config.json"
    config.write_text(config.read_text().replace('"hidden_dropout_prob": 0.1', '"hidden_dropout_prob": 0.2'))
    assert _keys(flow(f"model={moved}"))["baseline"] != _keys(flow())["baseline"]


def test_a_plan_without_the_data_set_leaves_open_whether_gold_can_teach_a_loss(tmp_path: Path) -> None:
    unfetched = ["dataset=stsb", f"dataset.download_dir={tmp_path}", "bi_encoder/loss@baseline.loss=margin_mse"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        planned = Flow(compose("config", overrides=unfetched), Store(tmp_path / "store"), fetch=False)
    assert {line.state for line in plan(planned.evaluations.values())} == {"unknown"}


def test_without_candidates_no_cross_encoder_is_trained(flow: Callable[..., Flow]) -> None:
    alone = flow("scenario=baseline")
    assert set(alone.evaluations) == {"baseline", "untrained"}
    assert "cross_encoder" not in _keys(alone)


def test_a_labeller_with_fit_null_is_taken_as_it_is(flow: Callable[..., Flow]) -> None:
    given = flow("cross_encoder.fit=null")
    assert "cross_encoder" not in _keys(given)
    assert "cross_encoder" in given.evaluations


def test_a_baselines_loss_that_gold_cannot_teach_is_refused_before_anything_is_made(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path
) -> None:
    train = tmp_path / "train.csv"
    pd.read_csv(tiny_table / "train.csv").drop_duplicates("sentence1").to_csv(train, index=False)
    lone = flow(f"dataset.train={train}", "gold_size=null", "bi_encoder/loss@baseline.loss=margin_mse")
    with pytest.raises(UserError, match="MarginMSELoss compares candidates of one sentence1"):
        _ = lone.evaluations
    assert {path.name for path in (tmp_path / "store").iterdir()} <= {"dataset", ".locks"}


def test_a_baseline_without_positives_to_rank_is_refused_before_anything_is_made(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path
) -> None:
    train = tmp_path / "train.csv"
    table = pd.read_csv(tiny_table / "train.csv")
    table.assign(score=table["score"] / 2).to_csv(train, index=False)
    ranking = ["bi_encoder/loss@baseline.loss=multiple_negatives_ranking", "baseline.loss.positive_from=0.9"]
    with pytest.raises(UserError, match=r"^baseline\.loss\.positive_from=0\.9: .* 0 of 60 have it"):
        _ = flow(f"dataset.train={train}", *ranking).evaluations
    assert {path.name for path in (tmp_path / "store").iterdir()} <= {"dataset", ".locks"}


def test_without_silver_or_a_baseline_no_encoder_is_fitted_or_left(flow: Callable[..., Flow], tmp_path: Path) -> None:
    untrained = flow("scenario=baseline", "compare.baseline=false")
    leave(untrained, tmp_path)
    assert not (tmp_path / "bi_encoder").exists()
    assert not (tmp_path / "store" / "bi_encoder").exists()


def test_collapsed_silver_is_warned_about_in_every_round_and_its_histogram_kept(
    flow: Callable[..., Flow], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_value(folder: Path, labellers: Any, candidates: pd.DataFrame) -> None:
        candidates.assign(score=0.6).to_parquet(folder / "pairs.parquet")

    monkeypatch.setattr(stages, "label", one_value)
    leave(flow("rounds=2", "sampler=semantic", "sampler.top_k=2"), tmp_path)
    collapsed = [message.partition(":")[0] for message in caplog.messages if "collapsed" in message]
    assert collapsed == ["round 1", "silver has collapsed"]
    histogram = pd.read_json(tmp_path / "histogram.json")
    assert histogram["silver"].max() == histogram["silver"].sum() == len(pd.read_parquet(tmp_path / "silver.parquet"))


def test_a_labeller_taken_as_it_is_labels_as_in_sentence_transformers(
    flow: Callable[..., Flow], tmp_path: Path
) -> None:
    fitted = flow()
    model = fitted.labeller["cross_encoder"].inputs["encoder"].folder / "model"
    given = flow(f"cross_encoder.encoder={model}", "cross_encoder.fit=null")
    assert given.labels is not None
    labels = table_of(given.labels)
    np.testing.assert_allclose(labels["score"], _predicted(fitted, labels), atol=1e-5)
    assert "cross_encoder" not in _keys(given)


def test_labels_of_a_labeller_that_learnt_from_other_gold_are_not_taken_over(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path
) -> None:
    train = pd.read_csv(tiny_table / "train.csv")[:30]
    train.assign(sentence2=train["sentence2"].to_numpy()[::-1]).to_csv(tmp_path / "pool.csv", index=False)
    pool = ("sampler=given", f"pool={tmp_path / 'pool.csv'}")
    first, second = (flow(*pool, f"gold_size={size}") for size in (60, 40))
    assert first.labels is not None
    assert second.labels is not None
    before, labels = table_of(first.labels), table_of(second.labels)
    pd.testing.assert_frame_equal(before[SENTENCES], labels[SENTENCES])
    assert (before["score"] - labels["score"]).abs().max() > 1e-3
    np.testing.assert_allclose(labels["score"], _predicted(second, labels), atol=1e-5)


def test_the_source_is_a_second_dataset_and_the_target_without_one(flow: Callable[..., Flow], tiny_table: Path) -> None:
    paths = [f"source.{split}={tiny_table / split}.csv" for split in ("train", "dev", "test")]
    other = flow("dataset@source=table", *paths, "source.task=regression")
    assert other.source is not other.target
    assert flow().source.key == other.source.key
    same = flow()
    assert same.source is same.target


SOME = ("sampler=random", "sampler.num_pairs=60")
#: After its one epoch the labeller's scores differ so little that bf16 rounds them to one or two values.
TELLS_APART = ("cross_encoder.fit.learning_rate=5e-3", "cross_encoder.fit.precision=32-true")


def _adapted(flow: Callable[..., Flow], source: Path, *overrides: str, sampler: tuple[str, ...] = SOME) -> Flow:
    paths = [f"source.{split}={source / split}.csv" for split in ("train", "dev", "test")]
    return flow("scenario=domain_adaptation", "dataset@source=table", *paths, *sampler, *overrides)


def test_domain_adaptation_fits_the_bi_encoder_on_the_targets_pairs_alone(
    flow: Callable[..., Flow], other_domain: Path
) -> None:
    adapted = _adapted(flow, other_domain, sampler=())
    assert adapted.silver is not None
    learnt, target = adapted.of_silver(adapted.silver).train(), adapted.splits(adapted.target).train
    assert set(unordered_keys(learnt)) < set(unordered_keys(target))
    assert not set(unordered_keys(learnt)) & set(unordered_keys(adapted.gold))


def test_a_fully_annotated_data_set_is_augmented_and_no_cross_encoder_trained(flow: Callable[..., Flow]) -> None:
    annotated = flow("scenario=fully_annotated", "augmenter=character")
    assert set(_keys(annotated)) == {
        *("dataset", "augmented", "silver", "bi_encoder", "baseline"),
        *("evaluation/bi_encoder", "evaluation/baseline", "evaluation/untrained"),
    }


@pytest.mark.parametrize(
    ("task", "sampler"),
    [
        ("regression", SOME),
        ("regression", ("sampler=given",)),
        ("binary", ("sampler=given",)),
        ("binary", ("sampler=given", "selector=binarise", "selector.method=quantile")),
    ],
)
def test_the_targets_labels_never_reach_the_bi_encoder(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path, task: str, sampler: tuple[str, ...]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write_table(source, train=60, seed=1)
    if task == "binary":
        for split in ("train", "dev", "test"):
            _binary(source / f"{split}.csv", source / f"{split}.csv")
    left, keys = [], []
    for name, seed in (("here", None), ("there", 0)):
        (tmp_path / name).mkdir()
        paths = [f"dataset.{split}={tmp_path / name / split}.csv" for split in ("train", "dev", "test")]
        for split in ("train", "dev", "test"):
            _permuted(tiny_table / f"{split}.csv", tmp_path / name / f"{split}.csv", None if split == "test" else seed)
            if task == "binary":
                _binary(tmp_path / name / f"{split}.csv", tmp_path / name / f"{split}.csv")
        tasks = [f"dataset.task={task}", f"source.task={task}"]
        adapted = _adapted(flow, source, *paths, *tasks, f"store.dir={tmp_path / name / 'store'}", sampler=sampler)
        assert adapted.bi_encoder is not None
        folder = adapted.bi_encoder.inputs["encoder"].folder
        # The curve has the score of dev: one epoch is always the best, whatever dev is.
        left.append([(folder / file).read_bytes() for file in ("curve.json", "model/model.safetensors")])
        keys.append(_keys(adapted))
        fitted = adapted.bi_encoder.inputs["encoder"].record
        assert fitted is not None
        assert not fitted.found
    assert keys[0]["dataset"] != keys[1]["dataset"]
    assert keys[0]["bi_encoder"] == keys[1]["bi_encoder"]
    assert left[0] == left[1]


def _permuted(path: Path, target: Path, seed: int | None) -> None:
    """The table with its scores permuted among its pairs; with None as it is."""
    table = pd.read_csv(path)
    if seed is not None:
        scores = np.random.default_rng(seed).permutation(table["score"])
        assert (scores != table["score"]).any()
        table["score"] = scores
    table.to_csv(target, index=False)


def _binary(path: Path, target: Path) -> None:
    """The table with its upper half of scores as 1."""
    table = pd.read_csv(path)
    table.assign(score=(table["score"] > table["score"].median()).astype(int)).to_csv(target, index=False)


def test_a_target_needs_no_labels_but_those_of_test(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write_table(source, train=60, seed=1)
    bare = [f"dataset.{split}={tmp_path / split}.csv" for split in ("train", "dev")]
    for split in ("train", "dev"):
        pd.read_csv(tiny_table / f"{split}.csv")[SENTENCES].to_csv(tmp_path / f"{split}.csv", index=False)
    unlabelled = _adapted(flow, source, *bare, "dataset.unlabelled=[train,dev]")
    assert _keys(unlabelled)["bi_encoder"] == _keys(_adapted(flow, source))["bi_encoder"]
    with pytest.raises(UserError, match=r"^compare\.upper_bound=true: .* have no scores \(dataset.unlabelled\)"):
        _ = _adapted(flow, source, *bare, "dataset.unlabelled=[train,dev]", "compare.upper_bound=true").evaluations
    with pytest.raises(UserError, match=r"its pairs have no scores \(dataset.unlabelled\)"):
        _ = flow(*bare, "dataset.unlabelled=[train,dev]").gold


@pytest.fixture
def other_domain(tmp_path: Path) -> Path:
    """A folder with a source's train.csv (60 pairs), dev.csv and test.csv."""
    (tmp_path / "source").mkdir()
    write_table(tmp_path / "source", train=60, seed=1)
    return tmp_path / "source"


@pytest.mark.parametrize("split", ["dev", "test"])
def test_pairs_of_the_targets_dev_and_test_are_not_learnt_from_in_the_source(
    flow: Callable[..., Flow], tiny_table: Path, other_domain: Path, split: str
) -> None:
    clean = _adapted(flow, other_domain)
    leaks = pd.read_csv(tiny_table / f"{split}.csv")[:7].rename(
        columns={"sentence1": "sentence2", "sentence2": "sentence1"}
    )
    train = other_domain / "train.csv"
    pd.concat([leaks, pd.read_csv(train)]).to_csv(train, index=False)
    leaky = _adapted(flow, other_domain)
    assert len(leaky.splits(leaky.source).train) == 67
    pd.testing.assert_frame_equal(leaky.gold.sort_index(axis=1), clean.gold.sort_index(axis=1))


def test_pairs_of_the_targets_test_set_choose_no_model_in_the_source(
    flow: Callable[..., Flow], tiny_table: Path, other_domain: Path
) -> None:
    dev = other_domain / "dev.csv"
    own = pd.read_csv(dev)
    pd.concat([pd.read_csv(tiny_table / "test.csv")[:7], own]).to_csv(dev, index=False)
    leaky = _adapted(flow, other_domain)
    assert len(leaky.splits(leaky.source).dev) == 47
    chosen_on, task = leaky.of_gold(leaky.source).dev()
    pd.testing.assert_frame_equal(chosen_on[own.columns], own)
    assert task == "regression"


def test_dev_test_and_gold_never_become_candidates_or_silver(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {split: pd.read_csv(tiny_table / f"{split}.csv") for split in ("train", "dev", "test")}
    known = pd.concat([table[:9] for table in tables.values()], ignore_index=True)
    turned = known.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})[SENTENCES]
    fresh = pd.DataFrame({"sentence1": ["the red cat", "a small dog"], "sentence2": ["a big cat", "the old dog"]})
    pd.concat([turned, fresh]).to_csv(tmp_path / "pool.csv", index=False)

    def heedless(self: Any, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        return pool.pairs.assign(origin="mine")

    monkeypatch.setattr("augsbert.samplers.given.Given.__call__", heedless)
    found = flow("sampler=given", f"pool={tmp_path / 'pool.csv'}", "gold_size=null", "augmenter=character")
    assert found.candidates is not None
    assert found.augmented is not None
    assert found.silver is not None
    candidates, augmented, silver = (
        pd.read_parquet(stage.folder / "pairs.parquet") for stage in (found.candidates, found.augmented, found.silver)
    )
    assert candidates[SENTENCES].to_numpy().tolist() == fresh.to_numpy().tolist()
    forbidden = set(unordered_keys(pd.concat(tables.values())))
    assert len(augmented) > 100
    assert len(silver) == len(augmented) + 2
    assert not set(unordered_keys(pd.concat([augmented, silver]))) & forbidden


def test_the_bi_encoder_learns_from_silver_and_from_gold_where_the_config_says_so(
    flow: Callable[..., Flow], tiny_table: Path
) -> None:
    both, alone = flow(), flow("train_on=silver")
    assert both.silver is not None
    assert alone.silver is not None
    silver = pd.read_parquet(both.silver.folder / "pairs.parquet")
    learnt = both.of_silver(both.silver).train()
    assert len(learnt) == len(both.gold) + len(silver)
    assert set(unordered_keys(learnt)) == set(unordered_keys(both.gold)) | set(unordered_keys(silver))
    pd.testing.assert_frame_equal(alone.of_silver(alone.silver).train(), silver)
    every = both.of_gold(both.target, whole=True).train()
    assert set(unordered_keys(every)) == set(unordered_keys(pd.read_csv(tiny_table / "train.csv")))
    assert len(both.gold) == 60


@pytest.mark.parametrize("selector", ["kde", "balance"])
def test_the_seed_of_a_selector_decides_silver_and_no_labels(flow: Callable[..., Flow], selector: str) -> None:
    first, second = (_keys(flow(f"selector={selector}", f"selector.seed={seed}")) for seed in (1, 2))
    assert {name for name in first if first[name] != second[name]} == {
        "silver",
        "bi_encoder",
        "evaluation/bi_encoder",
    }


def test_what_an_augmenter_refuses_is_said_before_anything_is_labelled(
    flow: Callable[..., Flow], tiny_model: Path
) -> None:
    both = flow("augmenter=contextual_substitute", f"augmenter.encoder={tiny_model}")
    assert both.silver is not None
    with pytest.raises(UserError, match="no head that predicts masked words"):
        _ = both.silver.folder
    assert not (both.store.dir / "cross_encoder").exists()


def test_a_pair_from_the_sampler_and_the_augmenter_has_one_score(
    flow: Callable[..., Flow], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = flow("augmenter=character")
    assert both.silver is not None
    assert both.labels is not None
    assert both.augmented is not None
    table = pd.DataFrame({"sentence1": ["a", "c"], "sentence2": ["b", "d"], "score": 0.25, "origin": "sampler"})
    twice = pd.DataFrame({"sentence1": ["b", "e"], "sentence2": ["a", "f"], "score": 0.75, "origin": "augmenter"})
    for stage, made in ((both.labels, table), (both.augmented, twice)):
        monkeypatch.setattr(stage, "make", lambda folder, made=made: made.to_parquet(folder / "pairs.parquet"))
    monkeypatch.setattr(both.labels, "inputs", {})
    silver = pd.read_parquet(both.silver.folder / "pairs.parquet")
    assert silver[["sentence1", "score"]].to_numpy().tolist() == [["a", 0.25], ["c", 0.25], ["e", 0.75]]


def test_the_scores_of_dev_that_a_selector_reads_are_a_stage_of_the_run(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path
) -> None:
    plain, reading = flow("selector=binarise"), flow("selector=binarise", "selector.method=source_dev")
    assert "evaluation/labeller" in _keys(reading)
    assert "evaluation/labeller" not in _keys(plain)


def test_a_selector_reads_the_labellers_score_of_each_dev_pair_of_the_source(
    flow: Callable[..., Flow], tiny_table: Path, other_domain: Path
) -> None:
    dev = other_domain / "dev.csv"
    pd.concat([pd.read_csv(tiny_table / "test.csv")[:7], pd.read_csv(dev)[:20]]).to_csv(dev, index=False)
    adapted = _adapted(flow, other_domain, "selector=binarise", "selector.method=source_dev")
    read = adapted._dev_as_labelled()
    assert len(read) == 20
    np.testing.assert_allclose(read["prediction"], _predicted(adapted, read), atol=1e-5)


def test_with_a_source_dev_is_held_out_silver_for_every_encoder(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write_table(source, train=60, seed=1)
    adapted = _adapted(flow, source)
    splits, silver = adapted.evaluation_data.splits(), adapted.silver
    assert silver is not None
    train, dev = hold_out(table_of(silver), 0.1, seed=0)
    assert (len(train), len(dev)) == (54, 6)
    pd.testing.assert_frame_equal(splits.dev, dev)
    pd.testing.assert_frame_equal(splits.test, adapted.splits(adapted.target).test)
    for stage in adapted.evaluations.values():
        assert "silver" in stage.inputs
    learnt = adapted.of_silver(silver)
    pd.testing.assert_frame_equal(learnt.train(), train)
    pd.testing.assert_frame_equal(learnt.dev()[0], dev)
    assert learnt.dev()[1] == "regression"
    beside_gold = _adapted(flow, source, "train_on=gold_and_silver").of_silver(silver).train()
    pd.testing.assert_frame_equal(beside_gold, mix(adapted.gold, train))


@pytest.mark.parametrize("source_task", ["regression", "binary"])
def test_a_source_and_a_target_may_pose_different_tasks(
    flow: Callable[..., Flow], tiny_table: Path, tmp_path: Path, source_task: str
) -> None:
    folders = {"source": tmp_path / "source", "dataset": tiny_table}
    folders["source"].mkdir()
    write_table(folders["source"], seed=1)
    binary = "source" if source_task == "binary" else "dataset"
    labels = tmp_path / "labels"
    labels.mkdir()
    for split in ("train", "dev", "test"):
        table = pd.read_csv(folders[binary] / f"{split}.csv")
        table.assign(score=(table["score"] >= 0.5).astype(int)).to_csv(labels / f"{split}.csv", index=False)
    folders[binary] = labels
    adapted = flow(
        *("dataset@source=table", "sampler=given", "train_on=silver"),
        *(
            f"{place}.{split}={path / split}.csv"
            for place, path in folders.items()
            for split in ("train", "dev", "test")
        ),
        f"{binary}.task=binary",
        *(("selector=binarise", "selector.method=quantile") if source_task == "regression" else ()),
        "holdout=0.3",
        *TELLS_APART,
    )
    names = json.loads((adapted.evaluations["bi_encoder"].folder / "metrics.json").read_text())
    assert ("test/spearman" in names) == (source_task == "binary")
    assert ("test/average_precision" in names) == (source_task == "regression")
    assert np.isfinite(list(names.values())).all()


def test_a_source_without_silver_is_refused(flow: Callable[..., Flow], tiny_table: Path) -> None:
    paths = [f"source.{split}={tiny_table / split}.csv" for split in ("train", "dev", "test")]
    with pytest.raises(UserError, match="models are chosen on held-out silver"):
        _ = flow("dataset@source=table", *paths, "scenario=baseline").evaluations


def test_a_member_of_a_mean_may_start_from_a_fit_of_the_run(flow: Callable[..., Flow]) -> None:
    mean = flow("cross_encoder=mean", "cross_encoder.first.encoder=stage:baseline")
    started = {name: member.inputs["encoder"].inputs for name, member in mean.labeller.items()}
    assert started["cross_encoder/first"]["encoder"].key == _keys(mean)["baseline"]
    assert "encoder" not in started["cross_encoder/second"]


def test_a_mean_of_cross_encoders_is_fitted_member_by_member(flow: Callable[..., Flow]) -> None:
    mean = flow("cross_encoder=mean", *(f"cross_encoder.{name}.fit.epochs=1" for name in ("first", "second")))
    alone = _keys(flow())
    assert _keys(mean)["cross_encoder/first"] == alone["cross_encoder"]
    assert mean.labels is not None
    labels = pd.read_parquet(mean.labels.folder / "pairs.parquet")["score"]
    members = [
        pd.read_parquet(f.labels.folder / "pairs.parquet")["score"]
        for f in (flow(), flow("cross_encoder.fit.seed=1000"))
        if f.labels is not None
    ]
    assert (members[0] - members[1]).abs().max() > 1e-3
    np.testing.assert_allclose(labels, (members[0].astype(float) + members[1]) / 2, rtol=0, atol=1e-12)


def test_what_two_rounds_share_counts_as_made_once(flow: Callable[..., Flow]) -> None:
    twice = flow("sampler=semantic", "sampler.top_k=2", "sampler.encoder=stage:baseline", "rounds=2")
    for evaluation in twice.evaluations.values():
        _ = evaluation.folder
    names = [record["name"] for record in _records(twice)]
    assert len(names) == len(set(names))
    assert not any(record["found"] for record in _records(twice))


def test_roles_that_share_a_stage_are_both_on_record(flow: Callable[..., Flow]) -> None:
    same = flow("gold_size=null", "compare.upper_bound=true", "scenario=baseline")
    for evaluation in same.evaluations.values():
        _ = evaluation.folder
    records = {record["name"]: record for record in _records(same)}
    assert records["baseline"]["key"] == records["upper_bound"]["key"]
    assert records.keys() >= {"evaluation/baseline", "evaluation/upper_bound", "evaluation/untrained"}
    assert not records["baseline"]["found"]


def test_a_second_round_searches_with_the_first_rounds_bi_encoder(flow: Callable[..., Flow]) -> None:
    twice = flow("sampler=semantic", "sampler.top_k=2", "rounds=2")
    once = _keys(flow("sampler=semantic", "sampler.top_k=2"))
    keys = _keys(twice)
    assert keys["bi_encoder/round-1"] == once["bi_encoder"]
    assert twice.candidates is not None
    assert twice.candidates.inputs["encoder"].key == once["bi_encoder"]
    tables = {
        name: pd.read_parquet(stage.folder / "pairs.parquet")
        for name, stage in twice.candidates.inputs.items()
        if name == "before"
    }
    second = pd.read_parquet(twice.candidates.folder / "pairs.parquet")
    pd.testing.assert_frame_equal(second[: len(tables["before"])], tables["before"])
    assert not unordered_keys(second).duplicated().any()


def test_relabelled_gold_has_the_labellers_scores(flow: Callable[..., Flow]) -> None:
    relabelled = flow("relabel_gold=true")
    assert relabelled.silver is not None
    train = relabelled.of_silver(relabelled.silver).train()
    gold = train[train["origin"] == "gold"].reset_index(drop=True)
    pd.testing.assert_frame_equal(gold[SENTENCES], relabelled.gold[SENTENCES])
    np.testing.assert_allclose(gold["score"], _predicted(relabelled, gold), atol=1e-5)
    assert _keys(relabelled)["bi_encoder"] != _keys(flow())["bi_encoder"]


def test_the_order_of_chained_selectors_counts(flow: Callable[..., Flow]) -> None:
    chain = ["selector=chain", "~selector@selector.kde", "~selector@selector.binarise"]
    orders = (["top", "balance"], ["balance", "top"])
    keys = [_keys(flow(*chain, *(f"+selector@selector.{name}={name}" for name in order)))["silver"] for order in orders]
    assert keys[0] != keys[1]


#: A labeller whose scores spread, as those of gold do.
LEARNT = (*TELLS_APART, "cross_encoder.fit.epochs=6")


def test_a_chain_selects_from_what_a_union_of_samplers_found(flow: Callable[..., Flow]) -> None:
    chained = flow("sampler=bm25_semantic", "selector=chain", "selector.binarise.method=quantile", *LEARNT)
    assert chained.labels is not None
    assert chained.silver is not None
    labels, silver = table_of(chained.labels), table_of(chained.silver)
    assert set(labels["origin"]) == {"bm25", "semantic"}
    assert 0 < len(silver) < len(labels)  # by density,
    assert set(silver["score"]) == {0.0, 1.0}  # and then binarised
    assert silver["score"].mean() == pytest.approx(0.5, abs=0.1)
    assert set(unordered_keys(silver)) < set(unordered_keys(labels))


def test_random_pairs_are_thinned_out_towards_golds_scores_and_keep_their_labels(flow: Callable[..., Flow]) -> None:
    thinned = flow("sampler=random", "sampler.num_pairs=400", "selector=kde", *LEARNT)
    assert thinned.labels is not None
    assert thinned.silver is not None
    labels, silver = table_of(thinned.labels), table_of(thinned.silver)
    assert 0 < len(silver) < len(labels) == 400
    gold, before, after = (table["score"].mean() for table in (thinned.gold, labels, silver))
    assert abs(after - gold) < abs(before - gold)
    pd.testing.assert_frame_equal(silver, silver.merge(labels))


@pytest.mark.parametrize(
    ("augmenter", "setting", "write"),
    [("contextual_substitute", "encoder", write_masked_model), ("synonym_wordnet", "path", write_wordnet)],
)
def test_golds_words_are_replaced_and_its_scores_kept(
    flow: Callable[..., Flow], tmp_path: Path, augmenter: str, setting: str, write: Callable[[Path], None]
) -> None:
    (tmp_path / "words").mkdir()
    write(tmp_path / "words")
    where = f"augmenter.{setting}={tmp_path / 'words'}"
    annotated = flow("scenario=fully_annotated", f"augmenter={augmenter}", where)
    assert annotated.silver is not None
    silver, gold = table_of(annotated.silver), annotated.gold
    assert set(silver["origin"]) == {augmenter}
    assert len(silver) > 0.7 * len(gold)
    assert not set(unordered_keys(silver)) & set(unordered_keys(gold))
    kept = pd.concat([silver.merge(gold, on=side, suffixes=("", "_gold")) for side in SENTENCES])
    assert len(kept) == len(silver)  # the side that was not rewritten
    assert (kept["score"] == kept["score_gold"]).all()


def test_a_union_embeds_with_the_encoder_of_its_member(flow: Callable[..., Flow]) -> None:
    union = flow("sampler=bm25_semantic", "sampler.semantic.encoder=stage:baseline")
    assert union.candidates is not None
    assert union.candidates.inputs["semantic.encoder"].key == _keys(union)["baseline"]
    other = flow("sampler=bm25_semantic", "sampler.semantic.top_k=7")
    assert _keys(other)["candidates"] != _keys(flow("sampler=bm25_semantic"))["candidates"]


def test_a_sampler_may_embed_with_the_baseline(flow: Callable[..., Flow]) -> None:
    semantic = flow("sampler=semantic", "sampler.top_k=2", "sampler.encoder=stage:baseline")
    assert semantic.candidates is not None
    assert semantic.candidates.inputs["encoder"].key == _keys(semantic)["baseline"]
