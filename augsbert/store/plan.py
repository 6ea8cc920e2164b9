"""What a run would make, what is there already, and how large the store is."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from augsbert.store import files
from augsbert.store.stage import NotFetched, Stage

State = Literal["found", "make", "not needed", "unknown"]
#: The file of a job's plan in its folder, under a multirun.
PLAN = "plan.json"


class Planned(NamedTuple):
    """One line of a plan; ``seconds`` is the median of earlier stages of the kind, None where there are none."""

    name: str
    key: str
    state: State
    seconds: float | None
    bytes: int | None


def plan(wanted: Iterable[Stage]) -> list[Planned]:
    """The stages behind the wanted ones, inputs first. Nothing is trained or downloaded; local data files are read.

    A stage that is absent but only feeds stages that are there is ``not needed``.
    """
    needed: dict[int, bool] = {}
    order: list[Stage] = []
    for stage in wanted:
        _walk(stage, True, needed, order)
    return _united([_planned(stage, needed[id(stage)]) for stage in order])


def _walk(stage: Stage, asked: bool, needed: dict[int, bool], order: list[Stage]) -> None:
    if id(stage) in needed and needed[id(stage)] >= asked:
        return
    first = id(stage) not in needed
    needed[id(stage)] = asked
    for upstream in stage.inputs.values():
        _walk(upstream, asked and _state(stage, asked) != "found", needed, order)
    if first:
        order.append(stage)


def _state(stage: Stage, asked: bool) -> State:
    try:
        if stage.found:
            return "found"
    except NotFetched:
        return "unknown"
    return "make" if asked else "not needed"


def _planned(stage: Stage, asked: bool) -> Planned:
    state = _state(stage, asked)
    key = "" if state == "unknown" else stage.key
    seconds, size = (0.0, 0) if state in ("found", "not needed") else _guess(stage.store.dir / stage.kind)
    return Planned(stage.name, key, state, seconds, size)


def _guess(kind: Path) -> tuple[float | None, int | None]:
    earlier = [measured for path in kind.glob(f"*/{files.MANIFEST}") if (measured := _measured(path.parent))]
    if not earlier:
        return None, None
    seconds, size = zip(*earlier, strict=True)
    return statistics.median(seconds), int(statistics.median(size))


def _measured(folder: Path) -> tuple[float, int] | None:
    """Seconds and bytes of a finished stage; None if its manifest is damaged, or gone since."""
    try:
        manifest = files.read_manifest(folder)
        return float(manifest["seconds"]), int(manifest["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def to_json(lines: list[Planned]) -> str:
    """A plan as text."""
    return json.dumps([line._asdict() for line in lines], indent=1)


def from_json(texts: Iterable[str]) -> list[Planned]:
    """Plans put together."""
    return _united([Planned(**fields) for text in texts for fields in json.loads(text)])


def _united(lines: list[Planned]) -> list[Planned]:
    """Each stage once, by its key, needed if any line says so; two roles of a run may be one stage."""
    union: dict[str, Planned] = {}
    for number, line in enumerate(lines):
        key = line.key or str(number)
        if key not in union or union[key].state == "not needed":
            union[key] = line
    return list(union.values())


def render(lines: list[Planned], folder: Path) -> str:
    """The plan as a table for the screen, with the store's size now and, by earlier stages of the kind, afterwards."""
    rows = [f"{line.name:<28}{line.key[:12]:<14}{line.state:<12}{_seconds(line)}".rstrip() for line in lines]
    now, more = files.bytes_of(folder), sum(line.bytes or 0 for line in lines)
    guessed = all(line.bytes is not None for line in lines)
    after = (
        f"about {(now + more) / 2**20:.0f} MiB afterwards" if guessed else "no earlier stages to guess its growth from"
    )
    head = f"{'stage':<28}{'key':<14}{'state':<12}seconds (by earlier ones)"
    return "\n".join([head, *rows, _total(lines), f"store {folder}: {now / 2**20:.0f} MiB now, {after}"])


def _total(lines: list[Planned]) -> str:
    """How many stages are made, and the seconds of those with earlier ones of their kind."""
    made = [line for line in lines if line.state not in ("found", "not needed")]
    known = [line.seconds for line in made if line.seconds is not None]
    rest = f", and {len(made) - len(known)} of unknown length" if len(known) < len(made) else ""
    return f"{len(made)} of {len(lines)} stages to make: about {sum(known):.0f} s{rest}"


def _seconds(line: Planned) -> str:
    if line.state in ("found", "not needed"):
        return ""
    return "?" if line.seconds is None else f"{line.seconds:.1f}"
