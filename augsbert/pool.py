"""The pool: sentences (and pairs) that a sampler may see, without labels.

It is the lever that matters: in-domain, most of AugSBERT's gain comes from sentences that nobody labelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from augsbert.archives import text_lines
from augsbert.datasets.checks import is_unicode
from augsbert.datasets.tabular import column_names, read_columns
from augsbert.errors import UserError
from augsbert.pairs import SENTENCES, Pool, distinct_sentences

#: Endings of the files that are read as tables; all others are text.
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


def unlabelled(pool: str | Sequence[str], train: pd.DataFrame, gold: pd.DataFrame) -> Pool:
    """The pool that a run asks for.

    Args:
        pool: ``train`` (all sentences of the target's train split, the paper's setting), ``gold`` (only those of the
            cut gold), or files, one or several: text with a sentence a line, or tables as ``read_columns`` reads them,
            with a column ``sentence``, or with ``sentence1`` and ``sentence2``, whose pairs then are the pool's.
        train: the target's train pairs.
        gold: the cut gold.

    Raises:
        UserError: a file is not there, cannot be read or holds no sentence.
    """
    if pool in ("train", "gold"):
        pairs = train if pool == "train" else gold
        return Pool(distinct_sentences(pairs), pairs[SENTENCES].reset_index(drop=True))
    parts = [_read(Path(path)) for path in ([pool] if isinstance(pool, str) else pool)]
    sentences = list(dict.fromkeys(sentence for part in parts for sentence in part.sentences))
    return Pool(sentences, pd.concat([part.pairs for part in parts], ignore_index=True))


def _read(path: Path) -> Pool:
    """The pool in one file; what is blank is passed over."""
    if not path.expanduser().is_file():
        what = "is a folder" if path.expanduser().is_dir() else "is not there"
        raise UserError(f"pool={path}: it {what}. Set pool=train, pool=gold, or a file with a sentence a line.")
    path, pairs = path.expanduser(), pd.DataFrame({name: [] for name in SENTENCES}, dtype=str)
    texts: Iterable[str]
    if Path(path.name.removesuffix(".gz")).suffix in TABLES:
        columns = _columns(path)
        table = _stripped(path, read_columns(path, columns).dropna())
        pairs, texts = (table, distinct_sentences(table)) if columns == SENTENCES else (pairs, table["sentence"])
    else:
        texts = _lines(path)
    sentences = list(dict.fromkeys(texts))
    if not sentences:
        raise UserError(f"pool={path}: it holds no sentence. Write one a line.")
    return Pool(sentences, pairs)


def _stripped(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of which no column is blank, as text."""
    values = table.to_numpy(dtype=object).ravel()
    if damaged := next((value for value in values if isinstance(value, str) and not is_unicode(value)), None):
        raise UserError(f"pool={path}: {damaged!r} holds half a surrogate pair. Mend it, or leave it out.")
    table = table.astype(str).apply(lambda column: column.str.strip())
    return table[(table != "").all(axis=1)].reset_index(drop=True)


def _columns(path: Path) -> list[str]:
    """Those of a pair if the table has both, else a sentence's."""
    names = column_names(path)
    if names and not {"sentence"} & set(names) and not set(SENTENCES) <= set(names):
        raise UserError(
            f"pool={path}: no column 'sentence', nor both 'sentence1' and 'sentence2'. "
            f"There are: {', '.join(repr(name[:60]) for name in names[:20])}. Rename one."
        )
    return SENTENCES if set(SENTENCES) <= set(names) else ["sentence"]


def _lines(path: Path) -> Iterator[str]:
    for number, line in enumerate(text_lines(path), start=1):
        try:
            # What editors of Windows begin a file with is no part of its first sentence.
            if text := line.decode("utf-8-sig" if number == 1 else "utf8").strip():
                yield text
        except UnicodeDecodeError as error:
            raise UserError(
                f"pool={path}: line {number}, byte {error.start + 1} is not UTF-8. Save the file as UTF-8."
            ) from error


def write_pool(folder: Path, pool: Pool) -> None:
    """As ``sentences.parquet`` and ``pairs.parquet``."""
    pd.DataFrame({"sentence": pool.sentences}).to_parquet(folder / "sentences.parquet")
    pool.pairs.to_parquet(folder / "pairs.parquet")


def read_pool(folder: Path) -> Pool:
    """What :func:`write_pool` wrote."""
    sentences = pd.read_parquet(folder / "sentences.parquet")["sentence"].tolist()
    return Pool(sentences, pd.read_parquet(folder / "pairs.parquet"))
