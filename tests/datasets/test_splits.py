"""What every data set promises: each pair once whatever its order, nothing of a later split in an earlier one."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augsbert.datasets.checks import complete
from augsbert.datasets.stsb import Stsb
from augsbert.pairs import unordered_keys

WHERE = {name: name for name in ("train", "dev", "test")}


def random_tables(seed: int) -> dict[str, pd.DataFrame]:
    """Pairs over few sentences, so that they repeat within and across splits, in both orders; one score for a pair."""
    rng = np.random.default_rng(seed)
    tables = {}
    for name, rows in (("train", 60), ("dev", 20), ("test", 20)):
        first, second = rng.integers(12, size=(2, rows))
        scores = ((first + second) % 5) / 4
        columns = {"sentence1": first.astype(str), "sentence2": second.astype(str), "score": scores}
        tables[name] = pd.DataFrame(columns, index=pd.RangeIndex(2, rows + 2, name="line"))
    return tables


@pytest.mark.parametrize("seed", range(10))
def test_no_pair_is_in_two_splits_or_twice_in_train_and_dev(seed: int) -> None:
    tables = random_tables(seed)
    splits = complete(tables, "regression", "error", WHERE)
    keys = {name: unordered_keys(table) for name, table in zip(WHERE, splits[:3], strict=True)}
    for one, other in itertools.combinations(keys.values(), 2):
        assert not set(one) & set(other)
    assert keys["train"].is_unique
    assert keys["dev"].is_unique
    pd.testing.assert_frame_equal(splits.test, tables["test"].reset_index(drop=True))
    everything = set().union(*(unordered_keys(table) for table in tables.values()))
    assert set().union(*keys.values()) == everything


@pytest.mark.parametrize("seed", range(5))
def test_order_within_pairs_changes_neither_rows_nor_scores(seed: int) -> None:
    tables = random_tables(seed)
    turned = {
        name: table.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
        for name, table in tables.items()
    }
    there, back = (complete(each, "regression", "mean", WHERE) for each in (tables, turned))
    for one, other in zip(there[:3], back[:3], strict=True):
        assert unordered_keys(one).tolist() == unordered_keys(other).tolist()
        assert one["score"].tolist() == other["score"].tolist()


def table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["sentence1", "sentence2", "score"])


DEV, TEST = table(("e", "f", 0), ("g", "h", 1)), table(("i", "j", 0), ("k", "l", 1))


def test_mean_of_scores_and_majority_of_labels() -> None:
    train = table(("a", "b", 1.0), ("c", "d", 0.0), ("b", "a", 0.0), ("c", "d", 0.0), ("d", "c", 1.0))
    tables = {"train": train, "dev": DEV, "test": TEST}
    assert complete(tables, "regression", "mean", WHERE).train["score"].tolist() == [0.5, pytest.approx(1 / 3)]
    assert complete(tables, "binary", "mean", WHERE).train["score"].tolist() == [1.0, 0.0]


def test_repeated_test_pairs_stay_as_published() -> None:
    test = table(("a", "b", 1.0), ("b", "a", 0.0), ("a", "b", 1.0))
    splits = complete({"train": table(("c", "d", 0), ("x", "y", 1)), "dev": DEV, "test": test}, "binary", "mean", WHERE)
    pd.testing.assert_frame_equal(splits.test, test)


def test_stsb_scores_are_fifths_and_quotes_are_characters(tmp_path: Path) -> None:
    rows = ['train\t4.000\t"a\tb', "train\t0\tc\td", "dev\t5\te\tf", "dev\t0\tg\th", "test\t1\ti\tj", "test\t2\tk\tl"]
    (tmp_path / "sts.tsv").write_text("\n".join(["split\tscore\tsentence1\tsentence2", *rows]))
    part = Stsb(str(tmp_path / "sts.tsv"))
    assert part.files() == [tmp_path / "sts.tsv"]
    splits = part()
    assert splits.task == "regression"
    assert splits.train.to_numpy().tolist() == [['"a', "b", 0.8], ["c", "d", 0.0]]
