"""A stale store is worse than none: code that makes results may not change while its VERSION stays.

Each part and each kind of stage is recorded in versions.json with its version and a hash of its code (syntax trees
without docstrings). After a change: raise VERSION if any result may differ, then run ``python tests/test_versions.py``
to record anew.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECORDED = Path(__file__).with_name("versions.json")
SCORING = [
    "stages.py",
    "encoder_nodes.py",
    "job.py",
    "scoring.py",
    "trainer.py",
    "ranks.py",
    "hardware.py",
    "batching.py",
    "encoders/token_rows.py",
    "encoders/module.py",
    "encoders/network.py",
]
FITTING = [
    *SCORING,
    "training.py",
    "seed_optimization.py",
    "checkpoints.py",
    "evaluation.py",
    "encoders/dropout.py",
    "encoders/occurring.py",
    "encoders/self_attention.py",
]
#: What stands behind each kind of stage beside the parts that it uses.
KINDS = {
    "dataset": ["stages.py", "pairs.py"],
    "pool": ["pool.py", "pairs.py", "gold.py", "silver.py"],
    "candidates": ["stages.py", "pairs.py", "gold.py", "silver.py"],
    "augmented": ["stages.py", "pairs.py", "gold.py", "silver.py"],
    "silver": ["stages.py", "pairs.py", "gold.py", "silver.py"],
    "cross_encoder": [*FITTING, "pairs.py", "gold.py", "silver.py"],
    "bi_encoder": [*FITTING, "encoders/unpadding.py", "pairs.py", "gold.py", "silver.py", "pipeline.py"],
    "labels": [*SCORING, "pairs.py", "gold.py", "silver.py"],
    "evaluation": [*SCORING, "evaluation.py", "pairs.py", "gold.py", "silver.py", "pipeline.py"],
}


def _targets() -> list[str]:
    texts = [path.read_text() for path in (ROOT / "conf").rglob("*.yaml")]
    found = {match for text in texts for match in re.findall(r"_target_: (augsbert[\w.]+)", text)}
    # Loggers, the trainer and the callback are in nobody's key.
    return sorted(t for t in found if not re.search(r"\.(reporting|hardware|sweep)\.", t))


def _files_of(target: str) -> list[Path]:
    """The part's file, and those of the project that it imports, directly or not."""
    part = _located(target)
    waiting, files = [part.__module__], {}
    while waiting:
        name = waiting.pop()
        if name in files:
            continue
        files[name] = Path(importlib.import_module(name).__file__ or "")
        imports = [n for n in ast.walk(ast.parse(files[name].read_text())) if isinstance(n, ast.ImportFrom)]
        waiting += [n.module for n in imports if n.module and n.module.startswith("augsbert.")]
        waiting += [f"augsbert.{a.name}" for n in imports if n.module == "augsbert" for a in n.names]
    return sorted(files.values())


def _located(target: str) -> type:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _hash(files: list[Path]) -> str:
    state = hashlib.sha256()
    for path in files:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
            if documented:
                node.body = node.body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
        state.update(ast.unparse(tree).encode())
    return state.hexdigest()[:16]


@functools.cache
def _now() -> dict[str, dict[str, int | str]]:
    from augsbert.nodes import VERSIONS

    parts = {t: {"version": getattr(_located(t), "VERSION", 0), "code": _hash(_files_of(t))} for t in _targets()}
    kinds = {
        f"stage {kind}": {"version": VERSIONS[kind], "code": _hash([ROOT / "augsbert" / file for file in files])}
        for kind, files in KINDS.items()
    }
    return parts | kinds


def test_every_kind_of_stage_is_watched() -> None:
    from augsbert.nodes import VERSIONS

    assert set(VERSIONS) == set(KINDS)


@pytest.mark.parametrize("name", [*_targets(), *(f"stage {kind}" for kind in KINDS)])
def test_code_changes_only_with_its_version(name: str) -> None:
    now, recorded = _now()[name], json.loads(RECORDED.read_text()).get(name)
    assert recorded is not None, f"{name}: it is new; record it: python tests/test_versions.py"
    assert now == recorded, (
        f"{name}: its code or version is not as recorded. If any result may differ, raise its VERSION (a part's is in "
        "its class, a stage's in nodes.py); then record it: python tests/test_versions.py"
    )


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(_now(), indent=1, sort_keys=True) + "\n")
