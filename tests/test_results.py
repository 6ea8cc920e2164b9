"""What a run leaves is there as a whole or not at all, whenever it is killed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf

from augsbert import results, run_files
from augsbert.pairs import Splits


def write_all(folder: Path) -> None:
    """A run without an encoder."""
    pairs = pd.DataFrame({"sentence1": ["a"], "sentence2": ["b"], "score": [0.5]})
    splits = Splits(pairs, pairs, pairs, "regression")
    flow: Any = SimpleNamespace(
        cfg=OmegaConf.create({"compare": {"poly": False}}),
        evaluation_data=SimpleNamespace(splits=lambda: splits),
        **{"evaluations": {}, "gold": pairs, "silver": None, "labeller": {}, "poly_encoder": None},
    )
    results.begin(folder, {"seed": 0}, {}, [])
    results.leave(flow, folder)


@pytest.mark.parametrize("name", [run_files.SETTINGS, run_files.STAGES, run_files.METRICS])
def test_a_kill_in_the_middle_of_a_file_leaves_no_half_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def killed(path: Path, text: str, *args: Any) -> int:
        if not path.name.endswith(name):
            return write(path, text, *args)
        write(path, text[: len(text) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write_all(tmp_path)
    assert not (tmp_path / name).exists()
    monkeypatch.undo()
    write_all(tmp_path)
    assert (tmp_path / name).exists()
