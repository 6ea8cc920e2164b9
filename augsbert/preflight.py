"""What is looked at before the first stage runs, so that no slip ends hours of work: values, parts, files, weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field

from augsbert.config import check, complain, located, make, mistyped, nearest, plain
from augsbert.encoders.weights import limits, read_config, resolve
from augsbert.errors import UserError
from augsbert.hardware import Hardware
from augsbert.nodes import parts_of
from augsbert.parts import STAGE

log = logging.getLogger(__name__)

#: The settings that are no part's, and what each may be.
SETTINGS: dict[str, Any] = {
    "model": str,
    "seed": Annotated[int, Field(ge=0)],
    "gold_size": Annotated[int, Field(ge=1)] | None,
    "pool": str,
    "compare.untrained": bool,
    "compare.baseline": bool,
    "compare.upper_bound": bool,
    "objective": str | None,
    "plan": bool,
    "store.dir": str,
}
#: Fits that a part's ``encoder: stage:NAME`` may name: those that hang on gold alone.
FITTED = ("baseline", "upper_bound")
#: Nodes that every run reads.
NEEDED = (
    *("dataset", "selector", "cross_encoder", "bi_encoder", "bi_encoder.loss", "bi_encoder.fit"),
    *("baseline", "baseline.loss", "baseline.fit", "trainer", "logger", "compare", "store"),
)


def look_ahead(cfg: DictConfig) -> None:
    """Refuse a config that no run can follow.

    Raises:
        UserError: all that is wrong with its values; if nothing is, with the files, weights and devices that it names.
    """
    _refuse_holes(cfg)
    parts = parts_of(cfg)
    check(cfg, SETTINGS, parts)
    used = {name: node for name, node in parts.items() if node and (name != "cross_encoder" or parts["sampler"])}
    complain(cfg, [*_absent_files(used), *_unusable_weights(cfg, used), *_unfit_devices(cfg, used)])


def _refuse_holes(cfg: DictConfig) -> None:
    try:
        complain(cfg, list(_holes(cfg)))
        plain(cfg)
    except OmegaConfBaseException as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"{error.full_key}: {said}. Mend the ${{...}} in its value.") from error


def _holes(cfg: DictConfig) -> Iterator[str]:
    bad: set[str] = set()
    for key in NEEDED:
        if key.rpartition(".")[0] in bad:
            continue
        node = OmegaConf.select(cfg, key)
        if not isinstance(node, DictConfig):
            bad.add(key)
            why = f"{key}: no run can do without it. Leave out what takes it away: {key}=null or '~{key}'."
            yield from [why] if node is None else mistyped(key, node, DictConfig)


def _absent_files(parts: Mapping[str, Any]) -> Iterator[str]:
    for name in [name for name in ("dataset", "source") if name in parts]:
        try:
            make(parts[name]).files()
        except UserError as error:
            yield located(str(error), name, parts[name])


def _unusable_weights(cfg: DictConfig, parts: Mapping[str, Any]) -> Iterator[str]:
    for name, node in parts.items():
        encoder = node.get("encoder")
        if encoder is None:
            continue
        if encoder.startswith(STAGE):
            yield from _no_such_stage(name, encoder)
            continue
        try:
            weights = resolve(encoder, fetch=not cfg.plan)
        except UserError as error:
            key = "model" if encoder == cfg.model else f"{name}.encoder"
            # The weights say of what folder they speak, which is the setting's value, perhaps in other words.
            said = str(error).removeprefix(f"{Path(encoder).expanduser()}: ").removeprefix(f"{encoder}: ")
            yield f"{key}={encoder}: {said}"
        else:
            yield from _too_deep(name, node, weights.folder) if weights else ()


def _no_such_stage(name: str, encoder: str) -> Iterator[str]:
    if encoder.removeprefix(STAGE) not in FITTED:
        yield f"{name}.encoder={encoder}: no fit that can come before it{nearest(encoder, [STAGE + n for n in FITTED])}"
    elif name == "baseline":
        yield f"bi_encoder.encoder={encoder}: the baseline would start from it too. Set +baseline.encoder='${{model}}'."


def _too_deep(name: str, node: Mapping[str, Any], folder: Path) -> Iterator[str]:
    layers, positions = limits(read_config(folder))
    wanted, length = node.get("num_layers"), node.get("max_seq_length")
    if layers and wanted and wanted > layers:
        yield f"{name}.num_layers={wanted}: {folder} has {layers} layers. Set 1 to {layers}, or null for all."
    if positions and length and length > positions and name != "baseline":
        log.warning("%s.max_seq_length=%d: %s has %d positions; inputs are cut there.", name, length, folder, positions)


def _unfit_devices(cfg: DictConfig, parts: Mapping[str, Any]) -> Iterator[str]:
    hardware: Hardware = make(parts["trainer"])
    fits = {name: node["fit"] for name, node in parts.items() if node.get("fit")}
    questions: list[Callable[[], Any]] = [
        partial(hardware.share, fit["batch_size"], f"{name}.fit.batch_size") for name, fit in fits.items()
    ]
    if not cfg.plan:
        questions.append(partial(hardware.precision, "auto"))  # which looks for a GPU
    for question in questions:
        try:
            question()
        except UserError as error:
            yield str(error)
