"""Runs the program again and again in forks of one process that has imported torch: the same program, seconds sooner.

Reads a line of JSON for each run (arguments, folder, environment, files for the output), answers with its exit status.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
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
        child = os.fork()
        if child == 0:
            _run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(arguments: list[str], folder: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    status: Any = 0
    for path, descriptor in ((stdout, 1), (stderr, 2), (os.devnull, 0)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
    os.chdir(folder)
    os.environ.update(environment)
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
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    main()
