"""A config node as the flow uses it: what of it counts in a key, which stages it needs, and the part made of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import getitem
from pathlib import Path
from typing import Any

from augsbert.archives import sha256_of_file
from augsbert.config import TARGET, make, part_class, plain
from augsbert.encoders.weights import Weights, resolve
from augsbert.store import UNKEYED, NotFetched, Stage
from augsbert.store.key import keyed, stage_key

#: In a part's ``encoder``: the model that a stage of this run fits, as in ``sampler.encoder=stage:baseline``.
STAGE = "stage:"


@dataclass(frozen=True)
class Part:
    """A part of the run, still as settings.

    Args:
        node: its config node (``_target_`` and arguments), with the parts that are nested in it.
        inputs: role -> stage that it reads. The role is where the part, or one nested in it, names its encoder
            (``encoder``, ``semantic.encoder``): the stage's ``model/`` takes the place of that setting.
        fetch: whether raw files and weights that are not on this disk may be downloaded; a plan does not.
    """

    node: Mapping[str, Any]
    inputs: Mapping[str, Stage] = field(default_factory=dict)
    fetch: bool = True

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Plain containers, interpolations resolved."""
        return plain(self.node)

    @property
    def encoders(self) -> dict[str, str]:
        """Role -> what is named there as the weights."""
        return dict(encoders(self.settings))

    def replaced(self, inputs: Mapping[str, Stage] | None = None, **changes: Any) -> Part:
        """The same part with other inputs or other top-level settings (those that it has)."""
        known = {name: value for name, value in changes.items() if name in self.settings}
        return replace(self, node={**self.settings, **known}, inputs=self.inputs if inputs is None else inputs)

    def member(self, name: str) -> Part:
        """The part that is nested in it under that name, with those of its inputs that are the member's."""
        inputs = {role.partition(".")[::2]: stage for role, stage in self.inputs.items()}
        own = {role: stage for (member, role), stage in inputs.items() if member == name}
        return replace(self, node=self.settings[name], inputs=own)

    @cached_property
    def keyed(self) -> dict[str, Any]:
        """What counts in a key: settings, the versions of the code, and weights and files by their content.

        Raises:
            NotFetched: files or weights are not on this disk, and may not be fetched.
            UserError: they are not there at all.
        """
        names = {role: weights.identity for role, weights in self._weights.items()}
        settings = self._filled(names | dict.fromkeys(self.inputs, STAGE))
        counted = _counted(settings) | {"versions": dict(_versions(self.settings))}
        files = self._files()
        return counted if files is None else counted | {"files": [sha256_of_file(path) for path in files]}

    @cached_property
    def identity(self) -> str:
        """A digest of all that the part's results depend on, its inputs too."""
        return stage_key("part", 1, self.keyed, {role: stage.key for role, stage in self.inputs.items()})

    def ready(self) -> dict[str, Any]:
        """Settings to make the part of, its encoders folders on this disk (a stage's model is made if need be)."""
        folders = {role: str(stage.folder / "model") for role, stage in self.inputs.items()}
        return self._filled(folders | {role: str(weights.folder) for role, weights in self._weights.items()})

    def make(self) -> Any:
        """The part itself."""
        return make(self.ready())

    @cached_property
    def _weights(self) -> dict[str, Weights]:
        named = {role: name for role, name in self.encoders.items() if role not in self.inputs}
        found = {role: resolve(name, fetch=self.fetch) for role, name in named.items()}
        if None in found.values():
            raise NotFetched
        return {role: weights for role, weights in found.items() if weights is not None}

    def _files(self) -> list[Path] | None:
        """The raw files that the part reads, fetched if need be; None where it reads none."""
        if not hasattr(part_class(self.settings), "files"):
            return None
        part = make(self.settings)
        if part.files() is None:
            if not self.fetch:
                raise NotFetched
            part()
        return part.files()

    def _filled(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The settings with these values where the roles say."""
        settings = copy.deepcopy(self.settings)
        for role, value in values.items():
            *path, name = role.split(".")
            reduce(getitem, path, settings)[name] = value
        return settings


def encoders(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a part and those nested in it name their weights, and what they name."""
    yield from own_encoders(node)
    for name, value in nested(node):
        yield from ((f"{name}.{role}", weights) for role, weights in encoders(value))


def own_encoders(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same of the part alone: its ``encoder``, or the settings that its class lists as ``WEIGHTS``."""
    names = getattr(part_class(node), "WEIGHTS", ("encoder",))
    yield from ((name, node[name]) for name in names if node.get(name) is not None)


def nested(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts among a part's settings, by name."""
    yield from ((name, value) for name, value in node.items() if isinstance(value, Mapping) and TARGET in value)


def _counted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that count, by what each part says of its own."""
    part = part_class(settings)
    # A part from outside may mean something else by one of those names.
    ours = UNKEYED if settings[TARGET].startswith("augsbert.") else frozenset()
    unkeyed = ours | frozenset(getattr(part, "UNKEYED", ()))
    # A union names its members as it likes, by such a name too.
    unkeyed -= {name for name, _ in nested(settings)}
    counted = keyed(settings, unkeyed, getattr(part, "LATER", None))
    inner = {name: _counted(value) for name, value in nested(settings) if name in counted}
    # A key sorts names, but a chain's and a union's results depend on which part comes first.
    order = {"order": list(inner)} if getattr(part, "ORDERED", False) else {}
    return counted | inner | order


def _versions(settings: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if TARGET in settings:
        yield settings[TARGET], getattr(part_class(settings), "VERSION", 1)
    for value in settings.values():
        if isinstance(value, Mapping):
            yield from _versions(value)
