"""A setting that nobody reads is a mistake, however it got into the config."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from augsbert.commandline import CONF, unknown_key

OVERLAYS = [path for name in ("experiment", "scenario", "debug") for path in sorted((CONF / name).glob("*.yaml"))]


def said_of(*overrides: str, swept: tuple[str, ...] = ()) -> str | None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", list(overrides), return_hydra_config=True)
        return unknown_key(config, config.hydra, [*overrides, *swept])


@pytest.mark.parametrize(
    ("overrides", "swept", "nearest"),
    [
        (("+gold_sizes=3",), (), "gold_sizes: there is no such setting. Did you mean gold_size?"),
        ((), ("+gold_sizes=1,2",), "gold_sizes: there is no such setting. Did you mean gold_size?"),
        ((), ("++sede=range(3)",), "sede: there is no such setting. Did you mean seed?"),
        (("+samplers.top_k=3",), (), "samplers: there is no such setting. Did you mean sampler?"),
        # A group's name is no setting where none of its parts is put: this one is baseline.fit.
        (("+fit.epochs=3",), (), "fit: there is no such setting. There are: augmenter, baseline, "),
    ],
)
def test_a_setting_that_nobody_reads_is_said_with_the_nearest(
    overrides: tuple[str, ...], swept: tuple[str, ...], nearest: str
) -> None:
    assert (said_of(*overrides, swept=swept) or "").startswith(nearest)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("+rate=1e-3", "bi_encoder.fit.learning_rate=${rate}"),
        ("+note=first", "hydra.sweep.subdir=${note}/${hydra.job.num}"),
        ("+baseline.encoder=${model}",),
        ("dataset@source=stsb",),
        ("sampler=[union,hard]",),
        ("augmenter=character",),
        ("+selector@selector.top=top",),
        ("fit@bi_encoder.fit=adamw",),
        ("~augmenter",),
        ("pruning={trial:1}",),
    ],
)
def test_what_is_read_and_what_another_setting_refers_to_is_not_refused(overrides: tuple[str, ...]) -> None:
    assert said_of(*overrides) is None


def test_a_users_file_is_looked_at_and_may_bring_a_group_of_its_own(tmp_path: Path) -> None:
    for name, text in {"experiment/mine": "# @package _global_\nseeds: 1\n", "places/here": "disk: 1\n"}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.yaml").write_text(text)
    mine = f"hydra.searchpath=[file://{tmp_path}]"
    assert said_of(mine, "experiment=mine") == "seeds: there is no such setting. Did you mean seed?"
    assert said_of(mine, "+places=here") is None


def test_the_files_that_are_laid_over_the_config_add_no_setting() -> None:
    assert len(OVERLAYS) >= 8
    assert [path for path in OVERLAYS if said_of(f"{path.parent.name}={path.stem}")] == []
