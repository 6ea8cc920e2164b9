"""Bad input that is found while Hydra composes: without torch, and without a run's folder.

One of each kind; tests/test_config.py has the names that are offered for others.
"""

from __future__ import annotations

from tests.program.bad_input.case import Case

CASES = {
    "misspelt key": Case(
        "bi_encoder.num_layer=2", "error: bi_encoder.num_layer: there is no such setting. Did you mean num_layers?\n"
    ),
    "misspelt group": Case("smapler=bm25", "error: smapler: there is no such setting. Did you mean sampler?\n"),
    "misspelt part": Case("sampler=bm52", "error: sampler=bm52: there is no such part. Did you mean bm25?\n"),
    "misspelt part of an optional group": Case(
        "dataset@source=stbs", "error: dataset@source=stbs: there is no such part. Did you mean stsb?\n"
    ),
    "null for a part": Case(
        "sampler=null", "error: sampler=null: null is no part. To leave the part out: '~sampler'\n"
    ),
    "an empty list for a part": Case(
        "sampler=[]", "error: sampler=[]: [] is no part. To leave the part out: '~sampler'\n"
    ),
    "a setting that nobody reads": Case(
        "+gold_sizes=1", "error: gold_sizes: there is no such setting. Did you mean gold_size?\n"
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
