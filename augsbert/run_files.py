"""The files in a run's folder: their names, by which reports, sweeps and the store know them; written at once."""

from pathlib import Path

METRICS = "metrics.json"
STAGES = "stages.json"
SETTINGS = "settings.json"
SILVER = "silver.parquet"
PREDICTIONS = "predictions.parquet"
HISTOGRAM = "histogram.json"
#: In a sweep: what became of the job and, of a plan, which tells of no run, what would.
STATUS, PLANNED = "status.json", "planned.json"


def write_whole(path: Path, text: str) -> None:
    """Write a file at once: whoever reads it, after a kill too, finds what was there before or all of the text."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.rename(path)


def sweep_name(folder: Path) -> str:
    """What a sweep is called in W&B: the last two parts of its folder, as Hydra's own ends in a time of day."""
    return "/".join(folder.expanduser().absolute().parts[-2:])
