"""Bad input among the files of gold pairs."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

from tests.program.bad_input.case import Case

HEADER = "sentence1,sentence2,score\n"
GOOD = HEADER + "a dog,a cat,0.5\na man,a woman,1\n"
STSB = b"split\tsentence1\tsentence2\tscore\n" + b"train\ta dog\ta cat\t2.5\n" * 99
QUORA = "question1\tquestion2\tis_duplicate\na dog\ta cat\t0\n"
MEND = "Mend or drop the row."


def rows(content: str, message: str, *overrides: str, other: str = "") -> Case:
    """A train file with this content, and perhaps another file."""
    typed = " ".join(["dataset.train=TMP/train.csv", *overrides])
    return Case(typed, f"error: TMP/train.csv{message}\n", {"train.csv": content, "other.csv": other}, making="dataset")


def leaving_zip(_: Path, file: Path) -> None:
    """A zip that writes outside its folder when it is unpacked without care."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("classification/train_pairs.tsv", QUORA)
        archive.writestr("../../.bashrc", "")


def cut_zip(model: Path, file: Path) -> None:
    """A zip whose directory, which stands at its end, is cut off."""
    leaving_zip(model, file)
    file.write_bytes(file.read_bytes()[:-50])


CASES = {
    "no such file": Case(
        "dataset=stsb dataset.path=TMP/stsb.tsv.gz",
        "error: dataset.path=TMP/stsb.tsv.gz: there is no such file. A relative path starts at TMP/here.\n",
    ),
    "no Spanish file": Case(
        "dataset=spanish_sts dataset.train=TMP/spanish.tsv dataset.draw.dev_size=0.1 dataset.draw.test_size=0.1",
        "error: dataset.train=TMP/spanish.tsv: there is no such file. A relative path starts at TMP/here.\n",
    ),
    "folder for a file": Case(
        "dataset.dev=TABLE", "error: dataset.dev=TABLE is a folder, a file is expected. Name the file in it.\n"
    ),
    "empty file": rows("", ": the file is empty. Name another."),
    "truncated gzip": Case(
        "dataset=stsb dataset.path=TMP/stsb.tsv.gz",
        "error: TMP/stsb.tsv.gz: not a whole gzip file (Compressed file ended before the end-of-stream marker was "
        "reached): cut short, damaged or something else. Fetch it again.\n",
        {"stsb.tsv.gz": gzip.compress(STSB)[:-12]},
        making="dataset",
    ),
    "truncated zip": Case(
        "dataset=quora dataset.path=TMP/quora.zip",
        "error: TMP/quora.zip: not a whole zip archive (File is not a zip file): cut short, damaged or something "
        "else. Fetch it again.\n",
        {"quora.zip": cut_zip},
        making="dataset",
    ),
    "zip that leaves its folder": Case(
        "dataset=quora dataset.path=TMP/quora.zip",
        "error: TMP/quora.zip: its member '../../.bashrc' leaves the folder of the archive. "
        "Refused: get it elsewhere.\n",
        {"quora.zip": leaving_zip},
        making="dataset",
    ),
    "wrong column": rows(
        GOOD.replace("score", "scores"),
        ": no column 'score'. Did you mean 'scores'? There are: 'sentence1', 'sentence2', 'scores'. "
        "Columns of other names are read by dataset=table, which names them in dataset.columns.",
    ),
    "missing value": rows(GOOD + "a house,a park,\n", f", line 4, column 'score': the score is missing. {MEND}"),
    "score out of range": rows(
        GOOD + "a house,a park,4.2\n",
        ", line 4, column 'score': the score '4.2' is not in 0..1 "
        f"(another range: dataset=table, dataset.score_range=[LOW,HIGH]). {MEND}",
    ),
    "score that is no number": rows(
        GOOD + "a house,a park,high\n", f", line 4, column 'score': the score 'high' is not a number. {MEND}"
    ),
    "nan": rows(GOOD + "a house,a park,nan\n", f", line 4, column 'score': the score 'nan' is not a number. {MEND}"),
    "empty sentence": rows(
        GOOD + "a house,,0\n", f", line 4, column 'sentence2': the sentence is empty or blank. {MEND}"
    ),
    "blank sentence": rows(
        GOOD + "a house,\u00a0 ,0\n", f", line 4, column 'sentence2': the sentence is empty or blank. {MEND}"
    ),
    "one class only": rows(
        HEADER + "a dog,a cat,1\na man,a woman,1\n",
        ": every label is 1. A binary task needs both 0 and 1 in each split.",
        "dataset.task=binary dataset.dev=TMP/other.csv dataset.test=TMP/other.csv",
        other=HEADER + "a dog,a house,1\na man,a ball,0\n",
    ),
    "pair with two scores": rows(
        GOOD + "a cat,a dog,0.1\n",
        ", lines 2, 4: the pair ('a dog', 'a cat') stands there with different scores. Keep one of the rows, "
        "or set dataset.duplicates=mean to train on their mean.",
    ),
}
