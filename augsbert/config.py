"""From a node of a composed config to the part that it describes."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any

from omegaconf import OmegaConf

from augsbert.errors import UserError

TARGET = "_target_"
MISSING = "???"


def plain(node: Any) -> Any:
    """A node as plain containers, interpolations resolved; None stays None."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def texts(name: str, value: Any) -> list[tuple[str, str]]:
    """Place and value of every text in a plain value, such as ``("sampler.encoder", "stage:baseline")``."""
    if isinstance(value, Mapping):
        return [text for key, inner in value.items() for text in texts(f"{name}.{key}", inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(name, inner)]
    return [(name, value)] if isinstance(value, str) else []


def part_class(node: Mapping[str, Any]) -> Any:
    """The class (or function) that a node's ``_target_`` names.

    Raises:
        UserError: there is no such thing.
    """
    try:
        return pkgutil.resolve_name(node[TARGET])
    except Exception as error:
        way_out = " Install it, or name its folder in PYTHONPATH." if isinstance(error, ModuleNotFoundError) else ""
        raise UserError(f"_target_={node[TARGET]}: it cannot be imported ({_innermost(error)}).{way_out}") from error


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


def shown(value: Any) -> str:
    """A value as it is typed on the command line."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def nearest(name: str, known: Iterable[str]) -> str:
    """``. Did you mean X?`` with the nearest of the known names, or a list of them where none is near."""
    known = [k for k in known if not k.startswith("_") and k != "self"]
    begun = [k for k in known if k.startswith(name)] if name else []
    close = begun if len(begun) == 1 else difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f". Did you mean {close[0]}?"
    return f". There are: {', '.join(sorted(known))}." if known else "."
