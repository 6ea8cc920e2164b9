"""What is wrong with a sweep as a whole, looked for before its first job starts."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from augsbert.commandline import explain, given, sweeps_parts, unknown_value

#: What the parts of hydra/launcher and hydra/sweeper need.
_PACKAGES = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "submitit_slurm": "hydra_plugins.hydra_submitit_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
    "optuna": "optuna",
}


def refusal(config: DictConfig) -> str | None:
    """The first thing that no job, or not all of them, could follow; None if there is none."""
    return (
        unknown_value(config.hydra.overrides.task)
        or absent_package(config.hydra)
        or mistaken_objective([config.objective, *given("objective", config.hydra.overrides.task)])
        or unevaluated_objective(config)
        or lost_folders(config)
        or uncomposable(config)
    )


def uncomposable(config: DictConfig) -> str | None:
    """What is wrong with the first job that cannot be composed, of a sweep in batches; None if all can.

    Hydra looks at the jobs of a batch when its turn comes.
    """
    if not config.hydra.sweeper.get("max_batch_size"):
        return None
    loader = GlobalHydra.instance().config_loader()
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides([*params, *config.hydra.overrides.task])
    try:
        for job in BasicSweeper.split_arguments(overrides, None)[0]:
            loader.load_sweep_config(master_config=config, sweep_overrides=list(job))
    except HydraException as error:
        sources = {source.provider: Path(source.path) for source in config.hydra.runtime.config_sources}
        GlobalHydra.instance().clear()  # the sweep ends here, and what explains it composes anew
        return explain(error, sources["main"])
    return None


def absent_package(hydra: DictConfig) -> str | None:
    """What to install for the launcher and the sweeper; None if all is there."""
    for group in ("launcher", "sweeper"):
        name = hydra.runtime.choices[f"hydra/{group}"]
        if (package := _PACKAGES.get(name)) and find_spec(package) is None:
            extra = name.partition("_")[0]
            return f"hydra/{group}={name}: its package is not installed. Type `pip install 'augsbert[{extra}]'`."
    return None


def mistaken_objective(objectives: Iterable[str | None]) -> str | None:
    """What is wrong with the first objective that is wrong whatever the data set; None if none is."""
    from augsbert.config import nearest
    from augsbert.evaluation import NAMES
    from augsbert.reporting.table import ENCODERS

    names = {metric for metrics in NAMES.values() for metric in metrics}
    known = [f"{encoder}/dev/{metric}" for encoder in ENCODERS for metric in sorted(names)]
    for objective in objectives:
        if objective not in (None, "null", *known):
            return f"objective={objective}: it must be a dev metric{nearest(str(objective), known)}"
    return None


def unevaluated_objective(config: DictConfig) -> str | None:
    """An objective of an encoder that no job evaluates; None if some job evaluates each that is asked for."""
    from augsbert.reporting.table import COMPARED

    searched = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    overrides = [*config.hydra.overrides.task, *searched]
    for objective in given("objective", overrides) or [config.objective]:
        encoder = str(objective).partition("/")[0]
        key = f"compare.{COMPARED.get(encoder)}"
        values = given(key, overrides)
        if not (values or sweeps_parts(overrides) or given("compare", overrides)):  # a part of the user's may set it
            values = [str(OmegaConf.select(config, key))]
        if values and all(value.lower() == "false" for value in values):
            return f"objective={objective}: no job evaluates {encoder}. Set {key}=true."
    return None


def lost_folders(config: DictConfig) -> str | None:
    """A folder that jobs on a cluster of Ray would look for elsewhere; None if there is none."""
    address = OmegaConf.select(config, "hydra.launcher.ray.init.address")
    places = {"store.dir": config.store.dir, "hydra.sweep.dir": config.hydra.sweep.dir}
    lost = [f"{key}={place}" for key, place in places.items() if not Path(place).is_absolute()]
    if address is None or not lost:
        return None
    return f"{lost[0]}: a cluster's jobs start in folders of their own. Give an absolute path, on a disk that all see."
