"""The test pairs that an encoder orders worst, beside what another makes of them."""

from __future__ import annotations

import pandas as pd

from augsbert.reporting.comparison import Comparison
from augsbert.reporting.runs import Run


def worst_pairs(comparison: Comparison, count: int = 10) -> dict[str, pd.DataFrame]:
    """The pairs that baseline and AugSBERT each place worst, by encoder.

    A pair's place is the share (0..1) of the test pairs that do not lie above it, by gold or by an encoder; the error
    is the difference of the two. Taken from the run of the last AugSBERT cell's first seed, which evaluated both.
    """
    cells = [cell for cell in comparison.cells if cell.encoder == "bi_encoder"]
    runs = [run for cell in reversed(cells) for run in cell.runs.values() if "baseline" in run.encoders]
    return {name: _worst(runs[0], name, count) for name in ("baseline", "bi_encoder")} if runs else {}


def _worst(run: Run, encoder: str, count: int) -> pd.DataFrame:
    """Columns sentence1, sentence2, gold, and the places by gold, baseline and AugSBERT."""
    test = run.predictions[run.predictions["split"] == "test"]
    places = test[["score", "baseline", "bi_encoder"]].rank(pct=True).rename(columns={"score": "place"})
    table = test[["sentence1", "sentence2", "score"]].join(places)
    error = (table[encoder] - table["place"]).abs()
    return table.loc[error.sort_values(ascending=False, kind="stable").index[:count]]
