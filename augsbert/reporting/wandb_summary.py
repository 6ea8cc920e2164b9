"""One run of W&B for a whole sweep, in the group of its jobs' runs."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.wandb_logger import Wandb
from augsbert.reporting.wandb_run import WandbRun
from augsbert.run_files import sweep_name


def log_summary(project: str, comparison: Comparison, page: Path, folders: Sequence[Path]) -> None:
    """Log the comparison's figures and its page; offline where W&B cannot be reached, as a run's own log.

    The summary of the same folders is one run, however often it is logged: its id is kept in the first of them
    (``.wandb_summary``; without the file another run begins, as one must after the run was deleted).

    Args:
        project: of W&B.
        comparison: what is logged.
        page: report.html.
        folders: the sweeps; the first one's name is the group, as in its jobs' runs.
    """
    sweep = folders[0].resolve()
    group = sweep_name(folders[0])
    logger = Wandb(project=project, name=f"{group}: summary", tags=["summary"])
    config = {"folders": [str(folder) for folder in folders], "metric": comparison.metric, "settings": comparison.keys}
    with logger.run(config, {}, sweep, group, resumed=_id(folders)) as run:
        if isinstance(run, WandbRun):
            run.comparison(comparison.figures().astype({"seed": str}), page)


def _id(folders: Sequence[Path]) -> str:
    """Of the first folder's own, and of those that are compared with it."""
    kept = folders[0] / ".wandb_summary"
    if not kept.exists():
        kept.write_text(secrets.token_hex(8))
    others = sorted(str(folder.resolve()) for folder in folders[1:])
    return hashlib.sha256("\n".join([kept.read_text().strip(), *others]).encode()).hexdigest()[:16]
