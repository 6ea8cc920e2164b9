"""Bad input as a user meets it: one clear message, whole, before any training, exit status 1 and no traceback."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.program.bad_input import augmenters, command_line, config, files, flow, method, weights
from tests.program.bad_input.case import Case

CASES = command_line.CASES | config.CASES | weights.CASES | files.CASES | flow.CASES | method.CASES | augmenters.CASES
#: Read as Python starts, or as the hub's client is imported: what sets them needs a start of its own.
AT_THE_START = {"PYTHONPATH", "HF_HOME"}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_one_clear_message_before_any_training(
    request: pytest.FixtureRequest, tiny_run: list[str], tiny_model: Path, tiny_table: Path, tmp_path: Path, case: Case
) -> None:
    places = {"TMP": str(tmp_path), "MODEL": str(tiny_model), "TABLE": str(tiny_table)}
    for name, content in case.files.items():
        _write(tmp_path / name, content, tiny_model)
    typed = [_replaced(override, places) for override in case.overrides.split()]
    environment = {name: _replaced(value, places) for name, value in case.environment.items()}

    program = request.getfixturevalue("program" if AT_THE_START & set(environment) else "preloaded_program")
    ended = program(*_base(tiny_run, typed), *typed, **environment)

    assert _neutral(ended.stderr, places) == case.message
    assert re.sub(r"\[[\d:]+\] |[\d.]+(?= s\n)", "", ended.stdout) == "".join(
        [*(f"{name} ...\n{name}: made in  s\n" for name in case.made), f"{case.making} ...\n" if case.making else ""]
    )
    assert ended.returncode == 1
    assert not [kind for kind in ("cross_encoder", "bi_encoder") if (tmp_path / "store" / kind).exists()]


def _write(path: Path, content: str | bytes | Callable[[Path, Path], None], model: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    if callable(content):
        content(model, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _base(run: list[str], typed: list[str]) -> list[str]:
    """The sound command line, without the settings of parts that the bad one replaces."""
    chosen = {override.partition("=")[0] for override in typed}
    lengths = ["cross_encoder.max_seq_length=64", "bi_encoder.max_seq_length=64"]
    return [override for override in [*run, *lengths] if re.split("[.=]", override)[0] not in chosen]


def _replaced(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def _neutral(text: str, places: Mapping[str, str]) -> str:
    """With names for the folders; what the hub's client says is its own."""
    for name, place in places.items():
        text = text.replace(place, name)
    return re.sub(r"\(\w+Error: .*\)\.\n", "(REASON).\n", text)
