"""One run of W&B for a whole sweep, in the group of its jobs' runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.wandb_logger import Wandb
from augsbert.reporting.wandb_run import WandbRun
from augsbert.run_files import sweep_name


def log_summary(project: str, comparison: Comparison, page: Path, folders: Sequence[Path]) -> None:
    """Log the comparison's figures and its page; offline where W&B cannot be reached, as a run's own log.

    The summary of the same folders is one run, however often it is logged.

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
    places = "\n".join(sorted(str(folder.resolve()) for folder in folders))
    run_id = hashlib.sha256(places.encode()).hexdigest()[:16]
    with logger.run(config, {}, sweep, group, resumed=run_id) as run:
        if isinstance(run, WandbRun):
            run.comparison(comparison.figures().astype({"seed": str}), page)
