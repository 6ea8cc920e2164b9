"""What a run leaves in its folder, out of the store; every report is made from these files alone."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from augsbert import run_files
from augsbert.errors import UserError
from augsbert.parts import Part
from augsbert.pipeline import Flow
from augsbert.reporting.silver import collapse_warning, histogram
from augsbert.store import Stage

logger = logging.getLogger(__name__)

#: By which reports know a run, and what else it leaves.
_RECORDS = (run_files.METRICS, run_files.STAGES, run_files.SETTINGS)
_TABLES = (run_files.HISTOGRAM, run_files.SILVER, run_files.PREDICTIONS)
#: Kinds of stages that fit an encoder.
_FITTED = ("bi_encoder", "cross_encoder")
#: Folders of the encoders that a run leaves.
_MODELS = ("bi_encoder", "cross_encoder", "poly_encoder")


def refuse_to_replace(folder: Path, named: Iterable[tuple[str, str]]) -> None:
    """Refuse to start from what lies where the run leaves its own.

    Args:
        folder: of the run.
        named: setting and the weights or the file that it names.

    Raises:
        UserError: with the first such setting.
    """
    own = [(folder / name).resolve() for name in (*_MODELS, *_RECORDS, *_TABLES)]
    for key, name in named:
        path = Path(name).expanduser().resolve()
        if any(path.is_relative_to(replaced) for replaced in own):
            raise UserError(f"{key}={name}: this run would replace it. Set another hydra.run.dir, or move it.")


def begin(folder: Path, config: Mapping[str, Any], choices: Mapping[str, Any], overrides: Iterable[Any]) -> None:
    """Write ``settings.json``, in place of what an earlier run left: its files must not stand under other settings."""
    forget(folder)
    for name in _TABLES:
        (folder / name).unlink(missing_ok=True)
    for name in _MODELS:
        shutil.rmtree(folder / name, ignore_errors=True)
    parts = {str(group): choice for group, choice in choices.items()}
    settings = {"overrides": [str(override) for override in overrides], "choices": parts, "config": dict(config)}
    run_files.write_whole(folder / run_files.SETTINGS, json.dumps(settings, indent=1))


def forget(folder: Path) -> None:
    """Remove what reports know a run by; the rest stays, as the next run may have been told to read it."""
    for name in _RECORDS:
        (folder / name).unlink(missing_ok=True)


def leave(flow: Flow, folder: Path) -> dict[str, float]:
    """Write ``metrics.json``, ``stages.json``, the tables of silver and predictions, and the models' folders.

    Returns:
        The metrics: flat, names as in ``bi_encoder/test/spearman``, values in their natural range.
    """
    silver = _silver(flow, folder)
    metrics = {
        f"{name}/{metric}": value
        for name, stage in flow.evaluations.items()
        for metric, value in json.loads((stage.folder / "metrics.json").read_text()).items()
    }
    metrics["silver/gold_pairs"] = float(len(flow.gold))
    if silver is not None:
        metrics["silver/pairs"] = float(len(silver))
    _predictions(flow).to_parquet(folder / run_files.PREDICTIONS)
    for name, part in _models(flow):
        if "encoder" in part.inputs:
            _copy(part.inputs["encoder"].folder / "model", folder / name)
    records = _records(flow)
    run_files.write_whole(folder / run_files.STAGES, json.dumps(records, indent=1))
    metrics |= _times(records)
    run_files.write_whole(folder / run_files.METRICS, json.dumps(metrics, indent=1, sort_keys=True))
    return metrics


def _silver(flow: Flow, folder: Path) -> pd.DataFrame | None:
    """Silver, its file and its histogram, before anything is trained on it; a collapse is warned about."""
    if flow.silver is None:
        return None
    shutil.copyfile(flow.silver.folder / "pairs.parquet", folder / run_files.SILVER)
    silver = pd.read_parquet(folder / run_files.SILVER)
    histogram(silver, flow.gold).to_json(folder / run_files.HISTOGRAM, orient="records", indent=1)
    if warning := collapse_warning(silver, flow.gold):
        logger.warning("%s", warning)
    return silver


def _models(flow: Flow) -> Iterator[tuple[str, Part]]:
    """Folder in the run -> encoder that is left there; without silver the first bi-encoder that was evaluated."""
    evaluated = [name for name in ("bi_encoder", "baseline", "upper_bound") if name in flow.evaluations]
    yield from (("bi_encoder", getattr(flow, name)) for name in evaluated[:1])
    yield from flow.labeller.items()
    if flow.cfg.compare.poly and flow.poly_encoder is not None:
        yield "poly_encoder", flow.poly_encoder


def _records(flow: Flow) -> list[dict[str, Any]]:
    """Every stage of the flow; one that nothing asked for, as what hangs on it was there, counts as found if it is."""
    every: dict[tuple[str, str], Stage] = {}
    for last in flow.evaluations.values():
        for stage in last.upstream:
            # Rounds have stages in common; roles may share a key, as the baseline and an upper bound do with all gold.
            known = every.setdefault((stage.name, stage.key), stage)
            every[stage.name, stage.key] = max(known, stage, key=_told)
    return [(stage.record or stage.recorded(found=stage.found))._asdict() for stage in every.values()]


def _told(stage: Stage) -> int:
    """How much a stage has to say of this run: that it was made, that it was found, or nothing."""
    return 0 if stage.record is None else 2 - stage.record.found


def _predictions(flow: Flow) -> pd.DataFrame:
    """A row per dev and test pair, a column per encoder."""
    splits = flow.evaluation_data.splits()
    pairs = pd.concat([splits.dev.assign(split="dev"), splits.test.assign(split="test")], ignore_index=True)
    columns = {
        name: pd.read_parquet(stage.folder / "predictions.parquet")["prediction"]
        for name, stage in flow.evaluations.items()
    }
    return pairs.assign(**columns)


def _times(records: list[dict[str, Any]]) -> dict[str, float]:
    """``time/STAGE``, seconds that this run spent, and ``found/STAGE``, 1 if all of the name were there."""
    names = pd.Series([record["name"].split("/")[0] for record in records])
    spent = pd.Series([record["seconds"] for record in records]).groupby(names, sort=False).sum()
    found = pd.Series([record["found"] for record in records]).groupby(names, sort=False).all()
    times = {f"time/{name}": float(seconds) for name, seconds in spent.items()}
    return times | {f"found/{name}": float(there) for name, there in found.items()}


def _copy(source: Path, target: Path) -> None:
    """Hard links where the disk allows it (nothing is copied, and pruning the store leaves the run whole), else copies.

    Small files are copied, so that one who edits a config here does not edit the store's.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".safetensors"):
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    else:
        shutil.copyfile(source, target)


def log(flow: Flow, metrics: dict[str, float], logged: Any) -> None:
    """Give the logger the curves of the fits, the silver and the metrics."""
    fits = {s.name: s for last in flow.evaluations.values() for s in last.upstream if s.kind in _FITTED}
    for stage in fits.values():
        if stage.found:
            logged.curve(stage.name, json.loads((stage.folder / "curve.json").read_text()))
    if flow.silver is not None:
        logged.silver(pd.read_parquet(flow.silver.folder / "pairs.parquet"), flow.gold)
    logged.metrics(metrics)
