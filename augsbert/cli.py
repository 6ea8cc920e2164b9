"""The command: compose, check, plan or run, report. It returns the metric that a sweeper optimises."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from augsbert.commandline import explain, parts_help, refuse_null_parts, refuse_unknown_parts
from augsbert.errors import UserError

_HERE = Path(__file__).parent
#: The configs: inside the package where it was installed from a wheel, beside it in a checkout.
CONF = next(folder for folder in (_HERE / "conf", _HERE.parent / "conf") if (folder / "config.yaml").is_file())
_wants_traceback = "HYDRA_FULL_ERROR" in os.environ

OmegaConf.register_new_resolver("plus", lambda a, b: a + b, replace=True)
OmegaConf.register_new_resolver("parts_help", lambda: parts_help(CONF), replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> float | None:
    """One job; the imports wait until here, so that --help and a misspelt key are instant."""
    try:
        refuse_unknown_parts()
        from augsbert.experiment import run as run_experiment

        return run_experiment(cfg)
    except UserError as error:
        # Of a single run this is all there is to say; in a sweep Hydra names the job's overrides first.
        if HydraConfig.get().mode == RunMode.RUN and not _wants_traceback:
            sys.exit(_said(str(error)))
        raise


class PlanOfSweep(Callback):
    """With ``-m plan=true``, shows the plans of all jobs as one: a stage that several of them need stands once."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read the jobs' plans from their folders, which every launcher fills alike."""
        if not config.plan:
            return
        from augsbert.store import PLAN, from_json, render

        plans = sorted(Path(config.hydra.sweep.dir).glob(f"*/{PLAN}"))
        print(render(from_json(path.read_text() for path in plans), Path(config.store.dir).absolute()))


def main() -> None:
    """Run the command line; a user's mistake is one message and exit status 1, Ctrl-C the line that goes on and 130."""
    # Hydra would print and exit by itself; its errors come here instead, to gain the nearest name.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        refuse_null_parts(sys.argv[1:], CONF)
        run()
    except (UserError, HydraException) as error:
        if _wants_traceback:
            raise
        message = str(error) if isinstance(error, UserError) else explain(error, CONF)
        sys.exit(_said(message))
    except KeyboardInterrupt:
        program = [sys.executable] if sys.argv[0].endswith(".py") else []
        line = shlex.join([*program, *sys.argv])
        print(f"\nInterrupted. What is finished is kept; to go on: {line}", file=sys.stderr)
        sys.exit(130)


def _said(message: str) -> str:
    """A line for each mistake, and below it, further in, the rest of what there is to say of it."""
    return "\n".join(line if line.startswith(" ") else f"error: {line}" for line in message.splitlines())
