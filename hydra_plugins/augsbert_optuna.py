"""``hydra/sweeper=optuna``: a search by Optuna's own interface, which is kept, goes on after a kill, and prunes.

hydra-optuna-sweeper asks for Optuna below 3, numbers a resumed search from 0 again and has no way to prune (Hydra
#2647, #1954). Hydra finds sweepers in the package ``hydra_plugins`` only, so this module lies here.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, Sweep
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from augsbert import studies
from augsbert.errors import UserError
from augsbert.ranges import check_choice, check_count

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution


#: Combinations that are composed before the first trial; each takes some tenths of a second.
_MOST_COMPOSED = 64


class OptunaSweeper(Sweeper):
    """Search over the settings that the command line gives a range.

    Args:
        n_trials: how many the study has when the search is over, earlier runs' counted.
        n_jobs: trials in a batch, which the launcher may run at once.
        direction: ``maximize`` or ``minimize`` what run.py returns.
        study_name: the study to go on with; None names it by the settings, so that the same command goes on.
        storage: a journal file, or a database's address such as ``sqlite:///studies.db``.
        seed: of the sampler.
        sampler: makes Optuna's sampler of a ``seed``.
        pruner: Optuna's pruner, or None.

    Raises:
        UserError: a value is out of its range.
    """

    config: DictConfig
    hydra_context: HydraContext

    def __init__(
        self,
        n_trials: int,
        n_jobs: int,
        direction: Literal["maximize", "minimize"],
        study_name: str | None,
        storage: str,
        seed: int,
        sampler: Callable[..., Any],
        pruner: Any,
    ) -> None:
        for name, value in (("n_trials", n_trials), ("n_jobs", n_jobs)):
            check_count(f"hydra.sweeper.{name}", value)
        check_choice("hydra.sweeper.direction", direction, ["maximize", "minimize"])
        self.n_trials, self.n_jobs, self.direction = n_trials, n_jobs, direction
        self.study_name, self.seed = study_name, seed
        self.storage = absolute(storage)
        self.failed = 0
        self.sampler, self.pruner = sampler, pruner

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives, and make the launcher."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Ask, launch and tell until there are enough trials.

        Raises:
            UserError: nothing is searched, or a plan is asked for.
        """
        if self.config.plan:
            raise UserError("plan=true: what a search makes hangs on what it finds. Leave out hydra/sweeper=optuna.")
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        given = parser.parse_overrides(arguments)
        searched = {o.get_key_element(): distribution(o, self.config) for o in given if o.is_sweep_override()}
        fixed = [f"{o.get_key_element()}={o.get_value_element_as_str()}" for o in given if not o.is_sweep_override()]
        if not searched:
            raise UserError(
                "hydra/sweeper=optuna: no setting has a range. Give one, such as "
                "'bi_encoder.fit.learning_rate=tag(log,interval(1e-5,1e-3))' or sampler=bm25,semantic."
            )
        self.validate_batch_is_legal([[*fixed, *chosen] for chosen in _choices(searched)])
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        name = self.study_name or _named(arguments)
        with studies.locked(name, self.storage, Path(self.config.store.dir).expanduser().absolute()):
            study = studies.opened(name, self.storage, self.direction)
            # A sampler that starts from its seed again would draw again what the first trials were.
            study.sampler = self.sampler(seed=self.seed + len(study.trials))
            studies.enqueue_killed(study)
            self._search(study, searched, fixed)
        studies.report(study, folder)

    def _search(self, study: Study, searched: Mapping[str, BaseDistribution], fixed: Sequence[str]) -> None:
        while (left := self.n_trials - studies.finished(study) - self.failed) > 0:
            trials = [studies.asked(study, searched) for _ in range(min(self.n_jobs, left))]
            jobs = [
                [*fixed, *(f"{key}={value}" for key, value in trial.params.items()), self._told(study, trial)]
                for trial in trials
            ]
            self.validate_batch_is_legal(jobs)
            results = self.launcher.launch(jobs, initial_job_idx=trials[0].number)
            ended = zip(trials, (result.return_value for result in results), strict=True)
            self.failed += sum(not studies.tell(study, trial, value) for trial, value in ended)

    def _told(self, study: Study, trial: Trial) -> str:
        """The override that lets a job report to its trial."""
        pruner = OmegaConf.to_container(self.config.hydra.sweeper.pruner or OmegaConf.create({}), resolve=True)
        told = {"storage": self.storage, "study": study.study_name, "trial": trial.number, "pruner": pruner or None}
        return f"pruning={literal(told)}"


def _choices(searched: Mapping[str, BaseDistribution]) -> Iterator[list[str]]:
    """The first combinations of what is chosen, each as overrides; numbers out of an interval compose alike."""
    values = [getattr(found, "choices", None) or [getattr(found, "low", None)] for found in searched.values()]
    for chosen in itertools.islice(itertools.product(*values), _MOST_COMPOSED):
        yield [f"{key}={value}" for key, value in zip(searched, chosen, strict=True)]


def absolute(storage: str) -> str:
    """The address of a study's storage from the root, as jobs may start in another folder; a server's as it is."""
    if "://" not in storage:
        return str(Path(storage).expanduser().absolute())
    scheme, _, file = storage.partition(":///")
    # :memory: and file:... are no paths, and no name is a database in memory.
    if not scheme.startswith("sqlite") or not file or file.startswith((":", "file:")):
        return storage
    return f"{scheme}:///{Path(file).expanduser().absolute()}"


def distribution(override: Override, config: DictConfig) -> BaseDistribution:
    """What a range on the command line is to Optuna: an interval one of numbers, all else a choice of values.

    Args:
        override: of one setting.
        config: as it is without the search; where the setting is a whole number there, so are those of its interval.

    Raises:
        UserError: a tag does nothing; an interval ends below its start, or no logarithmic scale can have it.
    """
    from optuna.distributions import CategoricalDistribution

    try:
        sweep = override.value()
        _refuse_tags(sweep)
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep, OmegaConf.select(config, override.key_or_group))
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    except ValueError as error:
        raise UserError(f"{override.input_line}: {error}") from error


def _refuse_tags(sweep: object) -> None:
    known = {"log"} if isinstance(sweep, IntervalSweep) else set()
    for tag in sorted(sweep.tags - known if isinstance(sweep, Sweep) else ()):
        raise ValueError(f"the tag {tag} would do nothing. There is log, of an interval: tag(log,interval(a,b)).")


def _interval(sweep: IntervalSweep, now: object) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    low, high, log_scale = sweep.start or 0, sweep.end or 0, "log" in sweep.tags
    whole = float(low).is_integer() and float(high).is_integer()
    # Hydra makes floats of an interval's ends, unless int(...) stands around it; True is an int to Python.
    if (whole and type(now) is int) or (isinstance(low, int) and isinstance(high, int)):
        return IntDistribution(int(low), int(high), log=log_scale)
    return FloatDistribution(float(low), float(high), log=log_scale)


def literal(value: Any) -> str:
    """A value of plain containers in the grammar of Hydra's overrides."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _named(arguments: Sequence[str]) -> str:
    return f"augsbert-{hashlib.sha256(chr(0).join(sorted(arguments)).encode()).hexdigest()[:12]}"
