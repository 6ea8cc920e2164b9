"""The Microsoft Research Paraphrase Corpus: do two sentences of news say the same?"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from augsbert.datasets.checks import Duplicates, Layout, complete, merged, read_pairs
from augsbert.datasets.drawn import draw_splits, folder_files
from augsbert.pairs import Splits
from augsbert.ranges import check_choice, check_count

LAYOUT = Layout("#1 String", "#2 String", "Quality", task="binary")
FILES = ("msr_paraphrase_train.txt", "msr_paraphrase_test.txt")
SOURCE = "msr_paraphrase_train.txt and msr_paraphrase_test.txt (microsoft.com/download, MSR Paraphrase Corpus)"
#: Of the paper (arXiv 2010.08240, table 1): what it drew from all 5,801 pairs.
SIZES = {"dev": 731, "test": 730}


class Mrpc:
    """Two tab-separated files, train and test; there is no dev, so 731 pairs are drawn for it.

    Args:
        path: the folder with the two files.
        split: ``official`` keeps the published test (1,725) and draws dev from train (4,076); ``paper`` draws dev and
            test from all pairs in the paper's sizes (4,340, 731 and 730). The paper's own draw is not published.
        seed: of the draw, at least 0.
        duplicates: what a pair with both labels is: an ``error``, or given the label of most (``mean``; a tie is 1).

    Raises:
        UserError: a value that is not allowed.
    """

    VERSION = 1
    UNKEYED = ("path",)

    def __init__(
        self,
        path: str | None = None,
        split: Literal["official", "paper"] = "official",
        seed: int = 0,
        duplicates: Duplicates = "mean",
    ) -> None:
        check_choice("dataset.split", split, ("official", "paper"))
        check_choice("dataset.duplicates", duplicates, ("error", "mean"))
        check_count("seed", seed, least=0)
        self.path, self.split, self.seed, self.duplicates = path, split, seed, duplicates

    def files(self) -> list[Path]:
        """The two files.

        Raises:
            UserError: they are not there.
        """
        return folder_files(self.path, FILES, SOURCE)

    def __call__(self) -> Splits:
        """Read, check, draw, merge repeated pairs and guard against leaks.

        Raises:
            UserError: a file is not what it should be.
        """
        train, test = (read_pairs(path, LAYOUT) for path in self.files())
        where = dict.fromkeys(("train", "dev", "test"), f"{self.path}, split {self.split}")
        whole = train if self.split == "official" else pd.concat([train, test])
        # Before the draw, so that a repeated pair cannot fall into two parts.
        whole = merged(whole, "binary", self.duplicates, str(self.path))
        drawn = draw_splits(whole, {"dev": SIZES["dev"]} if self.split == "official" else SIZES, self.seed)
        return complete({"test": test} | drawn, "binary", self.duplicates, where)
