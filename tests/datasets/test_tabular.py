"""Files of every format give the same table, with the place of each row."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from augsbert.datasets.checks import Layout, read_pairs, read_splits
from augsbert.datasets.tabular import from_delimited, read_columns

COLUMNS = ["sentence1", "sentence2", "score"]
ROWS = [
    ("A man plays.", "A man is playing.", 0.9),
    ("NA", "null", 0.0),  # words that pandas reads as missing
    ('He said "no".', "Größe, 大きさ, 🙂", 0.5),
    ("001", "1e5", 0.25),  # words that pandas reads as numbers
]


def write(path: Path, rows: list[tuple] = ROWS, quoted: bool = False) -> Path:
    """Write rows in the format that the name's ending says."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    ending = path.name.removesuffix(".gz").rsplit(".", 1)[1]
    if ending == "parquet":
        frame.to_parquet(path)
        return path
    if ending == "jsonl":
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in frame.to_dict("records"))
    elif ending == "csv":
        text = frame.to_csv(index=False)
    else:
        text = "\n".join("\t".join(map(str, row)) for row in [COLUMNS, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.csv.gz", "a.tsv", "a.tsv.gz", "a.txt", "a.jsonl", "a.jsonl.gz", "a.parquet", "dots.in.name.tsv"],
)
def test_every_format_gives_the_same_pairs(tmp_path: Path, name: str) -> None:
    pairs = read_pairs(write(tmp_path / name), Layout())
    assert list(pairs.itertuples(index=False, name=None)) == ROWS
    assert pairs["score"].dtype == float


@pytest.mark.parametrize(
    ("name", "kind", "first"), [("a.tsv", "line", 2), ("a.jsonl", "line", 1), ("a.parquet", "row", 1)]
)
def test_index_is_the_place_in_the_file(tmp_path: Path, name: str, kind: str, first: int) -> None:
    raw = read_columns(write(tmp_path / name), COLUMNS)
    assert raw.index.name == kind
    assert list(raw.index) == list(range(first, first + len(ROWS)))


def test_line_numbers_count_blank_lines_and_lines_inside_quotes() -> None:
    lines = [b"sentence1,sentence2,score\n", b"\n", b'"two\n', b'lines",b,1\n', b"c,d,0\n", b"\n"]
    raw = from_delimited(lines, COLUMNS, "FILE", ",")
    assert list(raw.index) == [3, 5]
    assert raw["sentence1"].iloc[0] == "two\nlines"


def test_byte_order_mark_and_windows_line_ends_leave_no_trace() -> None:
    raw = from_delimited([b"\xef\xbb\xbfsentence1\tsentence2\tscore\r\n", b"a\tb\t1\r\n"], COLUMNS, "FILE")
    assert raw.to_numpy().tolist() == [["a", "b", "1"]]


def test_tabs_separate_and_quotes_are_plain_characters() -> None:
    lines = [b"score\tsentence2\tmore\tsentence1\n", b'1\t"b\tx\ta"\n', b"0\t'd\ty\tc\n"]
    raw = from_delimited(lines, COLUMNS, "FILE")
    assert raw.to_numpy().tolist() == [['a"', '"b', "1"], ["c", "'d", "0"]]


def test_outer_whitespace_is_stripped_and_inner_kept(tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path / "a.tsv", [(" a  b ", "\u00a0c", " 1 "), ("d", "e", "0")]), Layout())
    assert pairs.iloc[0].tolist() == ["a  b", "c", 1.0]


def test_score_range_is_mapped_to_the_unit_interval(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [("a", "b", -1), ("c", "d", 1), ("e", "f", 0.5)])
    assert read_pairs(path, Layout(score_range=(-1, 1)))["score"].tolist() == [0.0, 1.0, 0.75]


def test_split_column_parts_the_table_and_knows_validation_as_dev(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("fold\tsentence1\tsentence2\tscore\ntrain\ta\tb\t1\nvalidation\tc\td\t0\ntrain\te\tf\t0\n")
    tables = read_splits(path, Layout(split="fold"))
    assert {name: table["sentence1"].tolist() for name, table in tables.items()} == {"train": ["a", "e"], "dev": ["c"]}
