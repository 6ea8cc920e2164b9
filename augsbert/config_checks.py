"""A composed config held to its types and its parts' signatures: all mistakes in its values are said at once.

What the command line can get wrong before there is a config, a misspelt key above all, is in ``commandline.py``.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from augsbert.config import MISSING, TARGET, make, nearest, part_class, plain, shown
from augsbert.errors import UserError

#: What a value must be, by pydantic's kind of error; of other kinds pydantic's own words are taken.
_WORDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "too_short": "a list of at least {min_length}",
    "greater_than_equal": "{ge} or more",
}


def check(cfg: DictConfig, settings: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    """Hold settings to their types, and parts to their signatures; then make the parts.

    Args:
        cfg: the composed config.
        settings: key -> type, of the settings that are no part's.
        parts: name in the config -> node in plain containers; those that are None are passed over.

    Raises:
        UserError: with one line for each mistake.
    """
    said = [line for key, hint in settings.items() for line in mistyped(key, plain(OmegaConf.select(cfg, key)), hint)]
    for name, node in parts.items():
        if node is not None:
            said += list(mistakes(name, node)) or list(_refusals(name, node))
    complain(cfg, said)


def complain(cfg: DictConfig, said: list[str]) -> None:
    """Raise what is said, if anything is: each mistake once, where it stands, and not where it is interpolated.

    Raises:
        UserError: with one line for each mistake; each begins with its key.
    """
    if said:
        raise UserError("\n".join(dict.fromkeys([line for line in said if _stands_there(cfg, line)] or said)))


def _stands_there(cfg: DictConfig, line: str) -> bool:
    node: Any = cfg
    for name in re.split(r"[^\w.]", line, maxsplit=1)[0].split("."):
        there = isinstance(node, DictConfig) and name in node.keys()  # noqa: SIM118
        if not there or OmegaConf.is_interpolation(node, name):
            return False
        node = None if OmegaConf.is_missing(node, name) else node[name]
    return True


def mistakes(path: str, node: Any) -> Iterable[str]:
    """What is wrong with a node by its part's signature: unknown, missing and mistyped arguments, nested parts too."""
    if not isinstance(node, Mapping) or TARGET not in node:
        yield f"{path}={shown(node)}: it is no part, which has a _target_ and settings of its own."
        return
    try:
        part = part_class(node)
    except UserError as error:
        yield f"{path}.{error}"
        return
    yield from _unbound(path, node, inspect.signature(part))
    hints = typing.get_type_hints(part.__init__)
    for name, value in node.items():
        if _is_part(value):
            yield from mistakes(f"{path}.{name}", value)
        elif name in hints and value != MISSING:
            yield from mistyped(f"{path}.{name}", value, hints[name])


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and TARGET in value


def _unbound(path: str, node: Mapping[str, Any], signature: inspect.Signature) -> Iterable[str]:
    takes = {name: p for name, p in signature.parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    takes_all = any(p.kind == p.VAR_KEYWORD for p in signature.parameters.values())
    for name in [name for name in node if name not in takes and not name.startswith("_")]:
        if not takes_all:
            yield f"{path}.{name}: {node[TARGET]} has no such setting{nearest(name, takes)}"
        elif not _is_part(node[name]):
            inner = next((other for other, value in node.items() if _is_part(value)), "NAME")
            yield (
                f"{path}.{name}: {node[TARGET]} holds parts alone, which have settings of their own. "
                f"Leave it out, '~{path}.{name}', and set it in each part that is to have it: {path}.{inner}.{name}=..."
            )
    for name, parameter in takes.items():
        if node.get(name, parameter.default) in (parameter.empty, MISSING):
            yield f"{path}.{name}: it has no value. Set {path}.{name}=..."


def mistyped(key: str, value: Any, hint: Any) -> Iterable[str]:
    """What is wrong with a value by its type; of a mapping, which entries."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    if _takes_part(hint):
        if value is not None:
            yield f"{key}={shown(value)}: it holds settings of its own. {_way_in(key)}"
        return
    try:
        TypeAdapter(hint, config=ConfigDict(strict=True, arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as error:
        wanted: dict[str, list[str]] = {}
        for said in error.errors():
            inner = isinstance(value, Mapping) and said["loc"] and said["loc"][0] in value
            where = f"{key}.{said['loc'][0]}={shown(said['input'])}" if inner else f"{key}={shown(value)}"
            wanted.setdefault(where, []).append(_wanted(said))
        null = ["null"] if NoneType in typing.get_args(hint) else []
        yield from (f"{where}: it must be {', or '.join([*words, *null])}." for where, words in wanted.items())


def _wanted(said: Mapping[str, Any]) -> str:
    if said["type"] in _WORDS:
        return _WORDS[said["type"]].format(**said.get("ctx", {}))
    return said["msg"].removeprefix("Input should be ")


def _takes_part(hint: Any) -> bool:
    """Whether a nested part alone can give a value of this type."""
    kinds = [kind for kind in typing.get_args(hint) or (hint,) if inspect.isclass(kind)]
    return any(kind.__module__.split(".")[0] not in ("builtins", "collections", "typing", "pathlib") for kind in kinds)


def _way_in(key: str) -> str:
    """The line to type: another part, where there is a group of several, or other settings."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    groups = HydraConfig.get().runtime.choices if HydraConfig.initialized() else {}
    for choice in groups:
        group, _, mounted = choice.partition("@")
        if (mounted or group.replace("/", ".")) == key:
            options = GlobalHydra.instance().config_loader().get_group_options(group)
            return f"Choose a part: {choice}=NAME." if len(options) > 1 else f"Set those: {key}.NAME=VALUE."
    return f"Set those: {key}.NAME=VALUE."


def _refusals(path: str, node: Mapping[str, Any]) -> Iterable[str]:
    """What parts themselves refuse, nested ones first; a part knows its arguments, not where it stands in a config."""
    nested = [line for name, part in node.items() if _is_part(part) for line in _refusals(f"{path}.{name}", part)]
    if nested:
        yield from nested
        return
    try:
        make(node)
    except UserError as error:
        yield located(str(error), path, node)


def located(message: str, path: str, node: Mapping[str, Any]) -> str:
    """A part's complaint with the key in the config: ``scale=0: ...`` becomes ``bi_encoder.loss.scale=0: ...``."""
    if re.split(r"\W", message, maxsplit=1)[0] in inspect.signature(part_class(node)).parameters:
        return f"{path}.{message}"
    message = mounted(message, path, node)
    return message if re.match(rf"(\w+@)?{path.partition('.')[0]}\b", message) else f"{path}: {message}"


def mounted(message: str, path: str, node: Mapping[str, Any]) -> str:
    """A data set speaks of itself as ``dataset``; one mounted elsewhere, as ``source``, is called by its place."""
    if path == "dataset":
        return message
    settings = "|".join(inspect.signature(part_class(node)).parameters)
    message = re.sub(rf"(?<![\w./])dataset\.(?=({settings})\b)", f"{path}.", message)
    return re.sub(r"(?<![\w./])dataset=(?=\w)", f"dataset@{path}=", message)
