"""How benchmarks choose and run their sides: the peer at its best, equal work, one start for all, whole stages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

TEXTS = [f"text {i}" for i in range(1000)]


def crash(*_: Any) -> None:
    raise subprocess.CalledProcessError(-11, ["python"])


def test_a_side_that_crashes_is_noted_and_the_others_go_on(benchmark: Callable[[str], Any]) -> None:
    crashed: dict[str, str] = {}
    sides = {"fine": lambda: 2.0, "broken": crash}
    assert benchmark("turns").in_turn(sides, 3, crashed=crashed) == {"fine": [2.0] * 3}
    assert crashed == {"broken": "ended with -11"}


def test_where_no_side_may_crash_its_error_ends_the_benchmark(benchmark: Callable[[str], Any]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        benchmark("turns").in_turn({"broken": crash}, 1)


class Sides:
    """Works whose seconds are a start and so much a text; they count their calls by the number of texts."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def __call__(self, name: str, start: float, each: float, crashes_from: float = np.inf) -> Callable[..., Any]:
        def work(texts: Sequence[str]) -> tuple[float, np.ndarray]:
            self.calls.append((name, len(texts)))
            if len(texts) >= crashes_from:
                crash()
            return float(start + each * len(texts)), np.zeros(len(texts))

        return work


def test_of_each_kind_one_batch_size_is_chosen_on_a_tenth_and_the_kinds_that_are_fastest_on_the_whole_take_turns(
    benchmark: Callable[[str], Any],
) -> None:
    side = Sides()
    kinds = {
        "default": {"default": side("default", 0, 5)},
        "fp32": {"fp32, 8": side("fp32, 8", 0, 3), "fp32, 16": side("fp32, 16", 0, 4)},
        # Its fixed cost makes it the slowest on a tenth; on the whole it is the fastest.
        "pool": {"pool, 8": side("pool, 8", 800, 2), "pool, 16": side("pool, 16", 800, 1)},
        "openvino": {"openvino, 8": side("openvino, 8", 0, 2), "openvino, 16": side("openvino, 16", 0, 3)},
    }
    found = benchmark("peers").contest({"ours": side("ours", 0, 1)}, kinds, TEXTS, 5)
    assert found.best == "pool, 16"
    assert {name: len(spent) for name, spent in found.seconds.items()} == dict.fromkeys(
        ("ours", "default", "openvino, 8", "pool, 16"), 5
    )
    assert {name for name, texts in side.calls if texts == 100} == {
        *("fp32, 8", "fp32, 16", "pool, 8", "pool, 16", "openvino, 8", "openvino, 16")
    }
    assert {name for name, texts in side.calls if texts == 1000} == {*found.seconds, "fp32, 8"}
    assert found.about()["peer_seconds_for_a_tenth"]["pool, 8"] == 1000
    assert found.about()["peer_seconds_once"]["fp32, 8"] == 3000


def test_a_setting_that_crashes_on_the_whole_is_on_record_and_the_next_of_its_kind_takes_its_place(
    benchmark: Callable[[str], Any],
) -> None:
    side = Sides()
    kinds = {
        "default": {"default": side("default", 0, 5)},
        "openvino": {
            "openvino, 8": side("openvino, 8", 0, 1, crashes_from=100),
            "openvino, 32": side("openvino, 32", 0, 2, crashes_from=1000),
            "openvino, 64": side("openvino, 64", 0, 3),
        },
    }
    found = benchmark("peers").contest({"ours": side("ours", 0, 1)}, kinds, TEXTS, 2)
    assert found.best == "openvino, 64"
    assert found.about()["crashed"] == dict.fromkeys(("openvino, 8", "openvino, 32"), "ended with -11")
    assert found.seconds.keys() == found.outputs.keys() == {"ours", "default", "openvino, 64"}


def test_a_kind_that_crashes_whatever_its_setting_is_left_out(benchmark: Callable[[str], Any]) -> None:
    side = Sides()
    kinds = {"default": {"default": side("default", 0, 5)}, "broken": dict.fromkeys(("broken, 8", "broken, 16"), crash)}
    found = benchmark("peers").contest({"ours": side("ours", 0, 1)}, kinds, TEXTS, 2)
    assert found.best == "default"
    assert found.crashed.keys() == {"broken, 8", "broken, 16"}


class Peer:
    """A model of sentence-transformers' interface, without any work."""

    def __init__(self, model: str, **how: Any) -> None:
        self.model_kwargs = how.get("model_kwargs")

    def predict(self) -> None:
        """Never called."""

    encode = predict

    def start_multi_process_pool(self, devices: list[str]) -> list[str]:
        return devices


@pytest.mark.parametrize("script", ["labelling", "encoding"])
def test_every_kind_of_the_peers_settings_is_tried_with_small_and_large_batches(
    benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    peers = SimpleNamespace(CrossEncoder=Peer, SentenceTransformer=Peer)
    monkeypatch.setitem(sys.modules, "sentence_transformers", peers)
    kinds_of = benchmark(script).peer_kinds
    kinds = partial(kinds_of, Path("any"), "cpu") if script == "labelling" else partial(kinds_of, "any")
    found = kinds(bf16=True, texts=6000, openvino="python")
    names = {
        *("peer, fp32", "peer, bf16 weights", "peer, bf16 autocast", "peer, openvino"),
        *("peer, pool of processes, fp32", "peer, pool of processes, bf16"),
    }
    assert found.keys() == {"peer, default", *names}
    for name in names:
        assert list(found[name]) == [f"{name}, batches of {size}" for size in (8, 16, 32, 64)]
    assert kinds(bf16=False, texts=6000, openvino=None).keys() == {
        *("peer, default", "peer, fp32", "peer, pool of processes, fp32")
    }


@pytest.mark.parametrize("wanted", [1.2, 1.7, 3.4, 4.9])
def test_our_share_is_chosen_so_that_as_many_words_change_as_by_the_peer(
    benchmark: Callable[[str], Any], wanted: float
) -> None:
    augment, random = benchmark("augment"), np.random.default_rng(0)
    changeable = random.integers(2, 12, size=500)  # words of a sentence, of which a share changes, but at least one

    def changed(share: float) -> float:
        return float(np.maximum(1, np.round(share * changeable)).mean())

    # Around a share of a half many sentences leap at once: some numbers of words no share comes near.
    nearest = min(abs(changed(share) / wanted - 1) for share in np.linspace(0.005, 0.995, 100))
    found = changed(augment.equal_share(wanted, changed))
    assert found == pytest.approx(wanted, rel=max(augment.ALIKE / 2, nearest + 0.01))


def test_augmenters_change_equal_numbers_of_words_and_another_one_begins_each_turn(
    benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    augment, asked = benchmark("augment"), list[tuple[str, float]]()

    def run(python: str, task: dict[str, Any]) -> dict[str, Any]:
        if "bound" in task:
            return {}
        if task["seed"] < 1000:  # of a turn
            asked.append((task["side"], task["share"]))
        words = (6.3 if task["side"] == augment.OURS else 17) * task["share"] * len(task["sentences"])
        return {clock: {"whole": 1.0, "loading": 0.1} for clock in augment.CLOCKS} | {"changed": words}

    monkeypatch.setattr(augment, "run", run)
    pythons = dict.fromkeys((augment.OURS, augment.ONE, augment.LIST), "python")
    task = {"sentences": TEXTS, "action": "substitute", "share": 0.1}
    found = augment.compare(pythons, task, spaced=100, repeats=3)
    assert {asked[turn][0] for turn in (0, 3, 6)} == pythons.keys()
    assert found["words_differ_by"] < augment.ALIKE
    assert found["shares"] == dict(asked)


def test_every_side_of_a_round_starts_from_one_head_that_the_rounds_seed_draws(
    benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path
) -> None:
    from augsbert.hardware import Hardware

    training, peer = benchmark("training"), benchmark("training_peer")
    monkeypatch.setattr(benchmark("turns"), "minilm", lambda: str(tiny_model))
    monkeypatch.setattr(training, "keep_freed_memory", lambda: None)
    folders = [tmp_path / name for name in ("first", "first", "second")]
    starts = [training.start("cross_encoder", seed, folder) for seed, folder in zip((0, 1, 0), folders, strict=True)]
    assert training.start("cross_encoder", 0, tmp_path / "first") == starts[0]
    heads = []
    for start in starts:
        module = training.ours(training.Task("cross_encoder", "augsbert", "8", "5", str(start)), Hardware())
        ours = module.model.classifier.weight.detach().numpy()
        theirs = dict(peer.loaded("cross_encoder", str(start), Hardware()).named_parameters())
        name = next(name for name in theirs if name.endswith("classifier.weight"))
        np.testing.assert_array_equal(theirs[name].detach().numpy(), ours)
        heads.append(ours)
    np.testing.assert_array_equal(heads[0], heads[2])
    assert not np.array_equal(heads[0], heads[1])


def test_candidates_are_timed_as_a_run_makes_them_with_all_that_it_checks_and_leaves_out(
    benchmark: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scale = benchmark("scale")
    (tmp_path / "pool.txt").write_text("a\nb\nc\nd\n")
    pd.DataFrame({"sentence1": ["b"], "sentence2": ["a"]}).to_parquet(tmp_path / "exclude.parquet")

    def careless(pool: Any, exclude: pd.DataFrame) -> pd.DataFrame:
        pairs = [("a", "b"), ("a", "c"), ("c", "a"), ("d", "d"), ("c", "d")]
        return pd.DataFrame(pairs, columns=["sentence1", "sentence2"]).assign(origin="careless")

    monkeypatch.setattr(scale, "_sampler", lambda name, sentences: careless)
    monkeypatch.setattr(scale.semantic, "embed", scale.semantic.embed)  # put back what the script wraps
    found = scale.one("random", tmp_path)
    written = pd.read_parquet(tmp_path / "random, candidates" / "pairs.parquet")
    assert list(zip(written["sentence1"], written["sentence2"], strict=True)) == [("a", "c"), ("c", "d")]
    assert found["pairs"] == 2
    assert found["seconds"]["candidates"] >= found["seconds"]["search"]
    assert found["seconds"].keys() == {"pool", "embed", "search", "candidates"}
