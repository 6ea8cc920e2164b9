"""What each benchmark is to reach, and, where it does not, what is left and why.

A sentence goes into a result under ``bound`` as ``why``, beside the numbers there, if a goal of its part is missed. It
says what is known of the code and when it was learnt, in words that hold for the next run as well; what was measured in
a run stands in the result's own figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: A figure's place in a result.
Place = tuple[str, ...]

#: Benchmark -> figure -> the least that it should come to, or the most where it is one of ``AT_MOST``.
GOALS: dict[str, dict[Place, float]] = {
    "labelling": {
        ("ratio_to_best",): 1.4,
        ("ratio_to_default",): 2.5,
        ("rank_agreement_with_fp32", "augsbert"): 0.9999,
        ("equal_among_other_neighbours",): True,
    },
    "labelling_gpu": {("ratio_to_best",): 1.5},
    "training": {
        **{(encoder, "ratio_to_best"): 1.5 for encoder in ("bi_encoder", "cross_encoder")},
        **{(encoder, "ratio_to_default"): 2.5 for encoder in ("bi_encoder", "cross_encoder")},
    },
    "training_gpu": {(encoder, "ratio_to_best"): 1.3 for encoder in ("bi_encoder", "cross_encoder")},
    "encoding": {("ratio_to_best",): 1.2},
    "bm25": {("ratio_to_best",): 0.95, ("ratio_to_default",): 1_000},
    "semantic": {
        **{(task, "ratio_to_best", "ivf"): 5 for task in ("search", "all")},
        **{(task, "recall", "ivf"): 0.97 for task in ("search", "all")},
    },
    "augment": {(f"substitute, {words}", "ratio_to_best"): 20 for words in ("few", "many", "most")},
    "sweep": {("share_of_the_sum", "basic"): 0.5},
    "overhead": {
        ("seconds", "--help"): 2,
        ("seconds", "everything found"): 10,
        ("seconds", "first step"): 15,
    },
    "ddp": {(part, "ratio_to_one_process"): 0.9 for part in ("cross_encoder", "baseline", "run")},
}
AT_MOST = ("sweep", "overhead")

_PRODUCTS = (
    "What is left is matrix products, on both sides. Of a scoring in bf16 linear layers took 72 %, at the rate of "
    "products alone, and attention 12 % (LOG, 2026-11-30)."
)
_FIT = (
    "Products, at the rate of products alone, took {} % of a fit's steps in bf16, casts from float32 and back {} %, "
    "AdamW and clipping {} %, no other operation over 5 % (LOG, 2026-11-30)."
)
_SEMANTIC = (
    "Of ivf's 16 s for 100,000 vectors the search took 9, dividing them into cells 2.6, ranking in float64 1.1, in "
    "float32 without bf16 (LOG, 2026-11-26); exact search is all products."
)
_AUGMENT = (
    "Matrix products take most of our time: ratio_at_full_rate is what there would be if they took all of it. nlpaug "
    "takes a pass for each word that it changes, ours one for a sentence, so that the ratio rises with the words."
)
#: Benchmark -> part of its result ("": all of it) -> what is left, and why.
WHY: dict[str, dict[str, str]] = {
    "labelling": {
        "": f"{_PRODUCTS} OpenVINO comes nearer to that rate. Ours reads the weights and compiles in its time, some "
        "two seconds, the peer's before it. Int8 is not offered (LOG, 2026-12-01).",
    },
    "training": {"bi_encoder": _FIT.format(62, 8, 4), "cross_encoder": _FIT.format(62, 9, 7)},
    "encoding": {"": _PRODUCTS},
    "bm25": {
        "": "Of 4.7 s of CPU the search took 3.9, words and their tables 0.6, pairs 0.3 (LOG, 2026-11-30). It scores "
        "few sentences where thresholds rise soon, at the top few; at the top 100 it gains nothing.",
    },
    "semantic": {"search": _SEMANTIC, "all": _SEMANTIC},
    "augment": {f"substitute, {words}": _AUGMENT for words in ("few", "many", "most")},
    "sweep": {
        "": "Each run fits a bi-encoder of its own, which nothing shares: of 927 s the four runs that fit a "
        "cross-encoder took 522, the other eight about 49 each, most of it that fit (LOG, 2026-11-27).",
    },
    "overhead": {
        "": "Nearly all of a start is the import of torch, Lightning and transformers, which the encoders' signatures "
        "need (LOG, 2026-11-26).",
    },
    "ddp": {
        "": "The two ranks' processes are started once in a run, with imports of some ten seconds (LOG, 2026-11-27), "
        "which falls on the first fit and on the run. What the second fit lacks was not profiled; fits are short here.",
    },
}
UNKNOWN = "Not looked into yet."


def value_at(result: Mapping[str, Any], place: Place) -> float | None:
    """The figure there, of a spread its median; None where it was not measured."""
    found: Any = result
    for name in place:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found.get("median") if isinstance(found, Mapping) else found


def missed(name: str, result: Mapping[str, Any]) -> list[Place]:
    """The goals of a benchmark that its result does not reach, or does not tell of."""
    sign = -1 if name in AT_MOST else 1
    values = {place: value_at(result, place) for place in GOALS.get(name, {})}
    return [place for place, value in values.items() if value is None or sign * value < sign * GOALS[name][place]]


def judged(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A result with its ``goals`` and, under ``bound``, ``why`` those that it misses are missed."""
    found = dict(result)
    if name in GOALS:
        found["goals"] = {" / ".join(place): goal for place, goal in GOALS[name].items()}
    reasons = WHY.get(name, {})
    for part in dict.fromkeys(place[0] if place[0] in reasons else "" for place in missed(name, result)):
        why = {"why": reasons.get(part, UNKNOWN)}
        if part:
            found[part] = {**found[part], "bound": {**found[part].get("bound", {}), **why}}
        else:
            found["bound"] = {**found.get("bound", {}), **why}
    return found
