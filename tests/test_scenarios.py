"""Each scenario with each part, as a user types it: it composes to a run that the checks before a run let through."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from augsbert.augmenters.wordnet_files import NAMES
from augsbert.cli import CONF
from augsbert.preflight import look_ahead
from tests.tiny import write_masked_model

COMMANDS = (
    "scenario=domain_adaptation dataset@source=stsb dataset=quora source.path=DATA/stsbenchmark.tsv.gz "
    "dataset.path=DATA/quora-IR-dataset.zip bi_encoder.num_layers=2 seed=0",
    "scenario=domain_adaptation dataset@source=quora dataset=stsb "
    "source.path=DATA/quora-IR-dataset.zip dataset.path=DATA/stsbenchmark.tsv.gz",
    "scenario=fully_annotated augmenter=synonym_wordnet augmenter.path=DATA/wordnet dataset=sample gold_size=200",
    "scenario=fully_annotated augmenter=contextual_substitute augmenter.encoder=DATA/masked dataset=sample",
    "scenario=in_domain sampler=random selector=kde dataset=sample gold_size=200",
    "scenario=in_domain sampler=bm25_semantic dataset=sample",
    "scenario=in_domain bi_encoder=poly dataset=sample gold_size=200",
    "scenario=in_domain dataset=bws dataset.path=DATA/bws",
    "scenario=in_domain dataset=mrpc dataset.path=DATA/mrpc",
)
#: Files that are looked for before a run, and read by none of the checks.
FILES = (
    *("stsbenchmark.tsv.gz", "quora-IR-dataset.zip", *(f"wordnet/{name}" for name in NAMES)),
    *(f"bws/{name}" for name in ("BWS_Argument_Similarity_Corpus.csv", "trainsplit.csv", "devsplit.csv")),
    *("bws/testsplit.csv", "mrpc/msr_paraphrase_train.txt", "mrpc/msr_paraphrase_test.txt"),
)


@pytest.fixture(scope="module")
def placeholders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that COMMANDS name in DATA; empty, but for the masked model."""
    folder = tmp_path_factory.mktemp("data")
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    write_masked_model(folder / "masked")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_for_each_scenario_and_data_set_composes_to_a_run_without_mistakes(
    placeholders: Path, command: str
) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        look_ahead(compose("config", shlex.split(command.replace("DATA", str(placeholders)))))
