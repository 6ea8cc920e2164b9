"""Make the `sample` data set: English sentence pairs whose scores are computed, not given by people.

A scene (who does what to whom, where, when, how many, why, or does not) is drawn, altered in one or two places and
worded by chance: synonyms, active or passive, the event told from the other side, an opposite denied, asides that say
nothing. The score of a pair compares the two scenes and never sees the wording. All words are in words.yaml.

    python experiments/sample/make.py          # writes augsbert/datasets/sample_data/{train,dev,test}.tsv.gz
"""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "augsbert" / "datasets" / "sample_data"
SCENES = {"train": 840, "dev": 130, "test": 180}
DETAILS = ["place", "time", "number", "reason"]
# A passive that ends in one of these ("was asked after by") reads badly.
PREPOSITIONS = {"after", "against", "at", "back", "before", "behind", "for", "from", "of", "on", "than", "through", "to", "with"}

Words = dict[str, Any]
Row = tuple[str, str, str]


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
    """A scene with one to three details."""
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


@dataclass(frozen=True)
class Verb:
    """A verb phrase: "hold/held/held _ responsible" has the tail "responsible" after the object."""

    base: str
    past: str
    participle: str
    link: str  # between verb and object
    tail: str  # after the object

    @classmethod
    def parse(cls, phrase: str) -> Verb:
        """Read one way to say a deed."""
        head, _, rest = phrase.partition(" ")
        base, past, participle = ([*head.split("/"), head.split("/")[-1]] if "/" in head else [head, *[regular(head)] * 2])[:3]
        link, _, tail = rest.partition("_") if "_" in rest else (rest, "", "")
        return cls(base, past, participle, link.strip(), tail.strip())

    @property
    def passive(self) -> bool:
        """Whether a passive reads well."""
        last = self.link.split(" ")[-1]
        return self.base not in ("be", "have") and last not in PREPOSITIONS and len(self.link.split()) < 2


def regular(verb: str) -> str:
    """The past of a regular verb."""
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "ed"


def join(*parts: str) -> str:
    """The parts that are there, one space between."""
    return " ".join(part for part in parts if part)


def say(concept: str, rng: Random) -> str:
    """One of the ways to say it."""
    return rng.choice(concept.split("|"))


def person(concept: str, words: Words, rng: Random) -> str:
    """A name, or a person who one time in five has an adjective that the score does not see."""
    if concept in words["names"]:
        return concept
    adjective = rng.choice(words["asides"]["person"]) if rng.random() < 0.2 else ""
    return join("the", adjective, say(concept, rng))


def things(scene: Scene, rng: Random) -> tuple[str, bool]:
    """The thing, and whether it is several."""
    singular, _, plural = say(scene.thing, rng).partition("/")
    if not scene.number:
        return f"the {singular}", False
    head, space, rest = singular, "", ""
    for word in (" of ", " on "):
        if word in singular:
            head, space, rest = singular.partition(word)
    ending = "es" if head.endswith(("s", "x", "ch", "sh")) else "s"
    many = head[:-1] + "ies" if head.endswith("y") and head[-2] not in "aeiou" else head + ending
    return join(say(scene.number, rng), plural or many + space + rest), True


def clause(scene: Scene, words: Words, rng: Random) -> str:
    """The event alone, in one of its voices."""
    told, _, converse = scene.deed.partition(" ~ ")
    told, _, opposite = told.partition(" ! ")
    who, happened = person(scene.agent, words, rng), scene.happened
    what, several = (person(scene.thing, words, rng), False) if scene.kind == "social" else things(scene, rng)
    link = ""
    if scene.receiver:
        link = "to " + person(scene.receiver, words, rng)
    if converse and rng.random() < 0.25:
        told = converse
        if scene.receiver:
            who, link = link.removeprefix("to "), "from " + who
        else:
            who, what = what, who
    elif opposite and not happened and rng.random() < 0.5:
        told, happened = opposite, True
    return voiced(Verb.parse(say(told, rng)), happened, (who, what, link), several, rng)


def voiced(verb: Verb, happened: bool, nouns: tuple[str, str, str], several: bool, rng: Random) -> str:
    """Active, passive or cleft; ``nouns`` are subject, object and what follows the object."""
    who, what, link = nouns
    if verb.passive and rng.random() < 0.3:
        be = "were" if several else "was"
        no = "" if happened else rng.choice(["not", "never"])
        return join(what, be, no, verb.participle, verb.link, verb.tail, link, "by", who)
    if happened:
        action = verb.past
    elif verb.base == "be":
        action = rng.choice(["was not", "was never"])
    else:
        action = rng.choice([f"did not {verb.base}", f"never {verb.past}"])
    subject = f"it was {who} who" if rng.random() < 0.05 else who
    return join(subject, action, verb.link, what, verb.tail, link)


def word(scene: Scene, words: Words, rng: Random) -> str:
    """A sentence that tells the scene."""
    place, time = (say(detail, rng) if detail else "" for detail in (scene.place, scene.time))
    reason = ""
    if scene.reason:
        full, noun = scene.reason.split("/")
        reason = rng.choice([f"because {full}", f"since {full}", f"because of {noun}", f"owing to {noun}"])
    text, front = clause(scene, words, rng), rng.random()
    if front < 0.15:
        text = rng.choice(words["asides"]["front"]).replace("~", text)
    elif front < 0.4 and reason:
        text, reason = f"{reason}, {text}", ""
    elif front < 0.5 and time:
        text, time = f"{time}, {text}", ""
    text = join(text, *rng.sample([place, time], 2), reason)
    text += rng.choice(words["asides"]["end"]) if rng.random() < 0.12 else ""
    return text[0].upper() + text[1:] + "."


def pairs(scenes: int, words: Words, rng: Random, seen: set[str]) -> Iterator[Row]:
    """Five pairs for each scene: four within it and its variants, one with a scene told before."""
    before: list[tuple[Scene, str]] = []
    for _ in range(scenes):
        scene = draw(words, rng)
        once, twice = alter(scene, words, rng), alter(scene, words, rng)
        told = tell([scene, scene, once, twice, alter(once, words, rng)], words, rng, seen)
        related = [each for each in before if each[0].topic == scene.topic]
        elsewhere = rng.choice((rng.random() < 0.6 and related) or before or [told[1]])
        chosen = [(told[0], told[1]), (told[0], told[2]), (told[3], told[1]), (told[2], told[4]), (elsewhere, told[4])]
        for (a, first), (b, second) in chosen:
            yield first, second, f"{similarity(a, b):.2f}"
        before += told


def tell(scenes: list[Scene], words: Words, rng: Random, seen: set[str]) -> list[tuple[Scene, str]]:
    """Word a scene, the same scene far from that, and its variants: two times in three in the words of the first."""
    told: list[tuple[Scene, str]] = []
    voice = rng.getrandbits(32)
    for scene in scenes:
        texts = [word(scene, words, Random(voice))] if told and scene != scenes[0] and rng.random() < 0.67 else []
        while not (texts and texts[0] not in seen):
            voices = [voice] if not told and not texts else [rng.getrandbits(32) for _ in range(4)]
            texts = sorted({word(scene, words, Random(each)) for each in voices} - seen)
            texts.sort(key=lambda text: overlap(text, told[0][1]) if told else 0.0)
        seen.add(texts[0])
        told.append((scene, texts[0]))
    return told


def overlap(first: str, second: str) -> float:
    """Share of words in common (Jaccard)."""
    a, b = (set(text.lower().strip(".").replace(",", "").split()) for text in (first, second))
    return len(a & b) / len(a | b)


def write(path: Path, rows: list[Row]) -> None:
    """Tab-separated, gzipped without a time, so that equal rows give equal bytes."""
    text = "".join("\t".join(row) + "\n" for row in [("sentence1", "sentence2", "score"), *rows])
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        stream.write(text.encode("utf8"))
    path.write_bytes(buffer.getvalue())


def main(folder: Path = DATA) -> None:
    """Write the three splits; they share no sentence and no scene's wording."""
    words = yaml.safe_load((HERE / "words.yaml").read_text(encoding="utf8"))
    folder.mkdir(parents=True, exist_ok=True)
    rng, seen = Random(2010.08240), set[str]()
    for split, scenes in SCENES.items():
        rows = list(pairs(scenes, words, rng, seen))
        rng.shuffle(rows)
        write(folder / f"{split}.tsv.gz", rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
