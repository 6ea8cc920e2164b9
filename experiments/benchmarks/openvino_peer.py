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
    """Run a task (``encoder``, cross or bi, ``model``, ``batch_size``) in that Python: seconds and outputs."""
    given = json.dumps({**task, "texts": list(texts)})
    done = subprocess.run([python, __file__], input=given, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["seconds"]), np.array(found["outputs"], dtype=np.float32)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Seconds of one call of ``predict`` or ``encode``, and what it gives."""
    from sentence_transformers import CrossEncoder, SentenceTransformer

    settings: Any = {"backend": "openvino", "device": "cpu"}
    if task["encoder"] == "cross":
        run = CrossEncoder(task["model"], **settings).predict
    else:
        run = SentenceTransformer(task["model"], **settings).encode
    arguments = {"batch_size": task["batch_size"], "show_progress_bar": False}
    run(task["texts"][:256], **arguments)
    start = time.perf_counter()
    outputs = run(task["texts"], **arguments)
    return {"seconds": time.perf_counter() - start, "outputs": outputs.tolist()}


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin))))
