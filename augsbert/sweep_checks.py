"""What is wrong with a sweep as a whole, looked for before its first job starts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from augsbert import ranks
from augsbert.commandline import CONF, explain, given, sweeps_parts, typed, unknown_key, unknown_value
from augsbert.config import nearest, part_class
from augsbert.errors import UserError
from augsbert.sweep_folders import are_numbered, job_folder, misplaced, sweep_folder

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
    overrides = _overrides(config.hydra)
    asked = [o for o in (config.objective, *given("objective", overrides)) if o is not None]
    return (
        unknown_value(overrides)
        or unknown_key(config, config.hydra, overrides)
        or absent_package(config.hydra)
        or launched_among_ranks(config.hydra)
        or mistaken_objective(asked, task_of_all(config, overrides) if asked else None)
        or unevaluated_objective(config, overrides)
        or lost_folders(config)
        or unfit_job(config, overrides)
    )


def _overrides(hydra: DictConfig) -> list[str]:
    """What the jobs are made of: the sweeper's own parameters, and the command line, which goes before them."""
    return [*(f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()), *typed(hydra)]


def unfit_job(config: DictConfig, overrides: Sequence[str]) -> str | None:
    """What is wrong with the first job that cannot be composed, or has no folder of its own; None if nothing is.

    Hydra looks at the jobs of a batch when its turn comes, and never at their folders. A search's are not known before.
    """
    sweeper = config.hydra.sweeper
    if "max_batch_size" not in sweeper or (not sweeper.max_batch_size and are_numbered(config.hydra)):
        return None
    taken: dict[Path, int] = {}
    try:
        for number, job in enumerate(_composed(config, overrides)):
            folder = job_folder(job, number)
            if folder and (said := misplaced(folder, sweep_folder(config.hydra), number, taken.get(folder))):
                return said
            taken |= {folder: number} if folder else {}
    except HydraException as error:
        GlobalHydra.instance().clear()  # the sweep ends here, and what explains it composes anew
        return explain(error, CONF)
    return None


def _composed(config: DictConfig, overrides: Sequence[str]) -> Iterator[DictConfig]:
    """The configs of the jobs of Hydra's own sweeper, in their order."""
    loader = GlobalHydra.instance().config_loader()
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
    for job in BasicSweeper.split_arguments(parsed, None)[0]:
        yield loader.load_sweep_config(master_config=config, sweep_overrides=list(job))


def launched_among_ranks(hydra: DictConfig) -> str | None:
    """A launcher under torchrun; None if there is none."""
    launcher = hydra.runtime.choices["hydra/launcher"]
    if ranks.world() == 1 or launcher == "basic":
        return None
    return (
        f"hydra/launcher={launcher}: torchrun has started {ranks.world()} processes, and it would start jobs beside "
        "the first one alone. Leave out one of the two."
    )


def absent_package(hydra: DictConfig) -> str | None:
    """What to install for the launcher and the sweeper; None if all is there."""
    for group in ("launcher", "sweeper"):
        name = hydra.runtime.choices[f"hydra/{group}"]
        if (package := _PACKAGES.get(name)) and find_spec(package) is None:
            extra = name.partition("_")[0]
            return f"hydra/{group}={name}: its package is not installed. Type `pip install 'augsbert[{extra}]'`."
    return None


def mistaken_objective(objectives: Iterable[str | None], task: str | None = None) -> str | None:
    """What is wrong with the first objective that is wrong for the task, or whatever the task; None if none is."""
    from augsbert.evaluation import NAMES
    from augsbert.reporting.table import ENCODERS

    names = {metric for posed, metrics in NAMES.items() for metric in metrics if task in (None, posed)}
    known = [f"{encoder}/dev/{metric}" for encoder in ENCODERS for metric in sorted(names)]
    of_task = f" of a {task} data set" if task else ""
    for objective in objectives:
        if objective not in (None, "null", *known):
            return f"objective={objective}: it must be a dev metric{of_task}{nearest(str(objective), known)}"
    return None


def unevaluated_objective(config: DictConfig, overrides: Sequence[str]) -> str | None:
    """An objective of an encoder that no job evaluates; None if some job evaluates each that is asked for."""
    from augsbert.reporting.table import COMPARED

    for objective in given("objective", overrides) or [config.objective]:
        encoder = str(objective).partition("/")[0]
        key = f"compare.{COMPARED.get(encoder)}"
        values = given(key, overrides)
        if not (values or sweeps_parts(overrides) or given("compare", overrides)):  # a part of the user's may set it
            values = [str(OmegaConf.select(config, key))]
        if values and all(value.lower() == "false" for value in values):
            return f"objective={objective}: no job evaluates {encoder}. Set {key}=true."
    return None


def task_of_all(config: DictConfig, overrides: Sequence[str]) -> str | None:
    """The task of all jobs, before a pair is read; None if only the pairs tell, or jobs may differ in it."""
    from augsbert.evaluation import NAMES

    node = config.dataset
    if sweeps_parts(overrides) or len(given("dataset.task", overrides)) > 1 or not isinstance(node, DictConfig):
        return None
    try:
        # Where it is no setting, the layout of the files that the data set reads fixes it.
        layout = getattr(sys.modules[part_class(node).__module__], "LAYOUT", None)
    except (UserError, KeyError):
        return None
    task = node.get("task") or getattr(layout, "task", None)
    return task if task in NAMES else None


def lost_folders(config: DictConfig) -> str | None:
    """A folder that jobs on a cluster of Ray would look for elsewhere; None if there is none."""
    address = OmegaConf.select(config, "hydra.launcher.ray.init.address")
    places = {"store.dir": config.store.dir, "hydra.sweep.dir": config.hydra.sweep.dir}
    lost = [f"{key}={place}" for key, place in places.items() if not Path(place).is_absolute()]
    if address is None or not lost:
        return None
    return f"{lost[0]}: a cluster's jobs start in folders of their own. Give an absolute path, on a disk that all see."
