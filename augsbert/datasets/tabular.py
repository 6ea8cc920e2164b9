"""Tables in files: delimited text, JSON lines and parquet, read into the wanted columns as they stand.

The index of what comes back says where each row was (``line`` in a text file, header = 1; ``row`` in a parquet file),
so that later checks can name it. What the values must be is in ``augsbert.datasets.checks``.
"""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from augsbert.archives import text_lines
from augsbert.errors import UserError

FORMATS = (".csv", ".tsv", ".txt", ".jsonl", ".parquet")
_LONGEST_FIELD = 1 << 24  # characters; csv's own limit, 131,072, is below some documents


def read_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a file by the ending of its name.

    Args:
        path: ``.csv`` (commas, quoted fields), ``.tsv`` or ``.txt`` (tabs, quotes are plain characters), ``.jsonl`` (an
            object a line), each also with ``.gz``; or ``.parquet``. Text is UTF-8, with or without a byte order mark.
        columns: the names to keep; the others are not kept in memory.

    Returns:
        A table of objects (strings, from delimited text), indexed by line or row.

    Raises:
        UserError: another ending, or the file is empty, damaged, not UTF-8, or lacks a column.
    """
    ending = Path(path.name.removesuffix(".gz")).suffix
    if ending == ".parquet":
        return _from_parquet(path, columns)
    if ending == ".jsonl":
        return _from_json_lines(text_lines(path), columns, str(path))
    if ending in FORMATS:
        return from_delimited(text_lines(path), columns, str(path), "," if ending == ".csv" else "\t")
    raise UserError(
        f"{path}: a file of this name is not known. The endings are {', '.join(FORMATS)}, text also with .gz."
    )


def column_names(path: Path) -> list[str]:
    """The columns of a file that :func:`read_columns` reads; of JSON lines, those of the first object.

    Raises:
        UserError: the file is empty, damaged or not UTF-8.
    """
    import pyarrow
    import pyarrow.parquet

    ending = Path(path.name.removesuffix(".gz")).suffix
    if ending == ".parquet":
        try:
            return list(pyarrow.parquet.read_schema(path).names)
        except (pyarrow.ArrowException, OSError) as error:
            raise UserError(f"{path}: not a whole parquet file ({error}). Fetch or write it again.") from error
    text = (line for line in _decoded(text_lines(path), str(path)) if line.strip())
    first = next(text, "")
    if ending == ".jsonl":
        return list(_json_object(first, str(path))) if first else []
    return next(csv.reader([first], delimiter="," if ending == ".csv" else "\t"), [])


def from_delimited(lines: Iterable[bytes], columns: Sequence[str], where: str, delimiter: str = "\t") -> pd.DataFrame:
    """Read delimited text with a header; blank lines are skipped.

    Args:
        lines: of the file, undecoded.
        columns: the names to keep.
        where: the file, for messages.
        delimiter: a tab, where quotes are plain characters, or a comma, where fields may be quoted.

    Raises:
        UserError: no header, no rows, a row with another number of fields than the header, a lacking column, not UTF-8.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    text = _decoded(lines, where)
    if delimiter == "\t":
        reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
    records = _records(reader, where)
    _, header = next(records, (0, []))
    positions = _positions(header, columns, where)
    numbers, rows = [], []
    for number, fields in records:
        if len(fields) != len(header):
            raise UserError(
                f"{where}, line {number}: {len(fields)} fields, but the header has {len(header)}. "
                f"Mend or drop the line{'' if delimiter == ',' else '; a tab cannot stand inside a field'}."
            )
        numbers.append(number)
        rows.append([fields[position] for position in positions])
    return _table(rows, columns, pd.Index(numbers, name="line"), where)


def _decoded(lines: Iterable[bytes], where: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"{where}, line {number}: byte {error.start + 1} of the line, 0x{line[error.start]:02x}, is not UTF-8. "
                "Save the file as UTF-8, e.g. iconv -f ENCODING -t UTF-8."
            ) from error


def _records(reader: Any, where: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of its first line: a quoted field may span several."""
    start = 1
    try:
        for fields in reader:
            if fields:
                yield start, fields
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{where}, line {start}: not readable as delimited text ({error}). Mend or drop the line."
        ) from error


def _positions(header: Sequence[str], columns: Sequence[str], where: str) -> list[int]:
    if not header:
        raise UserError(f"{where}: the file is empty. Name another.")
    for column in columns:
        if header.count(column) > 1:
            raise UserError(f"{where}: the header has the column {column!r} {header.count(column)} times. Rename one.")
        if column not in header:
            raise _lacking(column, header, where)
    return [header.index(column) for column in columns]


def _lacking(column: str, header: Sequence[str], where: str) -> UserError:
    near = difflib.get_close_matches(column, header, n=1)
    return UserError(
        f"{where}: no column {column!r}.{f' Did you mean {near[0]!r}?' if near else ''} "
        f"There are: {', '.join(repr(name[:60]) for name in header[:20])}. "
        "Columns of other names are read by dataset=table, which names them in dataset.columns."
    )


def _from_json_lines(lines: Iterable[bytes], columns: Sequence[str], where: str) -> pd.DataFrame:
    names: dict[str, None] = {}
    numbers, rows = [], []
    for number, line in enumerate(_decoded(lines, where), start=1):
        if line.strip():
            record = _json_object(line, f"{where}, line {number}")
            names.update(dict.fromkeys(record))
            numbers.append(number)
            rows.append([record.get(column) for column in columns])
    _positions(list(names), columns, where)
    return _table(rows, columns, pd.Index(numbers, name="line"), where)


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where}: not JSON ({error}). Mend or drop the line.") from error
    if not isinstance(record, dict):
        raise UserError(f"{where}: a JSON object is expected, as {{'sentence1': ...}}. Mend or drop the line.")
    return record


def _from_parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty. Name another.")
    try:
        _positions(pyarrow.parquet.read_schema(path).names, columns, str(path))
        values = pyarrow.parquet.read_table(path, columns=list(columns)).to_pydict()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a whole parquet file ({error}). Fetch or write it again.") from error
    rows = list(zip(*(values[column] for column in columns), strict=True))
    return _table(rows, columns, pd.RangeIndex(1, len(rows) + 1, name="row"), str(path))


def _table(rows: Sequence[Sequence[Any]], columns: Sequence[str], index: pd.Index, where: str) -> pd.DataFrame:
    if not len(rows):
        raise UserError(f"{where}: a header and no rows. Give it pairs, or leave the file out.")
    return pd.DataFrame(rows, columns=list(columns), index=index, dtype=object)
