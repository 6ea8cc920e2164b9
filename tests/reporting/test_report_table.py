"""The table at the end of a run."""

import math

import pytest

from augsbert.reporting.table import duration, rows, table

STAGES = ["dataset", "pool", "candidates", "cross_encoder", "labels", "silver", "baseline", "bi_encoder", "evaluation"]


def run_metrics(*names: str) -> dict[str, float]:
    """Flat metrics of a run, encoders in an order that is not the table's."""
    encoders = ["cross_encoder", "bi_encoder", "upper_bound", "untrained", "baseline"]
    flat = {
        f"{encoder}/{split}/{name}": 0.5 + place / 10 + (0.01 if split == "test" else 0)
        for place, encoder in enumerate(encoders)
        for split in ("dev", "test")
        for name in names
    }
    flat |= {"silver/pairs": 29347, "silver/gold_pairs": 1000}
    return flat | {f"time/{stage}": 12.0 for stage in STAGES} | {f"found/{stage}": 0 for stage in STAGES}


def test_regression_table_as_a_person_sees_it() -> None:
    metrics = {key: value for key, value in run_metrics("spearman", "pearson").items() if "upper" not in key}
    metrics |= {"found/dataset": 1, "time/bi_encoder": 185, "time/candidates": 0.42}
    assert table(metrics) == (
        "                               Spearman           Pearson\n"
        "x100                       dev     test      dev     test\n"
        "---------------------------------------------------------\n"
        "untrained                80.00    81.00    80.00    81.00\n"
        "baseline (gold alone)    90.00    91.00    90.00    91.00\n"
        "AugSBERT                 60.00    61.00    60.00    61.00\n"
        "cross-encoder            50.00    51.00    50.00    51.00\n"
        "\n"
        "pairs   1,000 gold, 29,347 silver\n"
        "\n"
        "time    dataset              found    pool                  12 s    candidates           0.4 s\n"
        "        cross_encoder         12 s    labels                12 s    silver                12 s\n"
        "        baseline              12 s    bi_encoder      3 min 05 s    evaluation            12 s"
    )


def test_binary_table_shows_its_four_metrics_within_100_columns() -> None:
    shown = ["average_precision", "roc_auc", "f1", "accuracy"]
    text = table(run_metrics(*shown, "auc_005", "roc_auc_max_fpr_005"))
    assert max(map(len, text.splitlines())) <= 100
    for title in ("avg. precision", "ROC AUC", "F1", "accuracy"):
        assert title in text.splitlines()[0]
    assert "005" not in text


def test_rows_stand_in_the_order_of_the_method_and_only_where_there_is_a_metric() -> None:
    columns, encoders = rows(run_metrics("spearman"))
    assert columns == ["encoder", "dev/spearman", "test/spearman"]
    names = ["untrained", "baseline (gold alone)", "AugSBERT", "upper bound", "cross-encoder"]
    assert [row[0] for row in encoders] == names
    assert rows({"silver/pairs": 3})[1] == []


def test_what_is_absent_is_a_dash_and_what_is_nan_says_so() -> None:
    line = table({"baseline/test/spearman": math.nan}).splitlines()[-1]
    assert line.split()[-2:] == ["-", "nan"]


def test_a_stage_of_another_name_comes_last() -> None:
    assert table({"time/extra": 1, "found/dataset": 1}).split() == ["time", "dataset", "found", "extra", "1.0", "s"]


def test_no_metrics_make_an_empty_text() -> None:
    assert table({}) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7825, "2 h 10 min")],
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
