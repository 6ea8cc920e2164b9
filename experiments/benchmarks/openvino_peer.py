"""sentence-transformers on OpenVINO, in a Python of its own: it wants other releases of torch and transformers.

    python -m venv FOLDER && FOLDER/bin/pip install 'sentence-transformers[openvino]'
    python experiments/benchmarks/labelling.py --data DATA --openvino-python FOLDER/bin/python

A task comes in by standard input; what goes out is the seconds of one call, after one that warms up, and its outputs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np


def call(python: str, task: dict[str, Any], texts: Sequence[Any]) -> tuple[float, np.ndarray]:
    """Seconds and outputs of a task in that Python.

    Args:
        python: the interpreter.
        task: ``encoder``, cross or bi, ``model``, ``batch_size`` and, of bi, ``max_seq_length``.
        texts: sentences, or pairs of them.
    """
    given = json.dumps({**task, "texts": list(texts)})
    done = subprocess.run([python, __file__], input=given, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["seconds"]), np.array(found["outputs"], dtype=np.float32)


def versions(python: str) -> dict[str, str]:
    """Of what that Python measures."""
    names = ("openvino", "sentence-transformers", "torch", "transformers", "optimum-intel")
    ask = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    done = subprocess.run([python, "-c", ask], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Seconds of one call of ``predict`` or ``encode``, and what it gives."""
    from sentence_transformers import CrossEncoder, SentenceTransformer

    settings: Any = {"backend": "openvino", "device": "cpu"}
    if task["encoder"] == "cross":
        run = CrossEncoder(task["model"], **settings).predict
    else:
        model = SentenceTransformer(task["model"], **settings)
        model.max_seq_length = task["max_seq_length"]
        run = model.encode
    arguments = {"batch_size": task["batch_size"], "show_progress_bar": False}
    run(task["texts"][:256], **arguments)
    start = time.perf_counter()
    outputs = run(task["texts"], **arguments)
    return {"seconds": time.perf_counter() - start, "outputs": outputs.tolist()}


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin))))
