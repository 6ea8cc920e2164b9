"""What the sentences mean, and how near one meaning is to another: no words are chosen here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

DETAILS = ["place", "time", "number", "reason"]
Words = dict[str, Any]  # words.yaml


@dataclass(frozen=True)
class Scene:
    """What a sentence means; a word list's entry stands for a concept, None for a detail that is not told."""

    topic: str
    kind: str
    deed: str
    agent: str
    thing: str  # a person where the deed is a social one
    receiver: str | None
    place: str | None
    time: str | None
    number: str | None
    reason: str | None
    happened: bool


def draw(words: Words, rng: Random) -> Scene:
    """A scene with one or two details."""
    topic = rng.choice(list(words["topics"]))
    entry = words["topics"][topic]
    kind = rng.choices(["deeds", "social", "transfer", "opposites"], [3, 5, 2, 2])[0]
    agent, other = rng.sample([*rng.sample(entry["people"], 4), rng.choice(words["names"])], 2)
    told = rng.sample(DETAILS, rng.choice([1, 1, 2]))
    return Scene(
        topic=topic,
        kind=kind,
        deed=rng.choice(entry["deeds"] if kind == "deeds" else words[kind]),
        agent=agent,
        thing=other if kind == "social" else rng.choice(entry["things"]),
        receiver=other if kind == "transfer" else None,
        place=rng.choice(entry["places"]) if "place" in told else None,
        time=moment(words, rng) if "time" in told else None,
        number=amount(words, rng) if "number" in told and kind != "social" else None,
        reason=rng.choice(entry["reasons"]) if "reason" in told else None,
        happened=rng.random() < 0.7,
    )


def moment(words: Words, rng: Random) -> str:
    """A time that has several names, a year, or a time of day."""
    year, hour, minute = rng.randint(1950, 2024), rng.randint(1, 12), rng.choice([10, 15, 20, 25, 35, 40, 45, 50])
    return rng.choice([*rng.sample(words["times"], 3), f"in {year}", f"at {hour}.{minute}"])


def amount(words: Words, rng: Random) -> str:
    """A number that has several names, or any other below a hundred."""
    return rng.choice([*rng.sample(words["numbers"], 2), str(rng.randint(13, 99))])


def alter(scene: Scene, words: Words, rng: Random) -> Scene:
    """The scene with one thing changed: two people exchanged, the event denied, or a part replaced by its like."""
    change = rng.choices(["roles", "happened", "deed", "agent", "thing", "detail"], [1, 4, 2, 3, 3, 6])[0]
    if change == "roles" and scene.kind in ("social", "transfer"):
        return exchange_roles(scene)
    if change in ("roles", "happened"):
        return replace(scene, happened=not scene.happened)
    other = fresh(scene, words, rng)
    if change == "detail":
        told = rng.choice([name for name in DETAILS if getattr(scene, name)] or ["time"])
        return replace(scene, **{told: getattr(other, told)})
    return replace(scene, **{change: getattr(other, change)})


def exchange_roles(scene: Scene) -> Scene:
    """Who did it and to whom, the other way round."""
    if scene.receiver:
        return replace(scene, agent=scene.receiver, receiver=scene.agent)
    return replace(scene, agent=scene.thing, thing=scene.agent)


def fresh(scene: Scene, words: Words, rng: Random) -> Scene:
    """A scene of the same topic and kind in which no person has two parts, to take a replacement from."""
    while True:
        other = draw(words, rng)
        taken = {scene.agent, scene.thing, scene.receiver}
        if (other.topic, other.kind) == (scene.topic, scene.kind) and not taken & {other.agent, other.thing}:
            return other


def similarity(first: Scene, second: Scene) -> float:
    """The score of a pair in 0..1: a function of the two scenes alone, symmetric, 1 for equal scenes.

    Deed and participants make the core, squared, so that half the core is a quarter of the score; details weigh up to
    60 % of it; a denial leaves 20 %; the topic alone is worth 0.15.
    """
    if first.topic != second.topic:
        return 0.0
    roles = ["agent", "thing", "receiver"]
    told = [role for role in roles if getattr(first, role) or getattr(second, role)]
    same = sum(getattr(first, role) == getattr(second, role) for role in told) / len(told)
    core = 0.4 * (first.deed == second.deed) + 0.6 * same
    agreement = 0.2 if first.happened != second.happened else 1.0
    return round(0.15 + 0.85 * core**2 * (0.4 + 0.6 * shared_details(first, second)) * agreement, 2)


def shared_details(first: Scene, second: Scene) -> float:
    """Mean over the details that either tells: 1 where they agree, 0.5 where one is silent, 0 where they differ."""
    values = [(getattr(first, name), getattr(second, name)) for name in DETAILS]
    marks = [1.0 if a == b else 0.0 if a and b else 0.5 for a, b in values if a or b]
    return sum(marks) / len(marks) if marks else 1.0
