"""The names of the files in a run's folder: what a run leaves, and what reports, sweeps and the store know it by."""

METRICS = "metrics.json"
STAGES = "stages.json"
SETTINGS = "settings.json"
SILVER = "silver.parquet"
PREDICTIONS = "predictions.parquet"
HISTOGRAM = "histogram.json"
#: In a sweep: what became of the job and, of a plan, which tells of no run, what would.
STATUS, PLANNED = "status.json", "planned.json"
