"""Every yaml on disk keeps the promises of its kind; mistakes are said once, and where they stand."""

from __future__ import annotations

import inspect
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from augsbert.cli import CONF
from augsbert.commandline import explain, given, parts_help, refuse_null_parts, unknown_value
from augsbert.config import TARGET, part_class, plain
from augsbert.config_checks import check, located, mistakes
from augsbert.errors import UserError
from augsbert.nodes import parts_of
from augsbert.preflight import NEEDED, SETTINGS
from augsbert.sweep_checks import mistaken_objective

YAMLS = sorted(CONF.rglob("*.yaml"))
ROOT = CONF / "config.yaml"
#: Groups whose files are laid over the whole config, instead of being a part.
OVERLAYS = ("scenario", "experiment", "debug")
#: Settings of Hydra's own plugins; tests/program/test_sweep.py runs them.
PLUGINS = sorted((CONF / "hydra").rglob("*.yaml"))
PARTS = [path for path in YAMLS if path != ROOT and path.parent.name not in OVERLAYS and path not in PLUGINS]
#: What has no value until a user gives it.
NEEDS = {f"dataset={name}": ["dataset.train=train.csv"] for name in ("table", "spanish_sts")}
NEEDS["augmenter=sentence"] = ["augmenter.encoder=folder"]
#: Groups that stand in several places, under other names, and one of these.
MOUNTED = {"fit": "baseline.fit"}
#: Files that lay other values over another file's.
PRESETS = ("dataset/spanish_sts",)
#: Seeds that do not follow the run's, on purpose, and what they are where that is 7.
OWN_SEEDS: dict[str, dict[str, int | None]] = {
    # Runs with several seeds are compared on the same test pairs.
    **{f"dataset/{name}": {"dataset.seed": 0} for name in ("bws", "mrpc")},
    **{f"dataset/{name}": {"dataset.draw.seed": 0} for name in ("spanish_sts", "table")},
    # Of an index that is to find the nearest whatever it draws.
    "sampler/semantic": {"sampler.ivf.seed": 0},
    **{f"sampler/{name}": {"sampler.semantic.ivf.seed": 0} for name in ("bm25_semantic", "union")},
    # It takes the nearest of the window, and draws only if it is given a seed.
    "sampler/hard": {"sampler.seed": None},
    # Far from the first one's, so that runs over seeds share no member.
    "cross_encoder/mean": {"cross_encoder.second.fit.seed": 1007},
}
#: Parts whose files differ from one another, and so from the signature, on purpose: fits are tuned for each encoder,
#: and each trainer is another place to run.
TUNED = ("augsbert.encoders.fit.Fit", "augsbert.hardware.Hardware")


def named(path: Path) -> str:
    return str(path.relative_to(CONF).with_suffix(""))


def choice(path: Path) -> str:
    group = str(path.parent.relative_to(CONF))
    return f"{group}@{MOUNTED[group]}={path.stem}" if group in MOUNTED else f"{group}={path.stem}"


@cache
def composed(*overrides: str) -> DictConfig:
    """A config, composed once for all tests: read-only, as they share it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=list(overrides))
    OmegaConf.set_readonly(cfg, True)
    return cfg


def option(path: Path) -> tuple[str, DictConfig]:
    """Where the part of a file stands in the config, and its node."""
    group = str(path.parent.relative_to(CONF))
    place = MOUNTED.get(group, group.replace("/", "."))
    node = OmegaConf.select(composed(choice(path), *NEEDS.get(choice(path), [])), place)
    assert isinstance(node, DictConfig)
    return place, node


def nodes(place: str, node: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """A part and those nested in it."""
    yield place, node
    for name in node:
        value = None if OmegaConf.is_missing(node, name) else node[name]
        if isinstance(value, DictConfig) and TARGET in value:
            yield from nodes(f"{place}.{name}", value)


def test_no_yaml_is_overlooked() -> None:
    found = subprocess.run(["find", str(CONF), "-name", "*.y*ml"], capture_output=True, text=True, check=True).stdout
    assert len(YAMLS) == len(found.split())
    overlays = [path for path in YAMLS if path.parent.name in OVERLAYS]
    assert len(PARTS) == len(YAMLS) - len(overlays) - len(PLUGINS) - 1
    assert not [path for path in overlays if TARGET in path.read_text()]


@pytest.mark.parametrize("path", YAMLS, ids=named)
def test_a_yaml_opens_with_what_it_is_and_the_command_that_runs_it(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if "@package" not in line]
    opening = [line.lstrip("# ") for line in lines[: _end_of_comments(lines)]]
    assert len(opening) > 1
    assert re.match(r"[A-Z]", opening[0])
    assert any("run.py" in line for line in opening[1:])


@pytest.mark.parametrize("path", [ROOT, *PARTS, *PLUGINS], ids=named)
def test_every_setting_is_commented(path: Path) -> None:
    assert list(uncommented(path.read_text().splitlines())) == []


def uncommented(lines: Sequence[str]) -> Iterator[str]:
    """Settings without a comment beside them, or above them or the settings just above; interpolated ones need none."""
    covered = False
    for line in lines[_end_of_comments(lines) :]:
        text = line.strip()
        if text.startswith("hydra:"):
            return  # Hydra's own settings
        if text.startswith("#"):
            covered = True
        elif not text or re.match(r"- |defaults:|_target_:", text) or " #" in text:
            covered = False
        elif not text.endswith(":") and "${" not in text and not covered:
            yield text


def _end_of_comments(lines: Sequence[str]) -> int:
    return next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))


def test_a_setting_without_a_comment_is_noticed() -> None:
    yaml = ["# A part", "_target_: a.B", "one: 1  # commented", "two: 2", "", "# Of both.", "three: 3", "four: 4"]
    assert list(uncommented(yaml)) == ["two: 2"]


def settings_of(node: DictConfig) -> dict[str, inspect.Parameter]:
    """The settings that a part's signature names."""
    takes = inspect.signature(part_class(plain(node))).parameters
    return {name: p for name, p in takes.items() if p.kind != p.VAR_KEYWORD}


def written_of(node: DictConfig) -> list[str]:
    """The settings in a node, but for the parts under names of the user's choice where a part takes such."""
    takes = inspect.signature(part_class(plain(node))).parameters
    open_ended = any(p.kind == p.VAR_KEYWORD for p in takes.values())
    return [str(n) for n in node if n != TARGET and not (open_ended and TARGET in (node[n] or {}))]


@pytest.mark.parametrize("path", PARTS, ids=named)
def test_a_part_binds_to_its_signature(path: Path) -> None:
    place, node = option(path)
    assert list(mistakes(place, plain(node))) == []
    assert list(mistakes(place, {**plain(node), "no_such_setting": 1})) != []


@pytest.mark.parametrize("path", PARTS, ids=named)
def test_a_yaml_has_all_settings_of_its_part_and_no_others(path: Path) -> None:
    for place, node in nodes(*option(path)):
        takes = settings_of(node)
        assert (place, sorted(written_of(node))) == (place, sorted(takes))


@pytest.mark.parametrize("path", [path for path in PARTS if named(path) not in PRESETS], ids=named)
def test_a_default_in_a_yaml_is_that_of_the_signature(path: Path) -> None:
    for place, node in nodes(*option(path)):
        if node[TARGET] not in TUNED:
            defaults = {n: p.default for n, p in settings_of(node).items()}
            literal = [n for n in defaults if _is_literal(node, n) and defaults[n] is not inspect.Parameter.empty]
            written = {name: plain(node)[name] for name in literal}
            assert (place, written) == (place, {name: _plain_default(defaults[name]) for name in literal})


def seeds(node: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """Where each ``seed`` of a resolved config stands, and what it is."""
    for name, value in node.items():
        if name == "seed":
            yield place + name, value
        elif isinstance(value, Mapping):
            yield from seeds(value, f"{place}{name}.")


def with_seed_7(*overrides: str) -> Mapping[str, Any]:
    """What a config with ``seed=7`` resolves to, without composing it anew."""
    cfg = deepcopy(composed(*overrides))
    OmegaConf.set_readonly(cfg, False)
    cfg.seed = 7
    return plain(cfg)


@pytest.mark.parametrize("path", [path for path in YAMLS if path != ROOT and path not in PLUGINS], ids=named)
def test_the_runs_seed_is_that_of_all_that_draws_but_for_what_has_its_own(path: Path) -> None:
    found = dict(seeds(with_seed_7(choice(path), *NEEDS.get(choice(path), []))))
    assert found == dict.fromkeys(found, 7) | OWN_SEEDS.get(named(path), {})


def test_a_seed_that_is_given_is_that_of_the_run_and_its_fits() -> None:
    given_7 = plain(composed("seed=7"))
    assert given_7 == with_seed_7()
    fits = [f"{encoder}.fit.seed" for encoder in ("baseline", "cross_encoder", "bi_encoder", "poly_encoder")]
    assert dict(seeds(given_7)) == dict.fromkeys(["seed", *fits], 7)


def _is_literal(node: DictConfig, name: str) -> bool:
    """Written in the yaml itself: neither interpolated, nor a part, nor one that has to be given."""
    value = plain(node)[name]
    return not OmegaConf.is_interpolation(node, name) and not (isinstance(value, Mapping) and TARGET in value)


def _plain_default(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


@pytest.mark.parametrize("path", [path for path in YAMLS if path != ROOT], ids=named)
def test_every_option_of_every_group_composes_to_a_config_without_mistakes(path: Path) -> None:
    cfg = composed(choice(path), *NEEDS.get(choice(path), []))
    for place, node in parts_of(cfg).items():
        assert node is None or list(mistakes(place, node)) == []


def test_every_setting_that_is_no_parts_has_a_type() -> None:
    raw = OmegaConf.to_container(OmegaConf.load(ROOT))
    assert isinstance(raw, dict)
    parts = ("defaults", "baseline", "poly_encoder", "hydra")
    settings = {key: value for key, value in raw.items() if key not in parts}
    leaves = [
        *(key for key, value in settings.items() if not isinstance(value, dict)),
        *(f"{key}.{name}" for key, value in settings.items() if isinstance(value, dict) for name in value),
    ]
    assert sorted(leaves) == sorted(SETTINGS)
    assert not [key for key in NEEDED if not isinstance(OmegaConf.select(composed(), key), DictConfig)]


def test_help_names_every_part_with_what_it_is(program: Callable) -> None:
    shown = program("--help").stdout
    for path in [path for path in YAMLS if path != ROOT]:
        first = next(line for line in path.read_text().splitlines() if "@package" not in line)
        assert re.search(rf"^  {path.stem} +{re.escape(first.lstrip('# '))}$", shown, re.MULTILINE)


@pytest.fixture
def own_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of configs with a sampler of one's own, named on the command line."""
    (tmp_path / "sampler").mkdir()
    (tmp_path / "sampler" / "same_length.yaml").write_text("# Sentences as long.\n_target_: mine.SameLength\n")
    (tmp_path / "sampler" / "unsaid.yaml").write_text("_target_: mine.Unsaid\n")
    monkeypatch.setattr("sys.argv", ["run.py", "--config-dir", str(tmp_path), "sampler=same_lenght"])
    return tmp_path


def test_help_names_parts_of_ones_own_among_the_others(own_sampler: Path) -> None:
    samplers = parts_help(CONF).partition("\nsampler\n")[2].partition("\n\n")[0].splitlines()
    assert f"  {'same_length':<28}Sentences as long." in samplers
    assert "  unsaid" in samplers
    assert samplers == sorted(samplers)


def test_the_nearest_name_may_be_a_part_of_ones_own(own_sampler: Path) -> None:
    said = HydraException("Could not find 'sampler/same_lenght'")
    assert explain(said, CONF) == "sampler=same_lenght: there is no such part. Did you mean same_length?"


@pytest.mark.parametrize(
    "arguments",
    ["--help", "--cfg job", "bi_encoder.num_layer=2", "smapler=bm25", "sampler=bm52", "sampler=null", "experiment=x"],
)
def test_torch_is_not_imported_for(program: Callable, arguments: str) -> None:
    said = program(*arguments.split(), "--config-dir=.", PYTHONPROFILEIMPORTTIME="1").stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines() if "|" in line}
    assert "hydra" in imported
    assert not imported & {"torch", "transformers", "pytorch_lightning", "pandas"}


NEAREST = {
    "seeed=1": "seeed: there is no such setting. Did you mean seed?",
    "bi_encoder.fit.epoch=1": "bi_encoder.fit.epoch: there is no such setting. Did you mean epochs?",
    "bi_encoder.fitt.epochs=1": "bi_encoder.fitt: there is no such setting. Did you mean fit?",
    "bi_enc.fit.epochs=1": "bi_enc: there is no such setting. Did you mean bi_encoder?",
    "baseline.loss.scal=1": "baseline.loss.scal: there is no such setting. Did you mean scale?",
    "seed.x=1": "seed.x: there is no such setting.",
    "baselin=x": "baselin: there is no such setting. Did you mean baseline?",
    "dataset=": "dataset=: there is no such part. There are: bws, mrpc, quora, sample, spanish_sts, stsb, table.",
    "dataset=stbs": "dataset=stbs: there is no such part. Did you mean stsb?",
    "bi_encoder/loss=multiple": (
        "bi_encoder/loss=multiple: there is no such part. Did you mean multiple_negatives_ranking?"
    ),
    "bi_encoder/lss=cosent": "bi_encoder/lss: there is no such setting. Did you mean bi_encoder/loss?",
    "source=stsb": "source: there is no such setting. A part is put there by dataset@source=NAME",
}


@pytest.mark.parametrize("typed", NEAREST)
def test_the_nearest_name_is_offered_for(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", typed])
    with pytest.raises(Exception, match=r"Could not|Error") as raised:
        composed("bi_encoder/loss@baseline.loss=cosent", typed)
    assert explain(raised.value, CONF) == NEAREST[typed]


def test_names_are_those_of_the_parts_that_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["sampler=random", "sampler.num_pair=3"]
    monkeypatch.setattr("sys.argv", ["run.py", *typed])
    with pytest.raises(Exception, match="Could not override") as raised:
        composed(*typed)
    assert explain(raised.value, CONF) == "sampler.num_pair: there is no such setting. Did you mean num_pairs?"


def test_of_a_setting_that_one_swept_part_lacks_the_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", "-m", "sampler=bm25,random,semantic", "sampler.top_k=3"])
    with pytest.raises(Exception, match="Could not override") as raised:
        composed("sampler=random", "sampler.top_k=3")
    assert explain(raised.value, CONF) == (
        "sampler.top_k: sampler=random has no such setting. Sweep over the parts that have it: bm25, semantic."
    )


SWEPT = {
    "sampler=bm25,bm52": "sampler=bm52: there is no such part. Did you mean bm25?",
    "augmenter=synonym_wordnt": "augmenter=synonym_wordnt: there is no such part. Did you mean synonym_wordnet?",
    "hydra/launcher=joblib": None,
    "augmenter=null,synonym_wordnet": None,
    "~augmenter": None,
    "gold_size=range(1,3)": None,
    "bi_encoder.fit.learning_rate=interval(0,1)": None,
}


@pytest.mark.parametrize("typed", SWEPT)
def test_a_part_that_is_not_there_is_said_before_the_first_job(typed: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert unknown_value(["seed=0,1", typed]) == SWEPT[typed]


def test_all_objectives_of_a_sweep_are_looked_at_before_the_first_job() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        swept = given("objective", ["objective=bi_encoder/dev/spearman,bi_encoder/dev/spearmen", "seed=1"])
    assert mistaken_objective([None, *swept]) == (
        "objective=bi_encoder/dev/spearmen: it must be a dev metric. Did you mean bi_encoder/dev/spearman?"
    )
    assert mistaken_objective([None, *swept[:1]]) is None


@pytest.mark.parametrize(
    "typed",
    [
        *("sampler=null", "sampler=bm25,null", "bi_encoder/loss=null", "augmenter=null", "dataset@source=null"),
        *("sampler=[]", "sampler=bm25,[ ]", "sampler=choice([],bm25)", "augmenter=[]", "fit@baseline.fit=[]"),
    ],
)
def test_null_and_an_empty_list_are_refused_for_a_part(typed: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{typed}: ") + r".* is no part. To leave the part out: '~"):
        refuse_null_parts(["seed=1", typed], CONF)


def test_null_is_a_value_elsewhere() -> None:
    refuse_null_parts(
        [
            "gold_size=null",
            "cross_encoder.fit=null",
            "bi_encoder.num_layers=null",
            "dataset.unlabelled=[]",
            "sampler=[bm25]",
        ],
        CONF,
    )


def test_all_mistakes_are_said_at_once_each_where_it_stands() -> None:
    wrong = ["holdout=2", "gold_size=many", "bi_encoder.max_seq_length=1", "cross_encoder.fit.epochs=0", "+sampler.k=1"]
    cfg = composed(*wrong)
    with pytest.raises(UserError) as raised:
        check(cfg, SETTINGS, parts_of(cfg))
    assert [re.split("[=:]", line)[0] for line in str(raised.value).splitlines()] == [
        *("gold_size", "holdout", "sampler.k", "cross_encoder.fit.epochs", "bi_encoder.max_seq_length")
    ]


def test_a_data_set_that_is_mounted_as_source_speaks_of_source() -> None:
    node = {TARGET: "augsbert.datasets.table.Table"}
    said = "dataset.train=dataset.csv has no dev pairs: dataset=table, dataset.draw.dev_size=1, /a/dataset.train"
    assert located(said, "dataset", node) == said
    assert located(said, "source", node) == (
        "source.train=dataset.csv has no dev pairs: dataset@source=table, source.draw.dev_size=1, /a/dataset.train"
    )


def test_a_part_is_told_from_its_place() -> None:
    node = {TARGET: "augsbert.encoders.losses.CoSENTLoss"}
    assert located("scale=0: no.", "bi_encoder.loss", node) == "bi_encoder.loss.scale=0: no."
    assert located("Something else.", "bi_encoder.loss", node) == "bi_encoder.loss: Something else."


@pytest.mark.parametrize(
    ("launcher", "setting"),
    [
        ("ray", "hydra.launcher.ray.remote.num_gpus"),
        ("submitit_local", "hydra.launcher.gpus_per_node"),
        ("submitit_slurm", "hydra.launcher.gpus_per_node"),
    ],
)
def test_a_launcher_asks_for_the_gpus_that_a_job_uses(launcher: str, setting: str) -> None:
    for trainer, gpus in ((["trainer=gpu"], 1), (["trainer=ddp", "trainer.devices=2"], 2), (["trainer=cpu"], 0)):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("config", [f"hydra/launcher={launcher}", *trainer], return_hydra_config=True)
        assert OmegaConf.select(cfg, setting) == gpus
