"""Sentences a second: the contextual augmenters here, and nlpaug's ContextualWordEmbsAug on the same weights.

    python -m venv /tmp/nlpaug-venv
    /tmp/nlpaug-venv/bin/pip install nlpaug==1.1.11 "transformers<5" "torch<2.14" "numpy<2"
    python experiments/masked_model.py /tmp/mlm
    python experiments/benchmarks/augment.py /tmp/mlm --nlpaug-python /tmp/nlpaug-venv/bin/python

nlpaug's last release is of 2022: it gets an environment of its own, with the transformers that it supports. Each
measurement is a fresh process with the same number of threads; the sides take turns, another one first in each, so that
what else the machine does falls on all of them. nlpaug runs as its documentation shows it, a sentence at a time, and at
its best, with a list. Its time is that of ``augment`` alone. Ours is that of ``rewrite``, which reads the weights too:
how long that takes is measured beside it, and both ratios are recorded, as is that of CPU seconds, which say more on a
shared machine.

One share of words is not one amount of work: nlpaug draws among all pieces, and we among the words that are neither
numbers nor function words. It also takes a pass for each word that it changes, so its time grows with them, and ours
hardly. So there are three settings of nlpaug's share, ``few`` (0.08), ``many`` (0.2) and ``most`` (its default, 0.3).
For each our share is chosen first, so that ours changes as many words a sentence as nlpaug, in the mean of its two
ways, which differ a little. How many they were is recorded, with the most by which a side of nlpaug's differs from ours
(``words_differ_by``), which is to be within ``ALIKE``. nlpaug would take hours for all sentences: it gets evenly spaced
ones, and the ratios are those of seconds a sentence. With other numbers or actions than the usual ones the result is
printed and not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from augment_sides import BATCH_SIZE, CLOCKS, LIST, ONE, OURS, TOP_K
from record import write
from turns import in_turn, spread

ROOT = Path(__file__).parents[2]
SIDE = Path(__file__).with_name("augment_sides.py")
ACTIONS = ("substitute", "insert")
#: nlpaug's ``aug_p``.
SHARES = {"few": 0.08, "many": 0.2, "most": 0.3}
#: Words that a side of nlpaug's changes may differ by so much from ours.
ALIKE = 0.05
Runs = dict[str, list[dict[str, Any]]]


def run(python: str, task: dict[str, Any]) -> dict[str, Any]:
    """One side in a fresh process of that interpreter."""
    threads = str(task["threads"])
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run([python, SIDE], input=json.dumps(task), env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{python} failed on {task['side']}, {task.get('action')}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def equal_share(wanted: float, changed: Callable[[float], float]) -> float:
    """Our share that changes about as many words a sentence as ``wanted``; ``changed`` says how many one does.

    Words are whole, so that their number leaps at some shares: the nearest of those tried is taken.
    """
    low, high, share, tried = 0.0, 1.0, 0.3, dict[float, float]()
    for _ in range(8):
        tried[share] = changed(share) / wanted
        if abs(tried[share] - 1) < ALIKE / 5:
            break
        low, high = (share, high) if tried[share] < 1 else (low, share)
        guess = share / tried[share]
        share = round(guess if low < guess < high else (low + high) / 2, 4)
    return min(tried, key=lambda share: abs(tried[share] - 1))


def shares(pythons: Mapping[str, str], task: dict[str, Any]) -> dict[str, float]:
    """Side -> its share of the words: nlpaug's, and ours that changes as many of the same sentences."""

    def words(side: str, share: float) -> float:
        found = run(pythons[side], {**task, "side": side, "share": share, "seed": 1_000})
        return found["changed"] / len(task["sentences"])

    theirs = {side: words(side, task["share"]) for side in (ONE, LIST)}
    own = equal_share(statistics.mean(theirs.values()), partial(words, OURS))
    print(f"words changed by nlpaug: {theirs}; our share: {own}", flush=True)
    return {OURS: own, **dict.fromkeys(theirs, task["share"])}


def compare(pythons: Mapping[str, str], task: dict[str, Any], spaced: int, repeats: int) -> dict[str, Any]:
    """All sides of an action in turn, ``repeats`` times: their rates, and the ratios of ours to nlpaug's two.

    The peer's sides get ``spaced`` of the sentences.
    """
    runs: Runs = {side: [] for side in pythons}
    sentences = task["sentences"]
    few = sentences[:: max(1, len(sentences) // spaced)][:spaced]
    given = {side: sentences if side == OURS else few for side in pythons}
    chosen = shares(pythons, {**task, "sentences": few})

    def once(side: str) -> float:
        more = {"side": side, "share": chosen[side], "seed": len(runs[side]), "sentences": given[side]}
        runs[side].append(run(pythons[side], {**task, **more}))
        return float(runs[side][-1]["wall"]["whole"])

    in_turn({side: partial(once, side) for side in pythons}, repeats, warm_up=0)
    found = result(runs, {side: len(texts) for side, texts in given.items()})
    spent = statistics.median(one["wall"]["whole"] for one in runs[OURS])
    asked = {"side": OURS, "share": chosen[OURS], "seed": 0, "bound": [spent, found["ratio_to_best"]["median"]]}
    return {"shares": chosen, **found, "bound": run(pythons[OURS], {**task, **asked})}


def result(runs: Runs, sentences: Mapping[str, int]) -> dict[str, Any]:
    """What the measurements of all sides, each of so many sentences, come to."""
    rates = {side: spread([sentences[side] / one["wall"]["whole"] for one in ones]) for side, ones in runs.items()}
    best = max((ONE, LIST), key=lambda side: rates[side]["median"])
    more, ours = sentences[OURS] / sentences[ONE], runs[OURS]
    words = {side: statistics.mean(one["changed"] for one in ones) / sentences[side] for side, ones in runs.items()}
    return {
        "words_changed_per_sentence": {side: round(count, 2) for side, count in words.items()},
        "words_differ_by": round(max(abs(words[side] / words[OURS] - 1) for side in (ONE, LIST)), 3),
        "sentences_per_second": rates,
        "seconds_to_read_weights": spread([one["wall"]["loading"] for one in ours]),
        "best_peer": best,
        "ratio_to_best": _ratios(ours, runs[best], more),
        "ratio_to_default": _ratios(ours, runs[ONE], more),
        "ratio_to_default, weights read before": _ratios(ours, runs[ONE], more, read_before=True),
        "ratio_to_default, seconds of CPU": _ratios(ours, runs[ONE], more, clock="cpu"),
    }


def _ratios(
    ours: list[dict[str, Any]],
    theirs: list[dict[str, Any]],
    more: float,
    clock: str = CLOCKS[0],
    *,
    read_before: bool = False,
) -> dict[str, float]:
    """Of the measurements of one turn, so that a busy minute is a busy minute for both; ours had so many times more."""
    own = [one[clock]["whole"] - read_before * one[clock]["loading"] for one in ours]
    return spread([more * one[clock]["whole"] / mine for mine, one in zip(own, theirs, strict=True)])


def main() -> None:
    """Measure both actions and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a folder with a masked language model")
    parser.add_argument("--nlpaug-python", required=True, help="the interpreter of nlpaug's environment")
    parser.add_argument("--sentences", type=int, default=5000, help="how many of the sample's")
    parser.add_argument("--peer-sentences", type=int, default=500, help="how many of them nlpaug gets")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--actions", nargs="+", choices=ACTIONS, default=["substitute"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="ours in bfloat16; nlpaug has no such setting")
    arguments = parser.parse_args()
    usual = ("sentences", "peer_sentences", "repeats", "actions", "threads")
    changed = any(getattr(arguments, name) != parser.get_default(name) for name in usual)
    write("augment", _measured(arguments), short=changed)


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    import pandas as pd

    from augsbert.datasets.sample import Sample
    from augsbert.pairs import distinct_sentences

    splits = Sample()()
    sentences = distinct_sentences(pd.concat([splits.train, splits.dev, splits.test]))[: arguments.sentences]
    config = json.loads((arguments.model / "config.json").read_text())
    task = {"model": str(arguments.model), "kind": config["model_type"], "sentences": sentences}
    task |= {"threads": arguments.threads, "bf16": arguments.bf16}
    pythons = {OURS: sys.executable, ONE: arguments.nlpaug_python, LIST: arguments.nlpaug_python}
    about = {
        "threads": arguments.threads,
        "precision": "bf16-mixed" if arguments.bf16 else "32-true",
        "repeats": arguments.repeats,
        "sentences": len(sentences),
        "sentences_of_the_peer": arguments.peer_sentences,
        "words_in_a_sentence": round(statistics.mean(len(s.split()) for s in sentences), 1),
        "model": {name: config.get(name) for name in ("model_type", "num_hidden_layers", "hidden_size", "vocab_size")},
        "settings": {"shares_of_nlpaug": SHARES, "top_k": TOP_K, "nlpaug_batch_size": BATCH_SIZE},
        "peer_versions": run(arguments.nlpaug_python, {"threads": 1, "side": None}),
    }
    measured = {
        f"{action}, {words}": compare(
            pythons, {**task, "action": action, "share": share}, arguments.peer_sentences, arguments.repeats
        )
        for action in arguments.actions
        for words, share in SHARES.items()
    }
    return {**about, **measured}


if __name__ == "__main__":
    main()
