"""What a run leaves in its folder, out of the store; every report is made from these files alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from augsbert.pipeline import Flow
from augsbert.store import Stage


def leave(flow: Flow, folder: Path) -> dict[str, float]:
    """Write ``metrics.json``, ``stages.json``, ``silver.parquet``, ``predictions.parquet`` and the models' folders.

    Returns:
        The metrics: flat, names as in ``bi_encoder/test/spearman``, values in their natural range.
    """
    metrics = {
        f"{name}/{metric}": value
        for name, stage in flow.evaluations.items()
        for metric, value in json.loads((stage.folder / "metrics.json").read_text()).items()
    }
    metrics["gold/pairs"] = float(len(flow.gold))
    if flow.silver is not None:
        shutil.copyfile(flow.silver.folder / "pairs.parquet", folder / "silver.parquet")
        metrics["silver/pairs"] = float(len(pd.read_parquet(folder / "silver.parquet")))
    _predictions(flow).to_parquet(folder / "predictions.parquet")
    for name, part in (("bi_encoder", flow.bi_encoder or flow.baseline), ("cross_encoder", flow.labeller)):
        if part is not None and "encoder" in part.inputs:
            _copy(part.inputs["encoder"].folder / "model", folder / name)
    records = [record._asdict() for record in flow.store.records.values()]
    (folder / "stages.json").write_text(json.dumps(records, indent=1))
    metrics |= _times(records)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1, sort_keys=True))
    return metrics


def _predictions(flow: Flow) -> pd.DataFrame:
    """A row per dev and test pair, a column per encoder."""
    splits = flow.splits(flow.target)
    pairs = pd.concat([splits.dev.assign(split="dev"), splits.test.assign(split="test")], ignore_index=True)
    columns = {
        name: pd.read_parquet(stage.folder / "predictions.parquet")["prediction"] for name, stage in flow.evaluations.items()
    }
    return pairs.assign(**columns)


def _times(records: list[dict[str, Any]]) -> dict[str, float]:
    """``time/STAGE``, seconds that this run spent, and ``found/STAGE``, 1 if all of the name were there."""
    table = pd.DataFrame(records).groupby("name", sort=False)
    spent, found = table["seconds"].sum(), table["found"].all()
    return {f"time/{name}": float(spent[name]) for name in spent.index} | {
        f"found/{name}": float(found[name]) for name in found.index
    }


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
    fits = {"cross_encoder": flow.labeller, "bi_encoder": flow.bi_encoder, "baseline": flow.baseline}
    for name, part in fits.items():
        stage: Stage | None = part.inputs.get("encoder") if part is not None else None
        if stage is not None and stage.found:
            logged.curve(name, json.loads((stage.folder / "curve.json").read_text()))
    if flow.silver is not None:
        logged.silver(pd.read_parquet(flow.silver.folder / "pairs.parquet"), flow.gold)
    logged.metrics(metrics)
