"""What is looked at before the first stage runs, so that no slip ends hours of work: values, parts, files, weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field

from augsbert.config import TARGET, make, nearest, part_class, plain
from augsbert.config_checks import check, complain, located, mistyped
from augsbert.encoders.model_folder import NO_HEAD, limits, read_config
from augsbert.encoders.weights import resolve
from augsbert.errors import UserError
from augsbert.hardware import Hardware, require_device
from augsbert.nodes import parts_of
from augsbert.parts import STAGE, nested, own_encoders

log = logging.getLogger(__name__)

#: The settings that are no part's, and what each may be.
SETTINGS: dict[str, Any] = {
    "model": str,
    "seed": Annotated[int, Field(ge=0, lt=2**63)],
    "gold_size": Annotated[int, Field(ge=1)] | None,
    "pool": str | Annotated[list[str], Field(min_length=1)],
    "train_on": Literal["gold_and_silver", "silver"],
    "holdout": Annotated[float, Field(gt=0, lt=1)],
    "relabel_gold": bool,
    "rounds": Annotated[int, Field(ge=1)],
    "compare.untrained": bool,
    "compare.baseline": bool,
    "compare.upper_bound": bool,
    "compare.poly": bool,
    "objective": str | None,
    "pruning": dict[str, Any] | None,
    "plan": bool,
    "store.dir": str,
}
#: Fits that a part's ``encoder: stage:NAME`` may name: those that hang on gold alone.
FITTED = ("baseline",)
#: Nodes that every run reads.
NEEDED = (
    *("dataset", "selector", "cross_encoder", "bi_encoder", "bi_encoder.loss", "bi_encoder.fit"),
    *("baseline", "baseline.loss", "baseline.fit", "trainer", "logger", "compare", "store"),
)


_CROSS_ENCODER = "augsbert.encoders.cross.CrossEncoder"


def look_ahead(cfg: DictConfig) -> None:
    """Refuse a config that no run can follow.

    Raises:
        UserError: all that is wrong with its values; if nothing is, with the files, weights and devices that it names.
    """
    _refuse_holes(cfg)
    parts = parts_of(cfg)
    check(cfg, SETTINGS, parts)
    used = dict(_used(cfg, parts))
    here = [*_absent_files(used), *_unusable_weights(cfg, used), *_unfit_devices(cfg, used)]
    complain(cfg, [*here, *_contradictions(cfg, used)])


def _used(cfg: DictConfig, parts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Place in the config -> node of the parts that this run makes, nested ones too."""
    idle = {"cross_encoder": not parts["sampler"], "poly_encoder": not cfg.compare.poly}
    for name, node in parts.items():
        if node and not idle.get(name):
            yield from _with_nested(name, node)


def _with_nested(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, node
    for name, inner in nested(node):
        yield from _with_nested(f"{path}.{name}", inner)


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
    for name, node in parts.items():
        try:
            if hasattr(part_class(node), "files"):
                make(node).files()
        except UserError as error:
            yield located(str(error), name, node)


def _unusable_weights(cfg: DictConfig, parts: Mapping[str, Any]) -> Iterator[str]:
    named = [(path, node, role, encoder) for path, node in parts.items() for role, encoder in own_encoders(node)]
    for path, node, role, encoder in named:
        if encoder.startswith(STAGE):
            yield from _no_such_stage(path, encoder)
            continue
        try:
            weights = resolve(encoder, fetch=not cfg.plan)
        except UserError as error:
            key = "model" if encoder == cfg.model else f"{path}.{role}"
            # The weights say of what folder they speak, which is the setting's value, perhaps in other words.
            said = str(error).removeprefix(f"{Path(encoder).expanduser()}: ").removeprefix(f"{encoder}: ")
            yield f"{key}={encoder}: {said}"
        else:
            yield from (
                (*_too_deep(path, node, weights.folder), *_headless(path, node, weights.folder)) if weights else ()
            )


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


def _headless(name: str, node: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """A labeller without a fit that by its config was saved without a head; where that says nothing, loading will."""
    if node[TARGET] == _CROSS_ENCODER and node.get("fit") is None:
        architectures = read_config(folder).get("architectures") or []
        if architectures and not any(kind.endswith("ForSequenceClassification") for kind in architectures):
            yield f"{name}.encoder={node['encoder']}: {NO_HEAD}"


def _contradictions(cfg: DictConfig, parts: Mapping[str, Any]) -> Iterator[str]:
    """Settings of which one takes away what another one needs."""
    # Later rounds search with a new encoder; a sampler without one would find the same pairs again.
    embeds = [path for path, node in parts.items() if path.partition(".")[0] == "sampler" and "encoder" in node]
    if cfg.rounds > 1 and not embeds:
        yield f"rounds={cfg.rounds}: this sampler embeds nothing, and all would find the same. Set sampler=semantic."
    if cfg.relabel_gold and cfg.train_on == "silver":
        yield "relabel_gold=true: with train_on=silver no gold is learnt from. Leave one of them out."
    if cfg.relabel_gold and not cfg.get("sampler"):
        yield "relabel_gold=true: without a sampler there is no labeller. Set sampler=bm25, or relabel_gold=false."
    if cfg.compare.poly:
        yield from _without_poly(cfg)


def _without_poly(cfg: DictConfig) -> Iterator[str]:
    if not (cfg.get("sampler") or cfg.get("augmenter")):
        yield "compare.poly=true: it is fitted on what AugSBERT is, and nothing gives silver. Set sampler=bm25."
    for name in ("poly_encoder", "poly_encoder.fit", "poly_encoder.loss"):
        if OmegaConf.select(cfg, name) is None:
            yield f"{name}: compare.poly=true cannot do without it. Leave out what takes it away: {name}=null."


def _unfit_devices(cfg: DictConfig, parts: Mapping[str, Any]) -> Iterator[str]:
    hardware: Hardware = make(parts["trainer"])
    fits = {name: node["fit"] for name, node in parts.items() if isinstance(node.get("fit"), Mapping)}
    questions: list[Callable[[], Any]] = [
        partial(hardware.share, fit["batch_size"], f"{name}.fit.batch_size") for name, fit in fits.items()
    ]
    questions += [partial(hardware.precision, fit["precision"], f"{name}.fit.precision") for name, fit in fits.items()]
    devices: dict[str, str] = {"trainer.accelerator": hardware.accelerator}
    devices |= {f"{name}.device": str(node["device"]) for name, node in parts.items() if "device" in node}
    if not cfg.plan:
        questions += [partial(require_device, *device) for device in devices.items()]
    for name, node in parts.items():
        # A sampler has a device of its own.
        if node.get("backend") == "openvino" and "device" not in node and hardware.accelerator != "cpu":
            yield f"{name}.backend=openvino: a CPU's, beside trainer.accelerator={hardware.accelerator}. Set torch."
    for question in questions:
        try:
            question()
        except UserError as error:
            yield str(error)
