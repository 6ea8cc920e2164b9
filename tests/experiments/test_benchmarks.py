"""What benchmarks make of their measurements: ratios turn by turn, growth, tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest


def test_a_ratio_is_of_the_times_of_one_turn(benchmark: Callable[[str], Any]) -> None:
    turns = benchmark("turns")
    # The third turn was busy for both.
    found = turns.ratios({"ours": [1.0, 2.0, 10.0], "peer": [2.0, 4.0, 30.0]}, "ours", "peer")
    assert found == {"median": 2.0, "least": 2.0, "most": 3.0}


def test_sides_take_turns_and_none_is_always_the_first(
    benchmark: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[str] = []
    seconds = benchmark("turns").in_turn({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 2)
    assert called == ["a", "b", "b", "a", "a", "b"]
    assert {side: len(spent) for side, spent in seconds.items()} == {"a": 2, "b": 2}
    assert capsys.readouterr().out.count("warm-up") == 2


def test_a_side_that_took_its_own_time_is_believed(benchmark: Callable[[str], Any]) -> None:
    assert benchmark("turns").in_turn({"elsewhere": lambda: 12.5}, 1, warm_up=0) == {"elsewhere": [12.5]}


def test_full_rate_is_what_would_be_left_if_nothing_but_products_took_time(
    benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = benchmark("matrix")
    monkeypatch.setattr(matrix, "matrix_rate", lambda bf16, accelerator: 100.0)
    assert matrix.bound(operations=400, seconds=8, ratio=1.5, bf16=False) == {
        "matrix_rate": 100.0,
        "share_of_matrix_rate": 0.5,
        "ratio_at_full_rate": 3.0,
    }


def test_growth_is_a_power_of_the_searchs_seconds_and_so_many_bytes_a_sentence(
    benchmark: Callable[[str], Any],
) -> None:
    less = {"seconds": {"embed": 30.0, "search": 2.0, "candidates": 32.5}, "peak_mib": 100, "disk_mib": 1}
    more = {"seconds": {"embed": 360.0, "search": 200.0, "candidates": 563.6}, "peak_mib": 190, "disk_mib": 10}
    found = benchmark("growth").grows({"bm25": {"100000": more, "10000": less}, "random": {"10000": less}})
    assert set(found) == {"bm25"}
    assert found["bm25"]["exponent"] == {"search": 2.0}
    assert found["bm25"]["bytes_a_sentence"] == {"peak": 1049, "disk": 105}
    # 3.6 ms a sentence, 20 ns for each two, and 36 us a sentence for what comes after.
    assert found["bm25"]["guess_at_100000000"]["hours"] == {"embed": 100.0, "search": 55600.0, "rest": 1.0}


@pytest.mark.parametrize(("each", "each_two"), [(1e-4, 1e-9), (1e-4, 0.0), (0.0, 1e-9)])
def test_what_far_more_sentences_take_follows_from_a_cost_of_each_and_of_each_two(
    benchmark: Callable[[str], Any], each: float, each_two: float
) -> None:
    growth = benchmark("growth")

    def seconds(size: int) -> float:
        return each * size + each_two * size**2

    far = growth._far(10**5, seconds(10**5), 10**6, seconds(10**6))
    assert far == pytest.approx(seconds(growth.FAR))


def test_the_augmenters_ratios_are_of_seconds_a_sentence_against_the_faster_of_the_peers_two_ways(
    benchmark: Callable[[str], Any],
) -> None:
    augment = benchmark("augment")

    def run(seconds: float, loading: float = 0.0) -> dict:
        return {clock: {"whole": seconds, "loading": loading} for clock in ("wall", "cpu")} | {"changed": 50}

    runs = {augment.OURS: [run(10, loading=2)] * 2, augment.ONE: [run(20)] * 2, augment.LIST: [run(8), run(12)]}
    found = augment.result(runs, {augment.OURS: 1000, augment.ONE: 100, augment.LIST: 100})
    assert found["best_peer"] == augment.LIST
    assert found["ratio_to_default"]["median"] == 20
    assert found["ratio_to_default, weights read before"]["median"] == 25
    assert found["ratio_to_best"] == {"median": 10, "least": 8, "most": 12}
    assert found["words_changed_per_sentence"][augment.ONE] == 0.5
    assert found["words_differ_by"] == 9  # of 0.05 words in a sentence


#: Seconds of the three encoders, each figure another one.
SPENT = {
    "cross_encoder": {"all_pairs": 7200.0, "one_against_all": 81.6},
    "poly_encoder": {"embed": 11.0, "all_pairs": 130.0, "one_against_all": 0.0135},
    "bi_encoder": {"embed": 10.0, "all_pairs": 16.5, "clusters": 16.7, "one_against_all": 0.0048},
}


def test_the_table_of_pairs_says_of_each_figure_whether_it_was_extrapolated(benchmark: Callable[[str], Any]) -> None:
    result = {
        "sentences": 10_000,
        "metric": "average_precision",
        "quality": {"cross_encoder": 0.78451, "poly_encoder": 0.75, "bi_encoder": 0.7748, "baseline": 0.6},
        "seconds": SPENT,
        "extrapolated": {"cross_encoder": "from 1000 pairs", "poly_encoder": "from 20 contexts"},
    }
    assert benchmark("pair_scoring").table(result).splitlines() == [
        "| 10,000 sentences | average precision x100 | all pairs | clusters | one against all |",
        "|---|---|---|---|---|",
        "| cross-encoder | 78.45 | 2.0 h (extrapolated) | needs all pairs | 81.6 s (extrapolated) |",
        "| poly-encoder | 75.00 | 2 min (extrapolated) | needs all pairs | 13.5 ms |",
        "| bi-encoder | 77.48 | 16.5 s | 16.7 s | 4.8 ms |",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.9994, "999.4 ms"), (1, "1.0 s"), (119, "119.0 s"), (120, "2 min"), (3599, "60 min"), (3600, "1.0 h")],
)
def test_seconds_are_said_in_the_unit_that_a_person_would_take(
    benchmark: Callable[[str], Any], seconds: float, words: str
) -> None:
    assert benchmark("pair_scoring").said(seconds) == words


def test_the_cross_encoders_times_are_those_of_its_sample_times_the_pairs_that_there_are(
    benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = benchmark("pair_scoring")
    scored: list[int] = []
    model = SimpleNamespace(predict=lambda drawn, batch_size: scored.append(len(drawn)))
    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(CrossEncoder=lambda folder: model))
    monkeypatch.setattr(pairs, "seconds", lambda work, repeats: work() or 5.0)
    # 5 ms a pair; of 100 sentences there are 4,950 pairs.
    found = pairs.cross_encoder(Path("any"), [f"sentence {i}" for i in range(100)], 1)
    assert found == pytest.approx({"all_pairs": 24.75, "one_against_all": 0.5})
    assert scored == [pairs.SAMPLE_PAIRS] == [1000]


@pytest.mark.parametrize("metric", ["average_precision", "spearman"])
def test_what_is_measured_of_a_runs_encoders_is_written_beside_their_quality_in_that_run(
    benchmark: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    metric: str,
) -> None:
    pairs, run, asked = benchmark("pair_scoring"), tmp_path / "run", {}
    run.mkdir()
    pd.DataFrame({"sentence1": ["a", "b"], "sentence2": ["b", "c"]}).to_parquet(run / "predictions.parquet")
    pd.DataFrame({"sentence1": ["d", "a"], "sentence2": ["e", "f"]}).to_parquet(run / "silver.parquet")
    quality = {"cross_encoder": 0.8, "poly_encoder": 0.7, "bi_encoder": 0.6, "baseline": 0.5}
    others = {"pearson": 0.1, "f1": 0.2}
    figures = {f"{name}/test/{m}": q for name, value in quality.items() for m, q in {metric: value, **others}.items()}
    (run / "metrics.json").write_text(json.dumps(figures))
    for name, spent in SPENT.items():
        monkeypatch.setattr(pairs, name, lambda *given, name=name, spent=spent: asked.update({name: given}) or spent)
    monkeypatch.setattr(pairs, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", ["pair_scoring.py", str(run), "--count", "5", "--repeats", "2"])

    pairs.main()

    assert asked.keys() == SPENT.keys()
    for name, (folder, sentences, repeats) in asked.items():
        assert (folder, len(set(sentences)), len(sentences), repeats) == (run / name, 5, 5, 2)
    result = json.loads((tmp_path / "results" / "pair_scoring.json").read_text())
    assert result["seconds"] == SPENT
    assert (result["sentences"], result["metric"], result["quality"]) == (5, metric, quality)
    assert result["extrapolated"] == {"cross_encoder": "from 1000 pairs", "poly_encoder": "from 20 contexts"}
    page = (tmp_path / "results" / "pair_scoring.md").read_text()
    assert page == pairs.table(result) + "\n" == capsys.readouterr().out
    picture = (tmp_path / "results" / "pair_scoring.svg").read_text()
    # Letters are drawn, and what they say is a comment.
    said = ["cross-encoder", "2.0 h", "poly-encoder", "2 min", "bi-encoder", "16.5 s"]
    for text in [*said, "seconds for all pairs of 5 sentences", f"{metric.replace('_', ' ')} x100 on test"]:
        assert f"<!-- {text} -->" in picture
