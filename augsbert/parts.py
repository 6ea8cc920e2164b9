"""A config node as the flow uses it: what of it counts in a key, which stages it needs, and the part made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from augsbert.config import TARGET, make, part_class, plain
from augsbert.encoders.weights import Weights, resolve
from augsbert.store import UNKEYED, NotFetched, Stage
from augsbert.store.files import sha256_of_file
from augsbert.store.key import keyed, stage_key

#: In a part's ``encoder``: the model that a stage of this run fits, as in ``sampler.encoder=stage:baseline``.
STAGE = "stage:"


@dataclass(frozen=True)
class Part:
    """A part of the run, still as settings.

    Args:
        node: its config node (``_target_`` and arguments).
        inputs: role -> stage that it reads; under ``encoder``, the stage whose ``model/`` takes the place of the
            setting.
        fetch: whether raw files and weights that are not on this disk may be downloaded; a plan does not.
    """

    node: Mapping[str, Any]
    inputs: Mapping[str, Stage] = field(default_factory=dict)
    fetch: bool = True

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Plain containers, interpolations resolved."""
        return plain(self.node)

    def replaced(self, inputs: Mapping[str, Stage] | None = None, **changes: Any) -> Part:
        """The same part with other inputs or other top-level settings (those that it has)."""
        known = {name: value for name, value in changes.items() if name in self.settings}
        return replace(self, node={**self.settings, **known}, inputs=self.inputs if inputs is None else inputs)

    @cached_property
    def keyed(self) -> dict[str, Any]:
        """What counts in a key: settings, the versions of the code, and the encoder by its content instead of its name.

        Raises:
            UserError: the encoder's weights are not there.
        """
        part = part_class(self.settings)
        unkeyed = UNKEYED | frozenset(getattr(part, "UNKEYED", ()))
        settings = keyed(self.settings, unkeyed, getattr(part, "LATER", None))
        if "encoder" in self.inputs:
            settings["encoder"] = STAGE
        elif "encoder" in settings:
            settings["encoder"] = self._weights.identity
        return settings | {"versions": dict(_versions(self.settings))}

    @cached_property
    def identity(self) -> str:
        """A digest of all that the part's results depend on, its inputs too."""
        return stage_key("part", 1, self.keyed, {role: stage.key for role, stage in self.inputs.items()})

    def ready(self) -> dict[str, Any]:
        """Settings to make the part of, its encoder a folder on this disk (a stage's model is made if need be)."""
        if "encoder" in self.inputs:
            return self.settings | {"encoder": str(self.inputs["encoder"].folder / "model")}
        if "encoder" in self.settings:
            return self.settings | {"encoder": str(self._weights.folder)}
        return self.settings

    @cached_property
    def _weights(self) -> Weights:
        weights = resolve(self.settings["encoder"], fetch=self.fetch)
        if weights is None:
            raise NotFetched
        return weights

    def make(self) -> Any:
        """The part itself."""
        return make(self.ready())


def keyed_dataset(part: Part) -> dict[str, Any]:
    """What counts of a dataset: its settings, and its raw files by content.

    Raises:
        NotFetched: it is not on this disk, and the part may not fetch it.
        UserError: its path leads nowhere, or the download failed.
    """
    dataset = part.make()
    if dataset.files() is None:
        if not part.fetch:
            raise NotFetched
        dataset()
    return part.keyed | {"files": [sha256_of_file(path) for path in dataset.files()]}


def _versions(settings: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if TARGET in settings:
        yield settings[TARGET], getattr(part_class(settings), "VERSION", 1)
    for value in settings.values():
        if isinstance(value, Mapping):
            yield from _versions(value)
