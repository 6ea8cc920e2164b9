"""The pool: sentences (and pairs) that a sampler may see, without labels.

It is the lever that matters: in-domain, most of AugSBERT's gain comes from sentences that nobody labelled.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from augsbert.errors import UserError
from augsbert.pairs import SENTENCES, Pool, distinct_sentences


def unlabelled(pool: str, train: pd.DataFrame, gold: pd.DataFrame) -> Pool:
    """The pool that a run asks for.

    Args:
        pool: ``train`` (all sentences of the target's train split, the paper's setting), ``gold`` (only those of the
            cut gold), or a text file with a sentence a line.
        train: the target's train pairs.
        gold: the cut gold.

    Raises:
        UserError: the file is not there, cannot be read or holds no sentence.
    """
    if pool in ("train", "gold"):
        pairs = train if pool == "train" else gold
        return Pool(distinct_sentences(pairs), pairs[SENTENCES].reset_index(drop=True))
    return Pool(_lines(Path(pool)), pd.DataFrame({name: [] for name in SENTENCES}, dtype=str))


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise UserError(f"pool={path}: it {what}. Set pool=train, pool=gold, or a text file with a sentence a line.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf8").splitlines()]
    except UnicodeDecodeError as error:
        raise UserError(f"pool={path}: byte {error.start + 1} is not UTF-8. Save the file as UTF-8.") from error
    sentences = list(dict.fromkeys(line for line in lines if line))
    if not sentences:
        raise UserError(f"pool={path}: it holds no sentence. Write one a line.")
    return sentences


def write_pool(folder: Path, pool: Pool) -> None:
    """As ``sentences.parquet`` and ``pairs.parquet``."""
    pd.DataFrame({"sentence": pool.sentences}).to_parquet(folder / "sentences.parquet")
    pool.pairs.to_parquet(folder / "pairs.parquet")


def read_pool(folder: Path) -> Pool:
    """What :func:`write_pool` wrote."""
    sentences = pd.read_parquet(folder / "sentences.parquet")["sentence"].tolist()
    return Pool(sentences, pd.read_parquet(folder / "pairs.parquet"))
