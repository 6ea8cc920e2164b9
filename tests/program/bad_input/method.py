"""Bad input for the scenarios, selectors and further samplers."""

from __future__ import annotations

import shutil

from tests.program.bad_input.case import Case

SOURCE = "dataset@source=table source.train=TABLE/train.csv source.dev=TABLE/dev.csv source.test=TABLE/test.csv"
OTHER_NAMES = "Columns of other names are read by dataset=table, which names them in dataset.columns."
CASES = {
    "selectors out of range": Case(
        "selector=chain selector.kde.scale=0 selector.binarise.method=median",
        "error: selector.binarise.method=median: it must be 'fixed', 'quantile', 'prior' or 'source_dev'.\n",
    ),
    "kde out of range": Case(
        "selector=kde selector.scale=0", "error: selector.scale=0: it must be a number above 0 and up to 1.\n"
    ),
    "top out of range": Case(
        "selector=top selector.share=0", "error: selector.share=0: it must be a number above 0 and up to 1.\n"
    ),
    "balance out of range": Case(
        "selector=balance selector.bins=1", "error: selector.bins=1: it must be a whole number of at least 2.\n"
    ),
    "a chain of nothing": Case(
        "selector=chain ~selector@selector.kde ~selector@selector.binarise",
        "error: selector: a chain without selectors: name one, such as +selector@selector.kde=kde.\n",
    ),
    "given pairs out of range": Case(
        "sampler=given sampler.num_pairs=0", "error: sampler.num_pairs=0: it must be a whole number of at least 1.\n"
    ),
    "a window that nothing fits": Case(
        "sampler=hard sampler.window.range_min=50",
        "error: sampler.window.range_max=50: it must be a whole number of at least 51.\n",
    ),
    "a window's misspelt key": Case(
        "sampler=hard +sampler.window.range=50",
        "error: sampler.window.range=50: window takes range_min, range_max, min_score, max_score only.\n",
    ),
    "a union out of range": Case(
        "sampler=union sampler.bm25.top_k=0 sampler.random.num_pairs=0",
        "error: sampler.bm25.top_k=0: it must be a whole number of at least 1.\n"
        "error: sampler.random.num_pairs=0: it must be a whole number of at least 1.\n",
    ),
    "a union of nothing": Case(
        "sampler=union ~sampler@sampler.bm25 ~sampler@sampler.semantic ~sampler@sampler.random",
        "error: sampler: a union without samplers: name one, such as +sampler@sampler.bm25=bm25.\n",
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
    "a source and nothing that gives silver": Case(
        f"scenario=baseline {SOURCE}",
        "error: source: with one, models are chosen on held-out silver. Choose a sampler: sampler=given.\n",
    ),
    "upper bound of a target without labels": Case(
        f"{SOURCE} scenario=domain_adaptation dataset.unlabelled=[train,dev] compare.upper_bound=true",
        "error: compare.upper_bound=true: it is fitted on the target's train pairs, and these have no scores "
        "(dataset.unlabelled). Set compare.upper_bound=false.\n",
        made=("source", "dataset"),
    ),
    "folders that data sets need": Case(
        "dataset=mrpc dataset@source=bws source.path=TMP",
        "error: dataset.path=null: it is not downloaded. Get msr_paraphrase_train.txt and msr_paraphrase_test.txt "
        "(microsoft.com/download, MSR Paraphrase Corpus), and set dataset.path=FOLDER.\n"
        "error: source.path=TMP/trainsplit.csv: there is no such file. A relative path starts at TMP/here.\n",
    ),
    "bws of other columns": Case(
        "dataset=bws dataset.path=TMP/bws",
        f"error: TMP/bws/trainsplit.csv: no column 'argument1'. There are: 'a', 'b'. {OTHER_NAMES}\n",
        {f"bws/{split}split.csv": "a,b\n1,2\n" for split in ("train", "dev", "test")},
        making="dataset",
    ),
    "mrpc of other columns": Case(
        "dataset=mrpc dataset.path=TMP/mrpc",
        f"error: TMP/mrpc/msr_paraphrase_train.txt: no column '#1 String'. There are: 'a', 'b'. {OTHER_NAMES}\n",
        {f"mrpc/msr_paraphrase_{split}.txt": "a\tb\n1\t2\n" for split in ("train", "test")},
        making="dataset",
    ),
    "a labeller that would label at random": Case(
        "cross_encoder.encoder=MODEL cross_encoder.fit=null",
        "error: cross_encoder.encoder=MODEL: these weights have no head of one score, and without a fit it would be "
        "random. Give it a fit, or name a trained cross-encoder.\n",
    ),
    "losses out of range": Case(
        "bi_encoder/loss=distill_kl_div bi_encoder.loss.temperature=0 bi_encoder/loss@baseline.loss=contrastive "
        "baseline.loss.margin=0",
        "error: bi_encoder.loss.temperature=0: it must be a finite number above 0.\n"
        "error: baseline.loss.margin=0: it must be a finite number above 0.\n",
    ),
    "one of several cross-encoders out of range": Case(
        "cross_encoder=mean cross_encoder.second.fit.epochs=0",
        "error: cross_encoder.second.fit.epochs=0: it must be a whole number of at least 1.\n",
    ),
    "dot products for a loss of cosines": Case(
        "bi_encoder=poly bi_encoder.similarity=dot",
        "error: bi_encoder.similarity=dot: CosineSimilarityLoss trains cosines. Set similarity=cosine, or choose the "
        "loss multiple_negatives_ranking, for the baseline too (scale=1 is the paper's).\n",
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
    "a model where the run leaves its own": Case(
        "cross_encoder.encoder=TMP/out/cross_encoder",
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
