"""Bad input that is found in the composed config, before a stage is made."""

from __future__ import annotations

from tests.program.bad_input.case import Case

CASES = {
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
    "a split that mrpc has not": Case(
        "dataset=mrpc dataset.split=in_topic", "error: dataset.split=in_topic: it must be 'official' or 'paper'.\n"
    ),
    "a split that bws has not": Case(
        "dataset=bws dataset.split=official", "error: dataset.split=official: it must be 'cross_topic' or 'in_topic'.\n"
    ),
    "no FAISS": Case(
        "sampler=semantic",
        "error: sampler=semantic needs FAISS, which is not installed. Type one of these, never both:\n"
        "  pip install 'augsbert[cpu]'\n"
        "  pip install 'augsbert[gpu]'\n",
        {"shim/sitecustomize.py": "import sys\nsys.modules['faiss'] = None\n"},
        environment={"PYTHONPATH": "TMP/shim"},
    ),
    "no OpenVINO": Case(
        "cross_encoder.backend=openvino sampler=semantic sampler.backend=openvino",
        "error: sampler.backend=openvino: OpenVINO is not installed here. Set torch, or install it:\n"
        "  pip install 'augsbert[openvino]'\n"
        "error: cross_encoder.backend=openvino: OpenVINO is not installed here. Set torch, or install it:\n"
        "  pip install 'augsbert[openvino]'\n",
        {"shim/sitecustomize.py": "import sys\nsys.modules['openvino'] = None\n"},
        environment={"PYTHONPATH": "TMP/shim"},
    ),
    "a backend of a CPU on a GPU": Case(
        "sampler=semantic sampler.backend=openvino sampler.device=cuda",
        "error: sampler.backend=openvino: it computes on a CPU, and device is cuda. Set torch, or device to cpu.\n",
    ),
    "a backend that is none": Case(
        "cross_encoder.backend=onnx", "error: cross_encoder.backend=onnx: it must be 'torch' or 'openvino'.\n"
    ),
    "a labeller of a CPU on a GPU": Case(
        "trainer=gpu cross_encoder.backend=openvino sampler=semantic sampler.backend=openvino plan=true",
        "error: cross_encoder.backend=openvino: a CPU's, beside trainer.accelerator=gpu. Set torch.\n"
        "error: trainer.accelerator=gpu: nvidia-smi finds no GPU here "
        "([Errno 2] No such file or directory: 'nvidia-smi'). Use trainer=cpu.\n",
        environment={"PATH": "TMP"},
    ),
    "a number of nodes that is none": Case(
        "trainer.num_nodes=auto",
        "error: trainer.num_nodes=auto: it must be a whole number.\n",
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
