"""A run's figures in Weights & Biases: online where that is possible, offline where it is not.

Nothing here ends a run or makes it wait: what W&B cannot take becomes one line of warning, as the run's own files hold
the same figures.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from augsbert.errors import UserError
from augsbert.ranges import check_above_zero
from augsbert.reporting.no_logger import NoRun
from augsbert.reporting.wandb_access import why_offline
from augsbert.reporting.wandb_run import WandbRun, first_line, forgiving

log = logging.getLogger(__name__)

_TAG_LENGTH = 64
_SECONDS_AFTER_CTRL_C = 2
_SETTINGS: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "save_code": False,
    "reinit": "create_new",
    "init_timeout": 30,
    "finish_timeout": 60,
    "finish_timeout_raises": True,
}


class Wandb:
    """One W&B run per run, with an id of its own; its files lie in ``wandb/`` in the run's folder.

    Args:
        project: of W&B.
        entity: user or team; None is the default of whoever is logged in.
        name: of the run; None lets W&B invent one.
        tags: of the run, 1 to 64 characters each, beside those that the content keys make.
        timeout: seconds to wait for W&B's server before the run goes offline.
        settings: of ``wandb.Settings``, over the defaults: a silent screen, no code, no git diff, no console upload.

    Raises:
        UserError: a value is not allowed.
    """

    def __init__(
        self,
        project: str = "augsbert",
        entity: str | None = None,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        timeout: float = 3,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if not project or set(project) & set("/\\#?%:"):
            raise UserError(f"logger.project={project!r}: give a name without any of / \\ # ? % :")
        check_above_zero("logger.timeout", timeout)
        if bad := [tag for tag in tags or [] if not 1 <= len(tag) <= _TAG_LENGTH]:
            raise UserError(f"logger.tags: {bad[0]!r} has {len(bad[0])} characters; give 1 to {_TAG_LENGTH}")
        self._place = {"project": project, "entity": entity, "name": name}
        self._tags = list(tags or [])
        self._timeout = timeout
        self._settings: dict[str, Any] = dict(settings or {})

    @contextmanager
    def run(
        self,
        config: Mapping[str, Any],
        keys: Mapping[str, str],
        folder: Path,
        group: str | None = None,
        resumed: str | None = None,
    ) -> Iterator[WandbRun | NoRun]:
        """Open a W&B run, and finish it however the run ends: failed, if by an exception.

        Args:
            config: the resolved config.
            keys: stage to content key; in full in the config (``stage_keys``), cut to 12 characters among the tags.
            folder: the run's output folder.
            group: the sweep that the run belongs to.
            resumed: id of a run that is gone on with if it is there; None begins one.
        """
        job = {"config": {**config, "stage_keys": dict(keys)}, "tags": self._all_tags(keys), "group": group}
        run_id = {"id": resumed, "resume": "allow"} if resumed else {}
        run = self._start({**self._place, **job, **run_id, "dir": str(folder)})
        exit_code, seconds = 1, None  # as long as W&B waits by itself
        try:
            yield NoRun() if run is None else WandbRun(run)
            exit_code = 0
        except KeyboardInterrupt:
            seconds = _SECONDS_AFTER_CTRL_C
            raise
        finally:
            if run is not None:
                with forgiving(f"all of the run (`wandb sync {_files(run)}` uploads the rest)"):
                    run.finish(exit_code=exit_code) if seconds is None else _finish(run, exit_code, seconds)

    def _all_tags(self, keys: Mapping[str, str]) -> list[str]:
        made = [f"{stage}:{key[:12]}"[:_TAG_LENGTH] for stage, key in keys.items()]
        return list(dict.fromkeys([*self._tags, *made]))

    def _start(self, job: dict[str, Any]) -> Any:
        """A live ``wandb.Run``, or None if there cannot be one."""
        settings = self._checked_settings()
        with forgiving("the run"):
            import wandb

            Path(job["dir"]).mkdir(parents=True, exist_ok=True)
            ambient = wandb.setup(wandb.Settings(**{"silent": True, **self._settings})).settings
            job = {**job, "settings": settings}
            if ambient.mode in ("offline", "dryrun"):
                return self._offline(job, f"mode {ambient.mode}")
            return self._online_or_offline(job, ambient) if ambient.mode == "online" else _init(job, ambient.mode)
        return None

    def _checked_settings(self) -> Any:
        """Our settings as far as this W&B knows them, and the user's over them."""
        import wandb

        known = wandb.Settings.__annotations__
        ours: dict[str, Any] = {**_SETTINGS, "login_timeout": self._timeout}
        try:
            return wandb.Settings(**{name: ours[name] for name in ours if name in known} | self._settings)
        except (TypeError, ValueError) as error:
            raise UserError(f"logger.settings={self._settings}: {' '.join(str(error).split())}") from error

    def _online_or_offline(self, job: dict[str, Any], ambient: Any) -> Any:
        reason = why_offline(ambient, self._timeout)
        if reason is None:
            try:
                return self._online(job)
            except Exception as error:
                reason = first_line(error)
                # W&B may still hold the id of the run that did not start.
                job = {name: value for name, value in job.items() if name not in ("id", "resume")}
        return self._offline(job, reason)

    def _online(self, job: dict[str, Any]) -> Any:
        run = _init(job, "online")
        log.info("W&B: %s", run.url)
        return run

    def _offline(self, job: dict[str, Any], reason: str) -> Any:
        run = _init(job, "offline")
        log.warning("W&B is offline (%s). To upload the run: `wandb login`, then `wandb sync %s`", reason, _files(run))
        return run


def _finish(run: Any, exit_code: int, seconds: float) -> None:
    """Finish a run, for so long at most; W&B itself would try for ``finish_timeout``.

    Raises:
        TimeoutError: it is not through by then.
    """
    finishing = Thread(target=run.finish, kwargs={"exit_code": exit_code}, daemon=True)
    finishing.start()
    finishing.join(seconds)
    if finishing.is_alive():
        raise TimeoutError(f"not uploaded within {seconds:g} s")


def _init(job: Mapping[str, Any], mode: Any) -> Any:
    """Start a run, under an id of its own if none is given: two processes may hold the same content keys."""
    import wandb

    return wandb.init(**{"id": secrets.token_hex(4), **job}, mode=mode)


def _files(run: Any) -> Path:
    return Path(run.dir).parent
