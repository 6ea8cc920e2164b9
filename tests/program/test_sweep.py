"""A sweep as a user runs it: its jobs share stages, one that fails leaves the others alone, the end says all."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import optuna
import pytest
from filelock import FileLock
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from augsbert import sweep_checks
from augsbert.cli import CONF
from augsbert.pruning import storage as optuna_storage
from augsbert.sweep import _earlier
from augsbert.sweep_jobs import statuses as statuses_of

STATUS = "status.json"


@pytest.fixture
def tiny_sweep(tiny_run: list[str]) -> list[str]:
    """A tiny run that labels few pairs."""
    return _sweep(tiny_run)


def _sweep(run: list[str]) -> list[str]:
    return ["-m", *run, "sampler=random", "sampler.num_pairs=80"]


@pytest.fixture
def few_stages(tiny_run: list[str]) -> list[str]:
    """A tiny run of the baseline alone, where it is nothing to the test what the jobs are."""
    return ["-m", *tiny_run, "scenario=baseline", "compare.untrained=false"]


def statuses(folder: Path) -> list[dict]:
    """What became of the jobs, in their order."""
    return [json.loads((folder / str(i) / STATUS).read_text()) for i in range(len(list(folder.glob(f"*/{STATUS}"))))]


def test_a_job_that_fails_says_why_and_the_others_go_on(
    preloaded_program: Callable, few_stages: list[str], tmp_path: Path
) -> None:
    swept = preloaded_program(*few_stages, "gold_size=500,60")
    assert swept.returncode == 1
    failed, done = statuses(tmp_path / "sweep")
    assert (failed["state"], done["state"]) == ("failed", "done")
    assert failed["reason"].startswith("gold_size=500: the train split has 120 pairs.")
    assert not (tmp_path / "sweep" / "0" / "metrics.json").exists()
    end = swept.stdout.strip().splitlines()
    assert f"     {failed['reason']}" in end
    assert end[-2].startswith(f"1 done, 1 failed: {done['made']} stages made, {done['found']} found")


def test_each_jobs_run_of_wandb_stands_in_the_sweeps_group(
    preloaded_program: Callable, few_stages: list[str], tmp_path: Path
) -> None:
    sweep_dir = tmp_path / "grids" / "first"
    logged = [override for override in few_stages if not override.startswith(("logger", "hydra.sweep"))]
    swept = preloaded_program(
        *logged, "logger=wandb", f"hydra.sweep.dir={sweep_dir}", "seed=0,1", WANDB_MODE="offline", HOME=str(tmp_path)
    )
    assert swept.returncode == 0, swept.stderr
    for job in ("0", "1"):
        (kept,) = (sweep_dir / job).rglob("*.wandb")
        # The group's own field, which begins with its length; folders stand in the file too.
        assert b"\x0bgrids/first" in kept.read_bytes()


def test_a_launcher_that_gives_up_as_a_job_was_killed_still_says_what_became_of_each(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    (tmp_path / "fatal.py").write_text(
        "import os\n\n\nclass Fatal:\n    def __init__(self, num_pairs, seed): ...\n\n"
        "    def __call__(self, pool, exclude):\n        os.kill(os.getpid(), 9)\n"
    )
    targets = "sampler._target_=fatal.Fatal,augsbert.samplers.random.Random"
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.launcher.verbose=0"]
    swept = preloaded_program(*tiny_sweep, targets, *joblib, PYTHONPATH=str(tmp_path))
    assert swept.returncode == 1
    assert "Its process ended before it could say why: it was killed, perhaps for want of memory." in swept.stdout
    assert "error: the launcher gave up: TerminatedWorkerError: " in swept.stderr
    assert "the same command goes on" in swept.stderr
    assert "Traceback" not in swept.stderr


class Grid(NamedTuple):
    """A sweep as it ended: its overrides and folder, and each job's status and figures."""

    overrides: list[str]
    folder: Path
    jobs: list[dict]
    figures: list[dict[str, float]]


VARIED = ["gold_size=40,60", "seed=0,1"]


@pytest.fixture(scope="module")
def grid(preloaded_program_in: Callable, tiny_run_in: Callable, tmp_path_factory: pytest.TempPathFactory) -> Grid:
    """Four jobs of the basic launcher."""
    folder = tmp_path_factory.mktemp("grid")
    overrides = [*_sweep(tiny_run_in(folder)), *VARIED]
    swept = preloaded_program_in(folder)(*overrides)
    assert swept.returncode == 0, swept.stderr
    assert "earlier sweeps" not in swept.stdout
    return Grid(overrides, folder, statuses(folder / "sweep"), [_quality(folder / "sweep" / str(i)) for i in range(4)])


def test_a_second_sweep_finds_all_and_says_what_that_saved(grid: Grid, preloaded_program_in: Callable) -> None:
    again = preloaded_program_in(grid.folder)(*grid.overrides)
    assert again.returncode == 0, again.stderr
    second = statuses(grid.folder / "sweep")
    assert [job["made"] for job in second] == [0] * 4
    found = [job["found"] for job in second]
    assert found == [job["made"] + job["found"] for job in grid.jobs]
    records = json.loads((grid.folder / "sweep" / "0" / "stages.json").read_text())
    assert second[0]["saved"] == sum(record["cost"] for record in records) > 0
    assert f"4 done: 0 stages made, {sum(found)} found, which saved" in again.stdout


def test_a_shorter_sweep_in_the_same_folder_names_what_the_longer_one_left(
    grid: Grid, preloaded_program_in: Callable
) -> None:
    shorter = preloaded_program_in(grid.folder)(*grid.overrides, "gold_size=40", "seed=0")
    last = shorter.stdout.strip().splitlines()[-1]
    assert last == "Runs of earlier sweeps lie there too, and a report of it counts them: 1, 2, 3"


def test_what_earlier_sweeps_left_is_named_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for name in ("10", "2", "0", "old/1"):
        (tmp_path / name).mkdir(parents=True)
        for file in ("metrics.json", "stages.json", "settings.json"):
            (tmp_path / name / file).write_text("{}")
    (tmp_path / "3").mkdir()  # without figures no report counts it
    (tmp_path / "store" / "evaluation" / "aa").mkdir(parents=True)  # nor a stage
    (tmp_path / "store" / "evaluation" / "aa" / "metrics.json").write_text("{}")
    assert _earlier(tmp_path, [tmp_path / "0"]).endswith(": 2, 10, old/1")
    assert _earlier(tmp_path, [tmp_path / name for name in ("0", "2", "10", "old/1")]) == ""


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("sampler=bm25,bm52", "error: sampler=bm52: there is no such part. Did you mean bm25?"),
        (
            "augmenter=synonym_wordnet,synonym_wordnt",
            "error: augmenter=synonym_wordnt: there is no such part. Did you mean synonym_wordnet?",
        ),
        ("bi_encoder.num_layer=1,2", "error: bi_encoder.num_layer: there is no such setting. Did you mean num_layers?"),
        ("seed=choice()", "error: Error parsing override 'seed=choice()'"),
        (
            "objective=bi_encoder/dev/spearmen",
            "error: objective=bi_encoder/dev/spearmen: it must be a dev metric of a regression data set. "
            "Did you mean bi_encoder/dev/spearman?",
        ),
        ("+gold_sizes=1,2", "error: gold_sizes: there is no such setting. Did you mean gold_size?"),
        ("sampler=bm25,[]", "error: sampler=bm25,[]: [] is no part. To leave the part out: '~sampler'"),
        (
            "objective=poly_encoder/dev/spearman",
            "error: objective=poly_encoder/dev/spearman: no job evaluates poly_encoder. Set compare.poly=true.",
        ),
    ],
)
def test_a_sweep_that_no_job_can_follow_ends_before_the_first(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path, override: str, said: str
) -> None:
    swept = preloaded_program("-m", *tiny_run, override)
    assert swept.returncode == 1
    assert said in swept.stderr
    assert "Traceback" not in swept.stderr
    assert not list(tmp_path.rglob(STATUS))


@pytest.mark.parametrize("swept", ["compare.upper_bound=false,true", "experiment=quickstart,bounds"])
def test_an_objective_that_some_job_evaluates_is_not_refused(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path, swept: str
) -> None:
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    bounds = "# @package _global_\ncompare:\n  upper_bound: true\n"
    (tmp_path / "mine" / "experiment" / "bounds.yaml").write_text(bounds)
    mine, wanted = ["--config-dir", str(tmp_path / "mine")], ["objective=upper_bound/dev/spearman", "plan=true"]
    planned = preloaded_program(*mine, *tiny_sweep, *wanted, swept)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("sweeper", ["hydra.sweeper.max_batch_size=1", "hydra/sweeper=optuna"])
def test_a_job_that_cannot_be_composed_ends_the_sweep_before_the_first_batch(
    program: Callable, tiny_run: list[str], tmp_path: Path, sweeper: str
) -> None:
    swept = program("-m", *tiny_run, "sampler=bm25,random", "sampler.top_k=2,3", sweeper)
    assert swept.returncode == 1
    assert "sampler.top_k" in swept.stderr
    assert "Traceback" not in swept.stderr
    assert not list(tmp_path.rglob(STATUS))


def test_figures_of_an_earlier_run_do_not_stand_for_a_job_that_fails(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    job = tmp_path / "sweep" / "0"
    job.mkdir(parents=True)
    for name in ("metrics.json", "stages.json", "settings.json"):
        (job / name).write_text("{}")
    assert preloaded_program(*tiny_sweep, "gold_size=9999").returncode == 1
    assert [path.name for path in sorted(job.glob("*.json"))] == [STATUS]


def test_a_sweep_without_jobs_is_a_mistake(preloaded_program: Callable, tiny_sweep: list[str]) -> None:
    swept = preloaded_program(*tiny_sweep, "seed=range(0,0)")
    assert swept.returncode == 1
    assert "error: the sweep has no jobs" in swept.stderr


def test_what_another_program_left_is_no_job(tmp_path: Path) -> None:
    for number, text in enumerate(("", "{}", '{"state": "fine"}', "[1]")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / STATUS).write_text(text)
    assert statuses_of(tmp_path) == {}


def test_what_an_earlier_sweep_said_is_not_counted_again(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    assert preloaded_program(*tiny_sweep, "plan=true", "gold_size=50,500,60").returncode == 1
    planned = preloaded_program(*tiny_sweep, "plan=true", "gold_size=50,60")
    assert planned.returncode == 0
    assert "failed" not in planned.stdout
    keys = [line.split()[1] for line in planned.stdout.splitlines() if " make " in line or " found" in line]
    assert len(keys) == len(set(keys)) == 21


THREE = ["sampler=random,bm25,semantic", "gold_size=50,60", "seed=0,1"]


def test_samplers_share_what_is_fitted_on_gold_alone(
    preloaded_program: Callable, tiny_run: list[str], tmp_path: Path
) -> None:
    planned = preloaded_program("-m", *tiny_run, *THREE, "plan=true")
    assert planned.returncode == 0, planned.stderr
    stages = Counter(line.split()[0] for line in planned.stdout.splitlines() if " make " in line)
    assert {name: stages[name] for name in ("cross_encoder", "baseline", "bi_encoder")} == {
        "cross_encoder": 4,
        "baseline": 4,
        "bi_encoder": 12,
    }


@pytest.mark.slow
def test_a_launchers_plan_is_that_of_one_job_after_the_other(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    one, other = (preloaded_program(*tiny_sweep, *VARIED, "plan=true", *more) for more in ([], joblib))
    assert (one.returncode, other.returncode) == (0, 0), other.stderr
    assert _planned(other.stdout) == _planned(one.stdout)
    assert len(_planned(one.stdout)) > 20


def _planned(screen: str) -> list[str]:
    return [line for line in screen.splitlines() if re.match(r"[\w/]+ +([0-9a-f]{12}|-) +(make|found)", line)]


def test_a_sweeps_plan_without_the_data_says_that_shared_stages_stand_there_once_a_job(
    preloaded_program: Callable, tiny_sweep: list[str]
) -> None:
    elsewhere = [override for override in tiny_sweep if not override.startswith("dataset")]
    planned = preloaded_program(*elsewhere, "dataset=stsb", "seed=0,1", "plan=true")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.rstrip().endswith("which tell what jobs share.")


LAUNCHERS = {
    "joblib": ["hydra.launcher.n_jobs=2"],
    "submitit_local": ["hydra.launcher.timeout_min=10"],
    "ray": ["hydra.launcher.ray.init.num_cpus=2"],
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_under_every_launcher_jobs_share_their_stages_and_end_with_the_same_figures(
    request: pytest.FixtureRequest, grid: Grid, tiny_sweep: list[str], tmp_path: Path, launcher: str
) -> None:
    # Ray's workers live as long as the process that started them, which must be one that ends.
    program = request.getfixturevalue("program" if launcher == "ray" else "preloaded_program")
    swept = program(*tiny_sweep, *VARIED, f"hydra/launcher={launcher}", *LAUNCHERS[launcher])
    assert swept.returncode == 0, swept.stderr
    launched = statuses(tmp_path / "sweep")
    assert sum(job["made"] for job in launched) == sum(job["made"] for job in grid.jobs)
    assert [_quality(tmp_path / "sweep" / str(number)) for number in range(4)] == grid.figures


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["studies.journal", "sqlite:///studies.db"])
def test_a_search_goes_on_gives_up_what_is_worse_and_names_the_best(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path, storage: str
) -> None:
    search = [
        *tiny_sweep,
        "hydra/sweeper=optuna",
        f"hydra.sweeper.storage={storage}",
        "hydra.sweeper.pruner.n_startup_trials=1",
        "bi_encoder.fit.epochs=2",
        "compare.baseline=false",
        "compare.untrained=false",
        "bi_encoder.fit.learning_rate=tag(log,interval(1e-9,1e-3))",
    ]
    begun = preloaded_program(*search, "hydra.sweeper.n_trials=1")
    assert begun.returncode == 0, begun.stderr
    best = OmegaConf.load(tmp_path / "sweep" / "optimization_results.yaml")
    metrics = json.loads((tmp_path / "sweep" / "0" / "metrics.json").read_text())
    assert best.best_value == metrics["bi_encoder/dev/spearman"]
    assert set(best.best_params) == {"bi_encoder.fit.learning_rate"}

    with contextlib.chdir(tmp_path / "here"):
        study = optuna.load_study(study_name=best.name, storage=optuna_storage(storage))
        # Better than any correlation, so that all later trials lie below the median of the first two.
        study.add_trial(optuna.trial.create_trial(value=2.0, intermediate_values={0: 2.0}))
        running = study.ask(
            {"bi_encoder.fit.learning_rate": optuna.distributions.FloatDistribution(1e-9, 1e-3, log=True)}
        )
    ended = preloaded_program(*search, "hydra.sweeper.n_trials=4")
    assert ended.returncode == 0, ended.stderr
    assert f"trial {running.number} was killed; its settings come again" in ended.stdout
    jobs = {path.parent.name: json.loads(path.read_text()) for path in (tmp_path / "sweep").glob(f"*/{STATUS}")}
    assert {number: job["state"] for number, job in jobs.items()} == {"3": "pruned", "4": "pruned"}

    again = preloaded_program(*search, "hydra.sweeper.n_trials=4")
    assert again.returncode == 0, again.stderr
    assert f"study {best.name}, 5 trials" in again.stdout


@pytest.mark.parametrize(
    ("choice", "extra"), [("hydra/launcher=submitit_slurm", "submitit"), ("hydra/sweeper=optuna", "optuna")]
)
def test_a_launcher_or_sweeper_without_its_package_says_what_to_type(
    choice: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=[choice], return_hydra_config=True)
    monkeypatch.setattr(sweep_checks, "find_spec", lambda name: None)
    assert sweep_checks.absent_package(config.hydra) == (
        f"{choice}: its package is not installed. Type `pip install 'augsbert[{extra}]'`."
    )


def test_a_launcher_under_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        launched, alone = (compose("config", more, True) for more in (["hydra/launcher=joblib"], []))
        assert sweep_checks.refusal(launched) == (
            "hydra/launcher=joblib: torchrun has started 2 processes, and it would start jobs beside the first one "
            "alone. Leave out one of the two."
        )
        assert sweep_checks.refusal(alone) is None


@pytest.mark.parametrize(
    ("typed", "params", "task"),
    [
        ("objective=baseline/dev/f1", {}, "regression"),
        ("objective=baseline/dev/spearman dataset=mrpc", {}, "binary"),
        ("", {"objective": "baseline/dev/spearman,baseline/dev/f1"}, "regression"),
        ("objective=baseline/dev/spearman,baseline/test/spearman", {}, "regression"),
        ("objective=baseline/dev/f1 bi_encoder.fit.learning_rate=${rate}", {"+rate": "1e-3,1e-4"}, "regression"),
        ("objective=baseline/dev/f1 dataset=table dataset.train=x dataset.task=binary", {}, None),
        ("objective=baseline/dev/f1", {"dataset": "sample,mrpc"}, None),
        ("objective=baseline/dev/f1 dataset=table dataset.train=x", {"dataset.task": "binary,regression"}, None),
    ],
)
def test_an_objective_that_no_jobs_task_has_ends_the_sweep_before_the_first(
    typed: str, params: dict[str, str], task: str | None
) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [o for o in typed.split() if "," not in o], True)
        with open_dict(config):
            config.hydra.sweeper.params, config.hydra.overrides.task = params, typed.split()
        said = sweep_checks.refusal(config)
    assert said is None if task is None else f": it must be a dev metric of a {task} data set. Did you" in str(said)


def test_the_task_of_every_data_set_is_known_before_its_pairs_are_read() -> None:
    tasks = {}
    for path in (CONF / "dataset").glob("*.yaml"):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            tasks[path.stem] = sweep_checks.task_of_all(compose("config", [f"dataset={path.stem}"]), [])
    assert len(tasks) >= 7
    assert {name for name, task in tasks.items() if task == "binary"} == {"mrpc", "quora"}
    assert {name for name, task in tasks.items() if task is None} == set()


@pytest.mark.slow
def test_a_search_without_a_pruner_gives_up_none(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    search = [
        "hydra/sweeper=optuna",
        "hydra.sweeper.pruner=null",
        "hydra.sweeper.n_trials=1",
        "bi_encoder.fit.epochs=2",
    ]
    swept = preloaded_program(*tiny_sweep, *search, "bi_encoder.fit.weight_decay=interval(0.0,0.1)")
    assert swept.returncode == 0, swept.stderr
    assert [job["state"] for job in statuses(tmp_path / "sweep")] == ["done"]


def test_a_range_that_is_none_is_a_mistake(preloaded_program: Callable, tiny_sweep: list[str]) -> None:
    override = "bi_encoder.fit.learning_rate=tag(log,interval(0,1e-3))"
    swept = preloaded_program(*tiny_sweep, "hydra/sweeper=optuna", override)
    assert swept.returncode == 1
    assert swept.stderr.strip().splitlines()[-1].startswith(f"error: {override}:")


def test_two_searches_at_once_over_one_study_are_refused(
    preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    search = ["hydra/sweeper=optuna", "hydra.sweeper.study_name=mine", "bi_encoder.fit.weight_decay=interval(0.0,0.1)"]
    lock = tmp_path / "store" / ".locks" / "study-mine.lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        swept = preloaded_program(*tiny_sweep, *search)
    assert swept.returncode == 1
    assert swept.stderr.strip().splitlines()[-1].startswith("error: study mine: another search is at work on it.")


def test_a_cluster_of_ray_wants_absolute_folders(preloaded_program: Callable, tiny_sweep: list[str]) -> None:
    swept = preloaded_program(
        *tiny_sweep, "hydra/launcher=ray", "hydra.launcher.ray.init.address=auto", "store.dir=store"
    )
    assert swept.returncode == 1
    assert swept.stderr.strip().startswith("error: store.dir=store: a cluster's jobs start in folders of their own.")


def test_a_search_over_nothing_is_a_mistake(preloaded_program: Callable, tiny_sweep: list[str]) -> None:
    swept = preloaded_program(*tiny_sweep, "hydra/sweeper=optuna")
    assert swept.returncode == 1
    assert swept.stderr.strip().splitlines()[-1].startswith("error: hydra/sweeper=optuna: no setting has a range.")


@pytest.mark.slow
def test_two_launchers_at_once_over_one_store_make_each_stage_once(
    program: Callable, preloaded_program: Callable, tiny_sweep: list[str], tmp_path: Path
) -> None:
    grid = [*tiny_sweep, "gold_size=40,60"]
    with ThreadPoolExecutor() as pool:
        one = pool.submit(program, *grid, f"hydra.sweep.dir={tmp_path / 'one'}")
        joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", f"hydra.sweep.dir={tmp_path / 'two'}"]
        two = preloaded_program(*grid, *joblib)
    assert (one.result().returncode, two.returncode) == (0, 0), two.stderr
    jobs = [job for name in ("one", "two") for job in statuses(tmp_path / name)]
    stages = {path.parent for path in (tmp_path / "store").glob("*/*/stage.json")}
    assert sum(job["made"] for job in jobs) == len(stages)


def _quality(job: Path) -> dict[str, float]:
    metrics = json.loads((job / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if "/dev/" in name or "/test/" in name}
