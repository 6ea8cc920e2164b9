"""What the command says of errors that come from the machine, not from the config."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import pytest

from augsbert import cli


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "error: No space left on device. Free some space, or set another folder, such as hydra.run.dir or "
            "store.dir.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "pairs.tsv"),
            "error: pairs.tsv: Permission denied. Mend it, or set another path, such as hydra.run.dir or store.dir.",
        ),
    ],
)
def test_what_the_disk_refuses_is_one_line(error: OSError, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NoReturn:
        raise error

    monkeypatch.setattr(cli, "run", fail)
    monkeypatch.setattr(cli, "_wants_traceback", False)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["run.py"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == said
