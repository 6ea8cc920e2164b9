"""How tests start processes: none is left behind, whatever breaks a test off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
#: What every run of a test has around it; a test may add to it.
AROUND = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def run_group(
    command: str | Sequence[str], timeout: float, environment: Mapping[str, str], **settings: Any
) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run``, with an end to all of its processes where it takes too long or the test is broken off."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    settings |= {"env": {**os.environ, **AROUND, **environment}, "start_new_session": True, **pipes}
    with subprocess.Popen(command, **settings) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            _kill(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


class Preloaded:
    """The process of tests/preloaded.py, started when it is first needed, and anew where a test was broken off.

    A run that a test no longer waits for would give its status to the next test.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._runs = 0

    def run(self, **task: Any) -> int:
        """Let a fork do a run; its exit status."""
        if self._process is None:
            self._process = self._start()
        self._runs += 1
        try:
            return self._ask(self._process, {"number": self._runs, **task})
        except BaseException:  # a test's timeout and Ctrl-C among them
            self.end()
            raise

    def end(self) -> None:
        """End the process and what it runs."""
        if self._process is not None:
            _kill(self._process)
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.preloaded"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **AROUND}, start_new_session=True, **pipes)

    def _ask(self, process: subprocess.Popen[str], task: Mapping[str, Any]) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, which its answer will show
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError(f"tests.preloaded has ended, with exit status {process.wait(timeout=60)}")
        number, status = map(int, answer.split())
        assert number == task["number"]
        return status


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
