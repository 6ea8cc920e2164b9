"""What is kept of a benchmark: its result with the machine, the commit, the versions, its goals and what is left."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goals import judged

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
PACKAGES = (
    *("augsbert", "torch", "transformers", "tokenizers", "sentence-transformers", "nlpaug"),
    *(
        "bm25s",
        "numba",
        "rank-bm25",
        "tantivy",
        "faiss-cpu",
        "numpy",
        "pytorch-lightning",
        "accelerate",
        "datasets",
        "openvino",
    ),
)


def write(name: str, result: Mapping[str, Any], short: bool, accelerator: str = "cpu") -> None:
    """Print the result, and keep it in results/benchmarks/NAME.json (NAME_gpu) unless it is of the short form."""
    from augsbert.hardware import describe

    name += "" if accelerator == "cpu" else f"_{accelerator}"
    machine = {"processor": describe(), "threads": _threads(), "load": os.getloadavg()[0], **_gpu(accelerator)}
    about = {**machine, "commit": commit(), "versions": versions()}
    text = json.dumps({**about, **judged(name, result)}, indent=1)
    if not short:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def _gpu(accelerator: str) -> dict[str, str]:
    import torch

    return {} if accelerator == "cpu" else {"gpu": torch.cuda.get_device_name()}


def commit() -> str | None:
    """The commit that is measured, with a mark where code differs from it; None outside a clone."""
    git, others = ["git", "-C", str(RESULTS.parents[2])], ["HEAD", "--", ".", ":!experiments/results"]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "diff", "--quiet", *others], capture_output=True).returncode == 1
    return f"{found}-dirty" if found and changed else found or None


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def versions() -> dict[str, str]:
    """Of Python and of the packages that are measured, as far as they are installed."""
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
