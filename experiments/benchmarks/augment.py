"""Sentences a second: the contextual augmenters here, and nlpaug's ContextualWordEmbsAug on the same weights.

    python -m venv /tmp/nlpaug-venv
    /tmp/nlpaug-venv/bin/pip install nlpaug==1.1.11 "transformers<5" "torch<2.14" "numpy<2"
    python experiments/masked_model.py /tmp/mlm
    python experiments/benchmarks/augment.py /tmp/mlm --nlpaug-python /tmp/nlpaug-venv/bin/python

nlpaug's last release is of 2022: it gets an environment of its own, with the transformers that it supports. Each
measurement is a fresh process with the same number of threads; the sides take turns, so that what else the machine
does falls on all of them. nlpaug runs as its documentation shows it, a sentence at a time, and at its best, with a
list. Its time is that of ``augment`` alone. Ours is that of ``rewrite``, which reads the weights too: how long that
takes is measured beside it, and both ratios are recorded, as is that of CPU seconds, which say more on a shared
machine.

One share of words is not one amount of work: nlpaug draws among all pieces, and we among the words that are neither
numbers nor function words. It also takes a pass for each word that it changes, so its time grows with them, and ours
hardly. So there are three settings, in each of which both sides change about as many words: ``few``, our default
share, ``many``, nlpaug at 0.2, and ``most``, nlpaug's default of 0.3. How many they were is recorded. nlpaug would take
hours for all sentences: it gets evenly spaced ones, and the ratios are those of seconds a sentence. With other numbers
or actions than the usual ones the result is printed and not kept.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from turns import bound, products, spread, versions, write

ROOT = Path(__file__).parents[2]
OURS, ONE, LIST = "augsbert", "nlpaug, a sentence at a time", "nlpaug, a list"
ACTIONS = ("substitute", "insert")
CLOCKS = ("wall", "cpu")
BATCH_SIZE = 64
TOP_K = 20
#: Shares of words, ours and nlpaug's, that change about as many.
SHARES = {"few": (0.2, 0.08), "many": (0.5, 0.2), "most": (0.8, 0.3)}


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """One side, once, in this process.

    Args:
        task: ``side`` (None gives the versions of this interpreter's packages), ``action``, ``shares``, ``model`` (a
            folder), ``kind`` (its ``model_type``), ``sentences``, ``threads``, ``seed``, ``bf16``; with ``bound``, the
            seconds and the ratio of which that is wanted.

    Returns:
        ``wall`` and ``cpu`` seconds, each of the ``whole`` and of ``loading`` the weights in it (0 where it is no
        part of it), and ``changed`` words.
    """
    import torch

    if task["side"] is None:
        return versions()
    torch.set_num_threads(task["threads"])
    if "bound" in task:
        augmenter, (seconds, ratio) = _augmenter(task), task["bound"]
        work = products(lambda: augmenter.rewrite(task["sentences"], np.random.default_rng(task["seed"])))
        return bound(work, seconds, ratio, task["bf16"])
    made, whole, loading = (_ours if task["side"] == OURS else _nlpaug)(task)
    changed = sum(map(_changed, task["sentences"], made))
    seconds = {clock: {"whole": whole[clock], "loading": loading[clock]} for clock in CLOCKS}
    return {**seconds, "changed": changed}


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def _ours(task: dict[str, Any]) -> tuple[list[str], dict[str, float], dict[str, float]]:
    from augsbert.augmenters.masked import MaskedModel

    augmenter = _augmenter(task)
    augmenter.rewrite(task["sentences"][:1], np.random.default_rng(0))  # The first use imports what it needs.
    _, loading = _timed(lambda: MaskedModel(task["model"], bf16=task["bf16"]))
    made, whole = _timed(lambda: augmenter.rewrite(task["sentences"], np.random.default_rng(task["seed"])))
    return made, whole, loading


def _augmenter(task: dict[str, Any]) -> Any:
    from augsbert.augmenters import contextual

    part = {"substitute": contextual.ContextualSubstitute, "insert": contextual.ContextualInsert}[task["action"]]
    return part(task["model"], share=task["shares"][0], sampling={"top_k": TOP_K}, bf16=task["bf16"])


def _nlpaug(task: dict[str, Any]) -> tuple[list[str], dict[str, float], dict[str, float]]:
    words = importlib.import_module("nlpaug.augmenter.word")
    augmenter = words.ContextualWordEmbsAug(
        model_path=task["model"],
        model_type=task["kind"],
        action=task["action"],
        aug_p=task["shares"][1],
        top_k=TOP_K,
        batch_size=BATCH_SIZE,
        device="cpu",
    )
    sentences = task["sentences"]
    augmenter.augment(sentences[0])
    if task["side"] == LIST:
        made, whole = _timed(lambda: augmenter.augment(sentences))
    else:
        made, whole = _timed(lambda: [augmenter.augment(sentence)[0] for sentence in sentences])
    return made, whole, dict.fromkeys(CLOCKS, 0.0)


def _changed(old: str, new: str) -> int:
    """Words that came in, whatever became of case and punctuation: nlpaug gives back what its tokenizer decodes."""
    before, after = (re.findall(r"\w+", text.lower()) for text in (old, new))
    steps = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return sum(end - start for step, _, _, start, end in steps if step != "equal")


def run(python: str, task: dict[str, Any]) -> dict[str, Any]:
    """:func:`measure` in a fresh process of that interpreter."""
    threads = str(task["threads"])
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [python, __file__, "--measure"]
    done = subprocess.run(command, input=json.dumps(task), env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{python} failed on {task['side']}, {task.get('action')}:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(pythons: dict[str, str], task: dict[str, Any], spaced: int, repeats: int) -> dict[str, Any]:
    """All sides of an action in turn, ``repeats`` times: their rates, and the ratios of ours to nlpaug's two.

    The peer's sides get ``spaced`` of the sentences.
    """
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in pythons}
    sentences = task["sentences"]
    few = sentences[:: max(1, len(sentences) // spaced)][:spaced]
    given = {side: sentences if side == OURS else few for side in pythons}
    for repeat in range(repeats):
        for side, python in pythons.items():
            runs[side].append(run(python, {**task, "side": side, "seed": repeat, "sentences": given[side]}))
            wall, cpu = (runs[side][-1][clock]["whole"] for clock in CLOCKS)
            print(f"{task['action']:<10} {side:<28} {wall:7.2f} s, {cpu:7.2f} s of CPU", flush=True)
    found = result(runs, {side: len(texts) for side, texts in given.items()})
    spent = statistics.median(one["wall"]["whole"] for one in runs[OURS])
    asked = {"side": OURS, "seed": 0, "bound": [spent, found["ratio_to_best"]["median"]]}
    return {**found, "bound": run(pythons[OURS], {**task, **asked})}


def result(runs: dict[str, list[dict[str, Any]]], sentences: dict[str, int]) -> dict[str, Any]:
    """What the measurements of all sides, each of so many sentences, come to."""
    rates = {side: spread([sentences[side] / one["wall"]["whole"] for one in ones]) for side, ones in runs.items()}
    best = max((ONE, LIST), key=lambda side: rates[side]["median"])
    more, ours = sentences[OURS] / sentences[ONE], runs[OURS]
    return {
        "words_changed_per_sentence": {
            side: round(statistics.mean(one["changed"] for one in ones) / sentences[side], 2)
            for side, ones in runs.items()
        },
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
    clock: str = "wall",
    *,
    read_before: bool = False,
) -> dict[str, float]:
    """Of the measurements of one turn, so that a busy minute is a busy minute for both; ours had so many times more."""
    own = [one[clock]["whole"] - read_before * one[clock]["loading"] for one in ours]
    return spread([more * one[clock]["whole"] / mine for mine, one in zip(own, theirs, strict=True)])


def main() -> None:
    """Measure both actions and write the result."""
    if sys.argv[1:] == ["--measure"]:
        print(json.dumps(measure(json.load(sys.stdin))))
        return
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
        "repeats": arguments.repeats,
        "sentences": len(sentences),
        "sentences_of_the_peer": arguments.peer_sentences,
        "words_in_a_sentence": round(statistics.mean(len(s.split()) for s in sentences), 1),
        "model": {name: config.get(name) for name in ("model_type", "num_hidden_layers", "hidden_size", "vocab_size")},
        "settings": {"shares": SHARES, "top_k": TOP_K, "nlpaug_batch_size": BATCH_SIZE, "bf16": arguments.bf16},
        "peer_versions": run(arguments.nlpaug_python, {"threads": 1, "side": None}),
    }
    measured = {
        f"{action}, {words}": compare(
            pythons, {**task, "action": action, "shares": shares}, arguments.peer_sentences, arguments.repeats
        )
        for action in arguments.actions
        for words, shares in SHARES.items()
    }
    return {**about, **measured}


if __name__ == "__main__":
    main()
