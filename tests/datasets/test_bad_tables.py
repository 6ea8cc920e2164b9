"""Each defect of a data set's files is one error that names file, place and way out: whole messages are compared."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from augsbert.datasets.quora import Quora
from augsbert.datasets.stsb import Stsb
from augsbert.datasets.table import Table
from augsbert.errors import UserError

HEADER = "sentence1\tsentence2\tscore\n"
GOOD = HEADER + "a\tb\t1\nc\td\t0\n"
MEND = "Mend or drop the row."
RANGE = "(another range: dataset=table, dataset.score_range=[LOW,HIGH]). "


def table(content: str | bytes, name: str = "a.tsv", **settings: Any) -> Callable[[Path], Table]:
    """A data set whose train file has this content; dev and test are sound."""

    def make(folder: Path) -> Table:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        for split, first in (("dev", "e"), ("test", "f")):
            (folder / f"{split}.tsv").write_text(HEADER + f"{first}1\t{first}2\t1\n{first}3\t{first}4\t0\n")
        others = {"dev": str(folder / "dev.tsv"), "test": str(folder / "test.tsv")}
        return Table(str(path), **{**others, **settings})

    return make


ROWS = {
    "missing score": (HEADER + "a\tb\t\n", "line 2, column 'score': the score is missing. " + MEND),
    "empty sentence": (GOOD + "\tb\t1\n", "line 4, column 'sentence1': the sentence is empty or blank. " + MEND),
    "blank sentence": (
        GOOD + "a\t \u00a0 \t1\n",
        "line 4, column 'sentence2': the sentence is empty or blank. " + MEND,
    ),
    "too high": (GOOD + "x\ty\t1.5\n", "line 4, column 'score': the score '1.5' is not in 0..1 " + RANGE + MEND),
    "too low": (GOOD + "x\ty\t-0.1\n", "line 4, column 'score': the score '-0.1' is not in 0..1 " + RANGE + MEND),
    "infinite": (GOOD + "x\ty\tinf\n", "line 4, column 'score': the score 'inf' is not in 0..1 " + RANGE + MEND),
    "nan": (GOOD + "x\ty\tnan\n", "line 4, column 'score': the score 'nan' is not a number. " + MEND),
    "a word": (GOOD + "x\ty\thigh\n", "line 4, column 'score': the score 'high' is not a number. " + MEND),
    "several": (
        GOOD + "x\ty\t2\nv\tw\t3\nt\tu\t4\n",
        "line 4, column 'score': the score '2' is not in 0..1 " + RANGE.replace("]).", "]) (and 2 more rows).") + MEND,
    ),
    "too few fields": (
        GOOD + "x\ty\n",
        "line 4: 2 fields, but the header has 3. Mend or drop the line; a tab cannot stand inside a field.",
    ),
    "too many fields": (
        GOOD + "x\ty\t1\tz\n",
        "line 4: 4 fields, but the header has 3. Mend or drop the line; a tab cannot stand inside a field.",
    ),
    "latin 1": (
        GOOD.encode() + "Gr\u00f6\u00dfe\tb\t1\n".encode("latin1"),
        "line 4: byte 3 of the line, 0xf6, is not UTF-8. Save the file as UTF-8, e.g. iconv -f ENCODING -t UTF-8.",
    ),
}


@pytest.mark.parametrize(("content", "message"), ROWS.values(), ids=ROWS.keys())
def test_bad_row_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert _error(table(content)(tmp_path)) == f"{tmp_path / 'a.tsv'}, {message}"


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty file": (table(""), "{0}/a.tsv: the file is empty. Name another."),
    "empty gzip": (table(gzip.compress(b""), "a.tsv.gz"), "{0}/a.tsv.gz: the file is empty. Name another."),
    "empty jsonl": (table("", "a.jsonl"), "{0}/a.jsonl: the file is empty. Name another."),
    "empty parquet": (table("", "a.parquet"), "{0}/a.parquet: the file is empty. Name another."),
    "header only": (table(HEADER), "{0}/a.tsv: a header and no rows. Give it pairs, or leave the file out."),
    "wrong column": (
        table(GOOD.replace("sentence1", "sentense1")),
        "{0}/a.tsv: no column 'sentence1'. Did you mean 'sentense1'? There are: 'sentense1', 'sentence2', 'score'. "
        "Columns of other names are read by dataset=table, which names them in dataset.columns.",
    ),
    "doubled column": (
        table("sentence1\tsentence1\tsentence2\tscore\n"),
        "{0}/a.tsv: the header has the column 'sentence1' 2 times. Rename one.",
    ),
    "another ending": (
        table(GOOD, "a.xlsx"),
        "{0}/a.xlsx: a file of this name is not known. The endings are .csv, .tsv, .txt, .jsonl, .parquet, "
        "text also with .gz.",
    ),
    "open quote": (
        table('sentence1,sentence2,score\na,b,1\n"c,d,0\n', "a.csv"),
        "{0}/a.csv, line 3: not readable as delimited text (unexpected end of data). Mend or drop the line.",
    ),
    "not json": (
        table('{"sentence1": "a"\n', "a.jsonl"),
        "{0}/a.jsonl, line 1: not JSON (Expecting ',' delimiter: line 2 column 1 (char 18)). Mend or drop the line.",
    ),
    "json list": (
        table("[1]\n", "a.jsonl"),
        "{0}/a.jsonl, line 1: a JSON object is expected, as {{'sentence1': ...}}. Mend or drop the line.",
    ),
    "missing in json": (
        table('{"sentence1":"a","sentence2":"b","score":1}\n{"sentence1":"a","score":0}\n', "a.jsonl"),
        "{0}/a.jsonl, line 2, column 'sentence2': the sentence is missing. " + MEND,
    ),
    "number for a sentence": (
        table('{"sentence1":5,"sentence2":"b","score":1}\n', "a.jsonl"),
        "{0}/a.jsonl, line 1, column 'sentence1': 5 is not text. " + MEND,
    ),
    "half a surrogate pair": (
        table('{"sentence1":"\\ud83d","sentence2":"b","score":1}\n', "a.jsonl"),
        "{0}/a.jsonl, line 1, column 'sentence1': '\\ud83d' holds half a surrogate pair. " + MEND,
    ),
    "no parquet": (
        table(GOOD, "a.parquet"),
        "{0}/a.parquet: not a whole parquet file (",
    ),
    "no gzip": (
        table(GOOD, "a.tsv.gz"),
        "{0}/a.tsv.gz: not a whole gzip file (Not a gzipped file (b'se')): cut short, damaged or something else. "
        "Fetch it again.",
    ),
    "cut gzip": (
        table(gzip.compress(GOOD.encode() * 50)[:-12], "a.tsv.gz"),
        "{0}/a.tsv.gz: not a whole gzip file (Compressed file ended before the end-of-stream marker was reached): "
        "cut short, damaged or something else. Fetch it again.",
    ),
    "binary label": (
        table(GOOD + "x\ty\t0.5\n", task="binary"),
        "{0}/a.tsv, line 4, column 'score': the label '0.5' is not 0 or 1. " + MEND,
    ),
    "one class": (
        table(HEADER + "a\tb\t1\nc\td\t1\n", task="binary"),
        "{0}/a.tsv: every label is 1. A binary task needs both 0 and 1 in each split.",
    ),
    "one score": (
        table(HEADER + "a\tb\t2\nc\td\t2\n", score_range=[0, 5]),
        "{0}/a.tsv: every score (mapped to 0..1) is 0.4. A regression task needs two different scores in each split.",
    ),
    "two scores of a pair": (
        table(GOOD + "b\ta\t0.5\n"),
        "{0}/a.tsv, lines 2, 4: the pair ('a', 'b') stands there with different scores. Keep one of the rows, "
        "or set dataset.duplicates=mean to train on their mean.",
    ),
    "only what test holds": (
        table(HEADER + "f1\tf2\t1\nf4\tf3\t0\n"),
        "{0}/a.tsv, without the pairs that a later split holds too: no pairs. "
        "Give it some, or draw it from train where the part can.",
    ),
    "unknown split": (
        table("split\t" + HEADER + "train\ta\tb\t1\neval\tc\td\t0\n", dev=None, test=None, columns={"split": "split"}),
        "{0}/a.tsv, line 3, column 'split': 'eval' is not one of train, dev, valid, validation, test. " + MEND,
    ),
    "no path": (
        lambda folder: Table(str(folder / "none.tsv"), "d.tsv", "t.tsv"),
        "dataset.train={0}/none.tsv: there is no such file. A relative path starts at {1}.",
    ),
    "folder": (
        lambda folder: Stsb(str(folder)),
        "dataset.path={0} is a folder, a file is expected. Name the file in it.",
    ),
    "path of another type": (lambda folder: Stsb(5), "dataset.path=5: a path is expected, not int."),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("make", "message"), FILES.values(), ids=FILES.keys())
def test_bad_file_is_named(tmp_path: Path, make: Callable[[Path], Any], message: str) -> None:
    expected, error = message.format(tmp_path, Path.cwd()), _error(make(tmp_path))
    assert error == expected or (expected.endswith("(") and error.startswith(expected))


QUORA_HEADER = "qid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"


def quora_zip(folder: Path, members: dict[str, str]) -> Path:
    path = folder / "quora.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("member", ["../x", "/etc/x", "a/../../x", "..\\x", "C:\\x", "C:x"])
def test_zip_whose_members_leave_the_folder_is_refused(tmp_path: Path, member: str) -> None:
    path = quora_zip(tmp_path, {"classification/train_pairs.tsv": GOOD, member: "x"})
    assert _error(Quora(str(path))) == (
        f"{path}: its member {member!r} leaves the folder of the archive. Refused: get it elsewhere."
    )


def test_zip_without_the_member_says_what_is_there(tmp_path: Path) -> None:
    path = quora_zip(tmp_path, {"train.tsv": GOOD})
    assert _error(Quora(str(path))) == (f"{path}: no member 'classification/train_pairs.tsv'. There are: 'train.tsv'.")


@pytest.mark.parametrize(
    ("damage", "said"), [(lambda content: content[:-30], "File is not a zip file"), (lambda _: b"<html>", "not a zip")]
)
def test_cut_or_false_zip_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], said: str) -> None:
    path = quora_zip(tmp_path, {"classification/train_pairs.tsv": GOOD * 9})
    path.write_bytes(damage(path.read_bytes()))
    error = _error(Quora(str(path)))
    assert error.startswith(f"{path}: not a whole zip archive (")
    assert said in error


def test_zip_with_a_flipped_byte_is_named(tmp_path: Path) -> None:
    path = quora_zip(
        tmp_path, {"classification/train_pairs.tsv": "qid1\tqid2\tquestion1\tquestion2\tis_duplicate\n" * 9}
    )
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert "Bad CRC-32 for file 'classification/train_pairs.tsv'" in _error(Quora(str(path)))


def test_unpacked_folder_that_lacks_a_file_names_it(tmp_path: Path) -> None:
    missing = tmp_path / "classification" / "train_pairs.tsv"
    assert _error(Quora(str(tmp_path))).startswith(f"dataset.path={missing}: there is no such file.")


SETTINGS: dict[str, tuple[Callable[[], Any], str]] = {
    "duplicates": (lambda: Stsb(duplicates="sum"), "dataset.duplicates=sum: it must be one of error, mean."),  # type: ignore[arg-type]
    "task": (lambda: Table("a", task="rank"), "dataset.task=rank: it must be one of regression, binary."),  # type: ignore[arg-type]
    "sha256": (
        lambda: Quora(sha256="abc"),
        "dataset.sha256='abc': 64 hex digits are expected, as sha256sum prints them, or null.",
    ),
    "url": (
        lambda: Stsb(url="file:///etc/passwd"),
        "dataset.url: 'file:///etc/passwd' is not the http or https address of a file.",
    ),
    "mirror": (
        lambda: Stsb(mirrors=["http://host/"]),
        "dataset.mirrors: 'http://host/' is not the http or https address of a file.",
    ),
    "score_range": (
        lambda: Table("a", score_range=[5, 0]),
        "dataset.score_range=[5, 0]: two numbers are expected, the lower first, as [0, 5].",
    ),
    "binary range": (
        lambda: Table("a", score_range=[0, 5], task="binary"),
        "dataset.score_range=[0, 5]: a binary task has labels 0 and 1, leave it at [0, 1].",
    ),
    "column key": (
        lambda: Table("a", columns={"sentense1": "a"}),
        "dataset.columns: no key 'sentense1'. Did you mean sentence1? The keys are sentence1, sentence2, score, split.",
    ),
    "one column twice": (
        lambda: Table("a", columns={"sentence1": "sentence2"}),
        "dataset.columns={'sentence1': 'sentence2', 'sentence2': 'sentence2', 'score': 'score', 'split': None}: "
        "each must be the name of another column (split may be null).",
    ),
    "dev_size": (
        lambda: Table("a", draw={"dev_size": 1.5}),
        "dataset.draw.dev_size=1.5: rows (1 or more), a share (between 0 and 1), or null.",
    ),
    "seed": (lambda: Table("a", draw={"seed": -1}), "dataset.draw.seed=-1: a whole number of 0 or more is expected."),
    "hub key": (
        lambda: Table({"name": "x"}),
        "dataset.train: no key 'name'. The keys are hub, config, revision, download_dir.",
    ),
    "hub and dev": (
        lambda: Table({"hub": "x/y"}, dev="d.tsv"),
        "dataset.train is a hub data set: leave dataset.dev and dataset.test out.",
    ),
    "split column and dev": (
        lambda: Table("a.tsv", dev="d.tsv", columns={"split": "split"}),
        "dataset.train is one file with a split column (dataset.columns.split): "
        "leave dataset.dev and dataset.test out.",
    ),
}


@pytest.mark.parametrize(("make", "message"), SETTINGS.values(), ids=SETTINGS.keys())
def test_bad_setting_is_named_before_anything_is_read(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UserError) as raised:
        make()
    assert str(raised.value) == message


def test_missing_value_in_parquet_is_named_by_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sentence1": ["a", "c"], "sentence2": ["b", None], "score": [0.0, 1.0]})
    frame.to_parquet(tmp_path / "b.parquet")
    part = table((tmp_path / "b.parquet").read_bytes(), "a.parquet")(tmp_path)
    assert _error(part) == f"{tmp_path}/a.parquet, row 2, column 'sentence2': the sentence is missing. {MEND}"


def _error(part: Callable[[], Any]) -> str:
    with pytest.raises(UserError) as raised:
        part()
    return str(raised.value)
