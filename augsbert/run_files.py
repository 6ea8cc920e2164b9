"""The names of the files in a run's folder: what a run leaves, and what reports, sweeps and the store know it by."""

from pathlib import Path

METRICS = "metrics.json"
STAGES = "stages.json"
SETTINGS = "settings.json"
SILVER = "silver.parquet"
PREDICTIONS = "predictions.parquet"
HISTOGRAM = "histogram.json"
#: In a sweep: what became of the job and, of a plan, which tells of no run, what would.
STATUS, PLANNED = "status.json", "planned.json"


def sweep_name(folder: Path) -> str:
    """What a sweep is called in W&B: the last two parts of its folder, as Hydra's own ends in a time of day."""
    return "/".join(folder.expanduser().absolute().parts[-2:])
