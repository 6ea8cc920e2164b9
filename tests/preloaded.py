"""Runs the program again and again in forks of one process that has imported torch: the same program, seconds sooner.

Reads a line of JSON for each run (number, arguments, folder, environment, files for the output), answers with number
and exit status.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Serve until the input ends."""
    import pytorch_lightning  # noqa: F401
    import transformers  # noqa: F401

    import augsbert.experiment
    import augsbert.scoring
    import augsbert.training  # noqa: F401

    for line in sys.stdin:
        task = json.loads(line)
        number = task.pop("number")
        child = os.fork()
        if child == 0:
            _run(**task)
        _, status = os.waitpid(child, 0)
        print(number, os.waitstatus_to_exitcode(status), flush=True)


def _run(arguments: list[str], folder: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    status: Any = 0
    for path, descriptor in ((stdout, 1), (stderr, 2), (os.devnull, 0)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
    os.chdir(folder)
    os.environ.update(environment)
    # Read at a start only, and handed on to the workers of a launcher.
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = [str(ROOT / "run.py"), *arguments]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as exit:
        status = exit.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    # What an end of Python does first, in its order; all that follows takes seconds, and nothing hangs on it.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    main()
