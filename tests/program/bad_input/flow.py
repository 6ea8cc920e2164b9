"""Bad input that is found once the gold pairs are read."""

from __future__ import annotations

from tests.program.bad_input.case import Case

CASES = {
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
    "a baseline's loss that compares partners, and no sentence has two": Case(
        "dataset.train=TMP/train.csv gold_size=null bi_encoder/loss@baseline.loss=margin_mse",
        "error: MarginMSELoss compares candidates of one sentence1, and in the pairs that this fit learns from each "
        "has one.\n"
        "  For silver, take a sampler that finds several (sampler=bm25); or take another loss, as\n"
        "  bi_encoder/loss=cosent or, for the baseline, bi_encoder/loss@baseline.loss=cosent.\n",
        {"train.csv": "sentence1,sentence2,score\na dog,a cat,0.5\na man,a woman,1\n"},
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
    "pool table of other columns": Case(
        "pool=TMP/pool.csv",
        "error: pool=TMP/pool.csv: no column 'sentence', nor both 'sentence1' and 'sentence2'. There are: 'text'. "
        "Rename one.\n",
        {"pool.csv": "text\na dog\n"},
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
