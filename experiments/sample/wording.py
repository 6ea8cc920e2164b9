"""Scenes told in English: synonyms, voices, orders of clauses and asides, all by chance."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from scenes import Scene, Words

# A passive that ends in one of these ("was asked after by") reads badly.
PREPOSITIONS = {"after", "against", "at", "back", "before", "behind", "for"}
PREPOSITIONS |= {"from", "of", "on", "than", "through", "to", "with"}


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
        forms = head.split("/") if "/" in head else [head, regular(head)]
        base, past, participle = [*forms, forms[-1]][:3]
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


def overlap(first: str, second: str) -> float:
    """Share of words in common (Jaccard)."""
    a, b = (set(text.lower().strip(".").replace(",", "").split()) for text in (first, second))
    return len(a & b) / len(a | b)
