"""One job, from a composed config to what its folder holds: check everything, then plan or run, then report."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from augsbert import ranks, results, run_files
from augsbert.config import make, nearest, plain, texts
from augsbert.errors import UserError
from augsbert.evaluation import NAMES, PRIMARY
from augsbert.hardware import describe
from augsbert.nodes import parts_of
from augsbert.pipeline import Flow
from augsbert.preflight import look_ahead
from augsbert.reporting.table import COMPARED, table
from augsbert.store import PLAN, Store, plan, render, to_json


def check(cfg: DictConfig) -> None:
    """Look at everything that can be wrong before a stage runs; this imports torch and Lightning.

    Raises:
        UserError: all that is wrong with the config.
    """
    look_ahead(cfg)
    _refuse_ranks(cfg)
    named = [pair for name, node in parts_of(cfg).items() for pair in texts(name, node)]
    named += texts("pool", plain(cfg.pool))
    results.refuse_to_replace(Path(HydraConfig.get().runtime.output_dir), named)


def run(cfg: DictConfig) -> float | None:
    """Plan or run a checked config.

    Returns:
        The value of ``objective``; None for a plan.

    Raises:
        UserError: the first thing that is wrong with the data.
    """
    # A job may have changed into its own folder (hydra.job.chdir), and shares the store all the same.
    place = Path(HydraConfig.get().runtime.cwd, Path(cfg.store.dir).expanduser())
    store = Store(place, _environment(cfg))
    flow = Flow(cfg, store, fetch=not cfg.plan)
    folder, sweep = Path(HydraConfig.get().runtime.output_dir), HydraConfig.get().mode == RunMode.MULTIRUN
    if cfg.plan:
        planned = plan(flow.evaluations.values())
        # Under -m the plans of all jobs are put together at the end: augsbert.sweep.
        (folder / PLAN).write_text(to_json(planned)) if sweep else print(render(planned, store.dir))
        return None
    objective = _objective(cfg, flow)
    metrics = _run(cfg, flow, folder, run_files.sweep_name(Path(HydraConfig.get().sweep.dir)) if sweep else None)
    print(table(metrics))
    return metrics[objective]


def _run(cfg: DictConfig, flow: Flow, folder: Path, group: str | None) -> dict[str, float]:
    keys = {stage.name: stage.key for last in flow.evaluations.values() for stage in last.upstream}
    results.begin(folder, plain(cfg), HydraConfig.get().runtime.choices, HydraConfig.get().overrides.task)
    with make(plain(cfg.logger)).run(plain(cfg), keys, folder, group) as logged:
        metrics = results.leave(flow, folder)
        results.log(flow, metrics, logged)
    return metrics


def _objective(cfg: DictConfig, flow: Flow) -> str:
    """The metric to return, which must be a dev metric: choosing by test would be a leak."""
    if not flow.evaluations:
        raise UserError(
            "compare: there is nothing to evaluate, as no sampler gives silver. "
            "Set compare.baseline=true or compare.untrained=true."
        )
    known = [f"{name}/dev/{metric}" for name in flow.evaluations for metric in NAMES[flow.posed]]
    first = next(iter(flow.evaluations))
    wanted = cfg.objective or f"{first}/dev/{PRIMARY[flow.posed]}"
    encoder = wanted.partition("/")[0]
    if cfg.compare.get(row := COMPARED.get(encoder, "")) is False:
        raise UserError(f"objective={wanted}: this run does not evaluate {encoder}. Set compare.{row}=true.")
    if wanted not in known:
        raise UserError(f"objective={wanted}: it must be a dev metric of this run{nearest(wanted, known)}")
    return wanted


def _refuse_ranks(cfg: DictConfig) -> None:
    """Refuse processes that nobody would use, and nodes that are not there."""
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("WORLD_SIZE") or 1)
    if ranks.world() == 1 and tasks > 1:
        raise UserError(
            f"{tasks} tasks run this command. Start run.py once and set trainer=ddp trainer.devices=N, which starts a "
            "process for each device itself; for several nodes start it by torchrun (docs/scale.md)."
        )
    wanted = cfg.trainer.devices * cfg.trainer.num_nodes
    if (ranks.world() > 1 and ranks.world() != wanted) or (ranks.world() == 1 and cfg.trainer.num_nodes > 1):
        raise UserError(
            f"trainer.devices={cfg.trainer.devices} x trainer.num_nodes={cfg.trainer.num_nodes}: torchrun has started "
            f"{ranks.world()}. Start run.py by torchrun --nnodes={cfg.trainer.num_nodes} "
            f"--nproc-per-node={cfg.trainer.devices}, or set them to what it starts."
        )


def _environment(cfg: DictConfig) -> dict[str, str]:
    versions = {
        name: importlib.metadata.version(name) for name in ("augsbert", "torch", "transformers", "pytorch-lightning")
    }
    device = f"{cfg.trainer.accelerator} x {cfg.trainer.devices * cfg.trainer.num_nodes}"
    return {**versions, "python": platform.python_version(), "device": device, "processor": describe()}
