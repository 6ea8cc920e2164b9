"""Kill -9 at random moments: the short version of experiments/reliability/kill.py, which has the whole one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.processes import run_group

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "kills"), [("in_domain", 2), ("fully_annotated", 1), ("domain_adaptation", 1)])
def test_after_kill_9_the_next_run_ends_as_an_undisturbed_one_and_no_process_is_left(
    tmp_path: Path, scenario: str, kills: int
) -> None:
    result = tmp_path / "reliability.json"
    command = [sys.executable, str(ROOT / "experiments" / "reliability" / "kill.py")]
    command += ["--scenario", scenario, "--kills", str(kills), "--seed", "1", "--result", str(result)]
    # Other tests run beside this one; test_interrupt.py counts the seconds until an end.
    run = run_group([*command, "--patience", "60"], timeout=500, environment={"PYTHONPATH": str(ROOT)})
    assert run.returncode == 0, run.stderr
    measured = json.loads(result.read_text())[f"{scenario}, devices=1"]
    assert len(measured["kills"]) == kills
    assert measured["all_equal"]
    assert measured["no_process_left"]
