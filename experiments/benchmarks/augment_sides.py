"""One side of ``augment.py``, once, in this process: ours, or nlpaug's in an interpreter of its own.

A task comes in by standard input as JSON, and what it took goes out as the last line.
"""

from __future__ import annotations

import difflib
import importlib
import json
import random
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from matrix import bound, products
from record import versions

OURS, ONE, LIST = "augsbert", "nlpaug, a sentence at a time", "nlpaug, a list"
CLOCKS = ("wall", "cpu")
BATCH_SIZE = 64
TOP_K = 20


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """One side, once, in this process.

    Args:
        task: ``side`` (None gives the versions of this interpreter's packages), ``action``, ``share`` (of the words,
            ours, or nlpaug's ``aug_p``), ``model`` (a folder), ``kind`` (its ``model_type``), ``sentences``,
            ``threads``, ``seed``, ``bf16``; with ``bound``, the seconds and the ratio of which that is wanted.

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
    words = sum(map(changed, task["sentences"], made))
    seconds = {clock: {"whole": whole[clock], "loading": loading[clock]} for clock in CLOCKS}
    return {**seconds, "changed": words}


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
    return part(task["model"], share=task["share"], sampling={"top_k": TOP_K}, bf16=task["bf16"])


def _nlpaug(task: dict[str, Any]) -> tuple[list[str], dict[str, float], dict[str, float]]:
    words = importlib.import_module("nlpaug.augmenter.word")
    augmenter = words.ContextualWordEmbsAug(
        model_path=task["model"],
        model_type=task["kind"],
        action=task["action"],
        aug_p=task["share"],
        top_k=TOP_K,
        batch_size=BATCH_SIZE,
        device="cpu",
    )
    sentences = task["sentences"]
    augmenter.augment(sentences[0])
    random.seed(task["seed"])
    np.random.seed(task["seed"])
    if task["side"] == LIST:
        made, whole = _timed(lambda: augmenter.augment(sentences))
    else:
        made, whole = _timed(lambda: [augmenter.augment(sentence)[0] for sentence in sentences])
    return made, whole, dict.fromkeys(CLOCKS, 0.0)


def changed(old: str, new: str) -> int:
    """Words that came in, whatever became of case and punctuation: nlpaug gives back what its tokenizer decodes."""
    before, after = (re.findall(r"\w+", text.lower()) for text in (old, new))
    steps = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return sum(end - start for step, _, _, start, end in steps if step != "equal")


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin))))
