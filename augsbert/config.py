"""From a composed config to checked parts: every mistake that a config can hold is said before the first stage runs.

A misspelt key or group is Hydra's to catch (struct mode), at once and without torch; :func:`nearest` adds the likely name.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from augsbert.errors import UserError

TARGET = "_target_"


def plain(node: Any) -> Any:
    """A node as plain containers, interpolations resolved; None stays None."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def part_class(node: Mapping[str, Any]) -> Any:
    """The class (or function) that a node's ``_target_`` names.

    Raises:
        UserError: there is no such thing.
    """
    from hydra.utils import get_object

    try:
        return get_object(node[TARGET])
    except Exception as error:
        raise UserError(f"_target_={node[TARGET]}: it cannot be imported ({_innermost(error)}).") from error


def make(node: Mapping[str, Any], **more: Any) -> Any:
    """The part of a node, nested ones first; the one place that instantiates.

    Raises:
        UserError: the part refuses a value.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate({**node, **more}, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        raise (cause if isinstance(cause, UserError) else error) from None


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0]


def check(parts: Mapping[str, Any]) -> None:
    """Bind every part to its signature and its annotations, then make it; all errors are collected.

    Args:
        parts: name in the config -> node; those that are None are passed over.

    Raises:
        UserError: with one line for each mistake.
    """
    said: list[str] = []
    for name, node in parts.items():
        if node is not None:
            said += _mistakes_of(name, node)
    if said:
        raise UserError("\n".join(dict.fromkeys(said)))


def _mistakes_of(name: str, node: Any) -> list[str]:
    try:
        settings = plain(node)
    except OmegaConfBaseException as error:
        return [f"{name}: {str(error).splitlines()[0]}"]
    return list(mistakes(name, settings)) or list(_refusals(name, settings))


def mistakes(path: str, node: Any) -> Iterable[str]:
    """What is wrong with a node by its part's signature: unknown, missing and mistyped arguments, nested parts too."""
    if not isinstance(node, Mapping):
        yield f"{path}={node}: a part is chosen here by its name in conf/{path}/, or null."
        return
    if TARGET not in node:
        yield f"{path}: it has no _target_."
        return
    try:
        part = part_class(node)
    except UserError as error:
        yield f"{path}.{error}"
        return
    yield from _unbound(path, node, inspect.signature(part))
    yield from _mistyped(path, node, typing.get_type_hints(part.__init__))
    for name, value in node.items():
        if isinstance(value, Mapping) and TARGET in value:
            yield from mistakes(f"{path}.{name}", value)


def _unbound(path: str, node: Mapping[str, Any], signature: inspect.Signature) -> Iterable[str]:
    takes = signature.parameters
    for name in node:
        if name not in takes and not name.startswith("_"):
            yield f"{path}.{name}: {node[TARGET]} has no such setting{nearest(name, takes)}"
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in node:
            yield f"{path}.{name}: it has no value. Set {path}.{name}=..."


def _mistyped(path: str, node: Mapping[str, Any], hints: Mapping[str, Any]) -> Iterable[str]:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    for name, value in node.items():
        if name not in hints or (isinstance(value, Mapping) and TARGET in value) or _opaque(hints[name]):
            continue
        try:
            config = ConfigDict(strict=True, arbitrary_types_allowed=True)
            TypeAdapter(hints[name], config=config).validate_python(value)
        except ValidationError as error:
            yield f"{path}.{name}={value}: {'; or '.join(sorted({e['msg'] for e in error.errors()}))}."


def _opaque(hint: Any) -> bool:
    """Types that only a nested part can give."""
    parts = typing.get_args(hint) or (hint,)
    return any(
        inspect.isclass(p) and p.__module__.split(".")[0] not in ("builtins", "collections", "typing") for p in parts
    )


def _refusals(name: str, settings: Mapping[str, Any]) -> Iterable[str]:
    try:
        make(settings)
    except UserError as error:
        yield f"{name}: {error}"


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean X?`` with the nearest of the known names, or a list of them where none is near."""
    known = [k for k in known if not k.startswith("_") and k != "self"]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f". Did you mean {close[0]}?" if close else f". There are: {', '.join(sorted(known))}."


def explain(error: Exception, conf: Path) -> str:
    """What Hydra said of the command line, with the nearest name added where a key, a group or a part is misspelt."""
    message = str(error)
    if match := re.search(r"Could not override '([\w.@/]+)'", message):
        parent, _, name = match[1].rpartition(".")
        return f"{match[1]}: there is no such setting{nearest(name, _names_below(parent, match[1], conf))}"
    if match := re.search(r"Could not find '([\w/@-]+)/([\w-]+)'", message):
        options = [path.stem for path in (conf / match[1]).glob("*.yaml")]
        return f"{match[1]}={match[2]}: there is no such part{nearest(match[2], options)}"
    return message


def _names_below(parent: str, misspelt: str, conf: Path) -> list[str]:
    """The keys of a node, in the config that the command line's other overrides give; groups too at the top."""
    from hydra import compose, initialize_config_dir

    others = [a for a in sys.argv[1:] if re.fullmatch(r"[\w/@.]+=[^,]*", a) and not a.startswith(misspelt)]
    with initialize_config_dir(str(conf), version_base="1.3"):
        try:
            cfg = compose("config", overrides=others)
        except Exception:  # another override is wrong too: the message is of this one
            cfg = compose("config")
    node = OmegaConf.select(cfg, parent) if parent else cfg
    groups = [] if parent else [path.name for path in conf.iterdir() if path.is_dir()]
    return [str(key) for key in node] + groups if isinstance(node, DictConfig) else groups


def parts_help(conf: Path) -> str:
    """Every group and its parts, with the first line of each part's file: the body of ``--help``."""
    lines = []
    for group in sorted(path for path in conf.rglob("*") if path.is_dir() and any(path.glob("*.yaml"))):
        lines.append(str(group.relative_to(conf)))
        for path in sorted(group.glob("*.yaml")):
            comments = [
                line for line in path.read_text().splitlines() if line.startswith("#") and "@package" not in line
            ]
            lines.append(f"  {path.stem:<26}{comments[0].lstrip('# ')}")
        lines.append("")
    return "\n".join(lines)
