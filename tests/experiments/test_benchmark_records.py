"""Benchmarks' records: what each has to hold, and what make bench prints beside one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.experiments.conftest import BENCHMARKS

RECORDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((BENCHMARKS / "../results/benchmarks").glob("*.json"))
}
SPREAD = {"median": 2.0, "least": 1.0, "most": 3.0}
HERE = {"processor": "AMD EPYC x 2 (avx512_bf16)", "precision": "bf16-mixed"}


def spreads(found: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    """What is called a ratio, with its name, at any depth; under it the spread, or one for each side."""
    for key, value in found.items():
        if "ratio_to" in name + key and not (isinstance(value, dict) and "median" not in value):
            yield f"{name} {key}", value
        elif isinstance(value, dict) and key != "goals":
            yield from spreads(value, f"{name} {key}")


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_tells_its_machine_and_versions_and_ratios_with_their_spread(name: str) -> None:
    record = RECORDS[name]
    assert record["processor"]
    assert record["threads"] >= 1
    assert record["versions"].keys() >= {"torch", "transformers", "sentence-transformers"}
    # Records with an instruction set are of after 2026-11-30; some of before know no commit.
    assert "commit" in record or "(" not in record["processor"]
    for place, ratio in spreads(record):
        least, median, most = (ratio[part] for part in ("least", "median", "most"))
        assert 0 < least <= median <= most, place


def test_most_benchmarks_have_a_record_with_ratios() -> None:
    assert {name for name, record in RECORDS.items() if list(spreads(record))} == {
        *("augment", "bm25", "ddp", "encoding", "labelling", "semantic", "training")
    }


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_its_goals_and_says_in_words_what_is_left_where_one_is_missed(
    name: str, benchmark: Callable[[str], Any]
) -> None:
    goals, record = benchmark("goals"), RECORDS[name]
    assert record.get("goals", {}) == {" / ".join(place): goal for place, goal in goals.GOALS.get(name, {}).items()}
    for place in goals.missed(name, record):
        whys = [part.get("bound", {}).get("why") for part in (record, record.get(place[0])) if isinstance(part, dict)]
        words = next((why for why in whys if why), "")
        assert words.endswith("."), f"{place}: no sentence"
        assert words != goals.UNKNOWN


def test_the_goals_are_of_figures_that_the_records_have(benchmark: Callable[[str], Any]) -> None:
    goals = benchmark("goals")
    without = {
        (name, *place)
        for name, places in goals.GOALS.items()
        for place in places
        if name in RECORDS and goals.value_at(RECORDS[name], place) is None
    }
    # Not measured yet, as its record says under bound.
    assert without <= {("semantic", task, "ratio_to_best", "ivf") for task in ("search", "all")}
    assert goals.GOALS.keys() - RECORDS.keys() <= {"labelling_gpu", "training_gpu"}
    assert goals.GOALS.keys() - goals.WHY.keys() <= {"labelling_gpu", "training_gpu"}


def test_work_that_was_made_equal_is_equal(benchmark: Callable[[str], Any]) -> None:
    augment = RECORDS["augment"]
    parts = [part for part in augment.values() if isinstance(part, dict) and "words_differ_by" in part]
    assert len(parts) == 3
    # The record of before says so where it is not.
    if "(" in augment["processor"]:
        assert max(part["words_differ_by"] for part in parts) <= benchmark("augment").ALIKE


def test_words_are_added_where_a_goal_is_missed_and_only_there(benchmark: Callable[[str], Any]) -> None:
    goals = benchmark("goals")
    reached = {"ratio_to_best": SPREAD, "ratio_to_default": {**SPREAD, "median": 3.0}}
    reached |= {"rank_agreement_with_fp32": {"augsbert": 1.0}, "equal_among_other_neighbours": True}
    assert "bound" not in goals.judged("labelling", reached)
    for figure, value in (("equal_among_other_neighbours", False), ("ratio_to_best", {**SPREAD, "median": 1.39})):
        found = goals.judged("labelling", {**reached, figure: value, "bound": {"matrix_rate": 1.0}})
        assert found["bound"] == {"matrix_rate": 1.0, "why": goals.WHY["labelling"][""]}
    assert "bound" not in goals.judged("sweep", {"share_of_the_sum": {"basic": 0.4}})
    assert "why" in goals.judged("sweep", {"share_of_the_sum": {"basic": 0.6}})["bound"]


# What make bench prints.


def test_make_bench_prints_ratios_seconds_shares_and_exponents(benchmark: Callable[[str], Any]) -> None:
    figures = benchmark("short").figures
    best = {"ratio_to_best": SPREAD, "pairs_per_second": {"augsbert": SPREAD}}
    assert dict(figures(best)) == {("ratio_to_best",): 2.0}
    assert dict(figures({"search": {"ratio_to_best": {"ivf": SPREAD}}})) == {("search", "ratio_to_best", "ivf"): 2.0}
    assert dict(figures({"seconds": {"--help": SPREAD}})) == {("seconds", "--help"): 2.0}
    assert dict(figures({"share_of_the_sum": {"basic": 0.4}})) == {("share_of_the_sum", "basic"): 0.4}
    grows = {"grows": {"bm25": {"exponent": {"search": 1.1}}}}
    assert dict(figures(grows)) == {("grows", "bm25", "exponent", "search"): 1.1}


@pytest.mark.parametrize(
    ("figure", "record", "line"),
    [
        ("ratio_to_best", {"best_peer": "torch"}, "2           1.5"),
        ("ratio_to_best", {"best_peer": "openvino"}, "2             -  on record 1.5, against openvino"),
        ("ratio_to_default", {"best_peer": "openvino"}, "2           1.5"),
        ("ratio_to_best", {"best_peer": "torch", "precision": "32-true"}, "2             -  on record 1.5, in 32-true"),
        ("ratio_to_best", {"best_peer": "torch", "processor": "AMD EPYC x 2"}, "2          1.5*"),
    ],
)
def test_make_bench_compares_like_with_like_and_tells_what_figures_hang_on(
    benchmark: Callable[[str], Any], figure: str, record: dict[str, Any], line: str
) -> None:
    here = {**HERE, "best_peer": "torch", figure: SPREAD}
    recorded = {**HERE, figure: {**SPREAD, "median": 1.5}, **record}
    lines = list(benchmark("short").table("labelling", here, recorded))
    assert lines[0] == "labelling: here, short, best peer torch; bf16-mixed; AMD EPYC x 2 (avx512_bf16)"
    for part in ("best_peer", "precision", "processor"):
        assert recorded[part] in lines[1]
    assert lines[2] == f"  {figure:<44}           {line}"


def of_two(names: list[str]) -> dict[str, list[float]]:
    return {name: [1.0, 2.0] for name in names}


def contested(benchmark: Callable[[str], Any], script: str) -> dict[str, Any]:
    """As labelling and encoding make it of their turns, beside OpenVINO."""
    sides = ["augsbert", "augsbert, torch", "augsbert, torch, fp32", "peer, default", "peer, openvino, batches of 32"]
    outputs = {side: np.eye(3)[0] if script == "labelling" else np.eye(3) for side in sides}
    found = benchmark("peers").Contest(of_two(sides), outputs, sides[-1], {}, {}, {})
    return {"precision": "bf16-mixed", **benchmark(script).result(found, 100)}


def told(script: Any, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    """Processes that the script starts are not started, and tell this."""
    done = SimpleNamespace(stdout=json.dumps(answer))
    monkeypatch.setattr(script, "subprocess", SimpleNamespace(run=lambda *_, **__: done, PIPE=0, DEVNULL=0))


def semantic(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    script = benchmark("semantic")
    told(script, monkeypatch, {"seconds": 1.0, "peak_mib": 1.0})
    monkeypatch.setattr(script, "_bound", lambda *_: {})
    for task in script.TASKS:
        for side in (*script.OURS, script.DEFAULT, "peer, 1000 x 10000"):
            np.save(script._places(tmp_path, task, side), np.array([[1, 2]]))
    return {task: script.measure(task, tmp_path, 2) for task in script.TASKS}


def training(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    from augsbert.hardware import Hardware

    script = benchmark("training")
    told(script, monkeypatch, {"seconds": 1.0, "spearman": 0.5, "operations": 1})
    monkeypatch.setattr(script, "bound", lambda *_: {})
    monkeypatch.setattr(script, "start", lambda *_: tmp_path)
    return {encoder: script.measure(tmp_path, encoder, 8, 1, Hardware()) for encoder in script.SETTINGS}


def sweep(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    script = benchmark("sweep")
    monkeypatch.setattr(script, "seconds", lambda *_: 1.0)
    return script.measure(script.SHORT_GRID, script.FIXED, list(script.LAUNCHERS))


def ddp(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    script = benchmark("ddp")

    def run(command: list[str], **_: Any) -> None:
        out = Path(command[-1].removeprefix("hydra.run.dir="))
        out.mkdir()
        (out / "metrics.json").write_text(json.dumps({f"time/{stage}": 1.0 for stage in script.STAGES}))

    monkeypatch.setattr(script, "subprocess", SimpleNamespace(run=run, DEVNULL=0))
    return script.measure(script.FIXED, 2)


def overhead(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    script = benchmark("overhead")
    told(script, monkeypatch, {})
    monkeypatch.setattr(script, "seconds", lambda _: 1.0)
    monkeypatch.setattr(script, "first_step", lambda _: 1.0)
    return script.measure(None, 2)


def bm25(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    script = benchmark("bm25")
    monkeypatch.setattr(script, "ours", lambda _: 1)
    monkeypatch.setattr(script, "in_turn", lambda sides, repeats: of_two(list(sides)))
    return script.measure(["a", "b"], 2)


def scale(benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    one = {"peak_mib": 1.0, "disk_mib": 1.0, "seconds": {"embed": 0.0, "search": 1.0, "candidates": 1.0}}
    sizes = {sampler: {"2000": one, "10000": one} for sampler in benchmark("scale").SAMPLERS}
    return {"sizes": sizes, "grows": benchmark("growth").grows(sizes)}


SHORT = {
    "labelling": lambda benchmark, *_: contested(benchmark, "labelling"),
    "encoding": lambda benchmark, *_: contested(benchmark, "encoding"),
    **{made.__name__: made for made in (semantic, training, sweep, ddp, overhead, bm25, scale)},
}
#: Figures that a record may lack: of before the script had them, and joblib's, which most records leave out.
NEW = {
    "sweep": {("share_of_the_sum", "joblib")},
    "encoding": {("as_shipped", f"ratio_to_{peer}") for peer in ("best", "default")},
    "semantic": {(task, "ratio_to_best", index) for task in ("search", "all") for index in ("flat", "ivf")},
}


def test_every_short_form_is_looked_at(benchmark: Callable[[str], Any]) -> None:
    assert SHORT.keys() == benchmark("short").NAMES.keys()


@pytest.mark.parametrize("name", SHORT)
def test_every_figure_of_a_short_form_has_its_place_in_the_record_or_is_marked(
    name: str, benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result, short = SHORT[name](benchmark, monkeypatch, tmp_path), benchmark("short")
    places, known = dict(short.figures(result)).keys(), dict(short.figures(RECORDS[name])).keys()
    assert places
    assert places - known <= NEW.get(name, set())
    lines = {line[2:46].strip(): line for line in short.table(name, result, RECORDS[name]) if line.startswith("  ")}
    assert lines.keys() == {" ".join(place) for place in places}
    assert not any("nan" in line.split() for line in lines.values())
    for place in places - known:
        assert lines[" ".join(place)].endswith("-  not on record")
