"""The processes of this machine that share the stages of a run: a torchrun, started once, whose workers wait for jobs.

Run as a module, this file is both the agent of such a tree and its workers. Starting them takes some ten seconds, most
of them imports, which the stages of a run, and the jobs of a sweep, pay once.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from augsbert import ranks
from augsbert.errors import Pruned, UserError
from augsbert.hardware import return_memory
from augsbert.job import Job, leave, serve, share
from augsbert.run_files import write_whole
from augsbert.store import files

#: What the first rank leaves in a job's inputs: nothing in it when the job is done, else why it ended.
_ANSWERS: dict[str, type[UserError] | None] = {"done.txt": None, "pruned.txt": Pruned, "error.txt": UserError}
_ASK_AGAIN, _PATIENCE = 0.01, 3.0  # seconds
_PR_SET_PDEATHSIG = 1


class Tree:
    """An agent of torchrun and its workers.

    Args:
        devices: workers.
        environment: of all of them.
    """

    def __init__(self, devices: int, environment: Mapping[str, str]) -> None:
        # Where torchrun keeps logs that nobody asks for; its own such folder would stay when the agent is killed.
        self.logs = tempfile.mkdtemp(prefix="augsbert-torchrun-")
        command = [sys.executable, "-m", "augsbert.tree", str(devices), self.logs]
        self.owner = os.getpid()
        parent = {"AUGSBERT_PARENT": str(self.owner)}
        # A session of its own: Ctrl-C reaches this process only, which then ends the tree at once.
        self.agent = subprocess.Popen(
            command, env={**environment, **parent}, stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        atexit.register(self.end)

    def do(self, job: Job) -> None:
        """Let the workers do a job.

        Raises:
            UserError: what they found wrong with the input.
            RuntimeError: one of them failed; what it said is on the screen.
        """
        (job.inputs / "job.json").write_text(json.dumps(asdict(job)))
        try:
            self._tell(f"{job.inputs / 'job.json'}\n")
            answer = self._answer(job)
        except BaseException:  # Ctrl-C among them
            self.end()
            raise
        if kind := _ANSWERS[answer.name]:
            raise kind(answer.read_text())

    def _tell(self, line: str) -> None:
        assert self.agent.stdin is not None
        try:
            self.agent.stdin.write(line)
            self.agent.stdin.flush()
        except BrokenPipeError:
            pass  # the agent has ended, which waiting for the answer will show

    def _answer(self, job: Job) -> Path:
        while True:
            status = self.agent.poll()
            for name in _ANSWERS:
                if (job.inputs / name).exists():
                    return job.inputs / name
            if status is not None:
                raise RuntimeError(
                    f"{job.stage}: a worker failed with exit status {status}; what it said stands above."
                )
            time.sleep(_ASK_AGAIN)

    @property
    def is_there(self) -> bool:
        """Whether it can be given a job."""
        return self.agent.poll() is None

    def end(self) -> None:
        """End all its processes, the workers with their agent; not those of a process that this one was forked from."""
        if self.owner != os.getpid():
            return
        atexit.unregister(self.end)
        if sys.platform != "linux":  # where no kernel ends the workers with their agent, it does so itself
            self.agent.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.agent.wait(_PATIENCE)
        self.agent.kill()
        self.agent.wait()
        shutil.rmtree(self.logs, ignore_errors=True)


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent goes; torchrun's workers are in sessions of their own."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _agent(devices: str, logs: str) -> None:
    _die_with_parent(int(os.environ["AUGSBERT_PARENT"]))
    # torch takes seconds to import: a parent that dies meanwhile takes this process along.
    from torch.distributed.run import main as torchrun

    os.environ["AUGSBERT_PARENT"] = str(os.getpid())
    torchrun(["--standalone", "--log-dir", logs, "--nproc-per-node", devices, "-m", "augsbert.tree"])


def _worker() -> None:
    _die_with_parent(int(os.environ["AUGSBERT_PARENT"]))
    if ranks.waits():
        leave(serve())
    ranks.join()
    for line in sys.stdin:
        _do(Job(**json.loads(Path(line.rstrip("\n")).read_text())))
    ranks.dismiss(0)
    leave(0)


def _do(job: Job) -> None:
    """The first rank's share of a job, which it hands out and answers for."""
    ranks.hand_out(asdict(job))
    answer, said = "done.txt", ""
    with files.alive(Path(job.folder)):
        try:
            share(job)
        except UserError as error:
            answer = "pruned.txt" if isinstance(error, Pruned) else "error.txt"
            said = str(error)
    return_memory()
    write_whole(job.inputs / answer, said)


if __name__ == "__main__":
    if "RANK" in os.environ:
        _worker()
    else:
        _agent(*sys.argv[1:])
