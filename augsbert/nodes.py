"""How the nodes of a flow are built: from a config node and the stages that feed it to a stage of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from augsbert import stages
from augsbert.config import make, plain
from augsbert.config_checks import located, mounted
from augsbert.errors import UserError
from augsbert.hardware import Hardware
from augsbert.pairs import Splits
from augsbert.parts import STAGE, Part, nested
from augsbert.store import Stage, Store

#: Versions of the code behind each kind of stage; a test fails when that code changes and its version does not.
VERSIONS = {
    "dataset": 1,
    "pool": 1,
    "candidates": 2,
    "augmented": 1,
    "cross_encoder": 4,
    "labels": 3,
    "silver": 2,
    "bi_encoder": 5,
    "evaluation": 5,
}


#: The groups of the config that are parts of a run.
GROUPS = (
    *("dataset", "source", "sampler", "augmenter", "selector"),
    *("cross_encoder", "bi_encoder", "poly_encoder", "trainer", "logger"),
)


def parts_of(cfg: DictConfig) -> dict[str, Any]:
    """Name in the config -> node of every part; the baseline is the bi-encoder with a loss and a fit of its own."""
    parts = {name: plain(cfg.get(name)) for name in GROUPS}
    return parts | {"baseline": {**parts["bi_encoder"], **plain(cfg.baseline)}}


class Nodes:
    """What the flow's stages are made with.

    Args:
        cfg: the composed and checked config.
        store: where the stages are kept.
        fetch: download raw files that are missing; a plan does not.
    """

    def __init__(self, cfg: DictConfig, store: Store, *, fetch: bool = True) -> None:
        self.cfg, self.store, self.fetch = cfg, store, fetch
        self.hardware: Hardware = make(plain(cfg.trainer))
        self.splits: Callable[[Stage], Splits] = cache(lambda stage: stages.read_splits(stage.folder))

    def part(self, name: str) -> Part:
        """The part of that name in the config; ``encoder: stage:NAME``, nested ones too, becomes an input."""
        part = Part(parts_of(self.cfg)[name], fetch=self.fetch)
        fits = {role: named.removeprefix(STAGE) for role, named in part.encoders.items() if named.startswith(STAGE)}
        return part.replaced({role: getattr(self, fit).inputs["encoder"] for role, fit in fits.items()})

    @contextmanager
    def located_errors(self, name: str, part: Part) -> Iterator[None]:
        """What the part of that name refuses is said with its place in the config, which it does not know."""
        try:
            yield
        except UserError as error:
            raise UserError(located(str(error), name, part.settings)) from error

    def members(self, name: str) -> dict[str, Part]:
        """The part of that name, or the parts that are nested in it where it is a mean of several, by stage name."""
        part = self.part(name)
        inner = dict(nested(part.settings)) if "encoder" not in part.settings else {}
        return {f"{name}/{n}": part.member(n) for n in inner} or {name: part}

    def dataset(self, name: str, node: DictConfig) -> Stage:
        """The splits of a dataset, read, checked and guarded against leaks."""
        part = Part(node, fetch=self.fetch)

        @contextmanager
        def named() -> Iterator[None]:
            try:
                yield
            except UserError as error:
                # The part says dataset.path, which is source.path where it stands as the source.
                raise UserError(mounted(str(error), name, part.settings)) from error

        def write(folder: Path) -> None:
            with named():
                stages.write_splits(folder, part.make()())

        def settings() -> dict[str, Any]:
            with named():
                return part.keyed

        return self.stage(name, write, settings, kind="dataset")

    def stage(
        self,
        name: str,
        write: Callable[[Path], None],
        settings: Callable[[], dict[str, Any]],
        inputs: Mapping[str, Stage] | None = None,
        kind: str | None = None,
    ) -> Stage:
        """A node; its kind is its name where the name is no role."""
        kind = kind or name
        return Stage(self.store, name, kind, write, settings, dict(inputs or {}), VERSIONS[kind])
