"""The BWS Argument Similarity Corpus: how alike are two arguments on a topic, by best-worst scaling?"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from augsbert.datasets.checks import Duplicates, Layout, complete, merged, read_pairs
from augsbert.datasets.drawn import draw_splits, folder_files
from augsbert.pairs import Splits
from augsbert.ranges import check_choice, check_count

LAYOUT = Layout("argument1", "argument2", "score")
CORPUS = "BWS_Argument_Similarity_Corpus.csv"
SPLIT_FILES = ("trainsplit.csv", "devsplit.csv", "testsplit.csv")
SOURCE = "the BWS Argument Similarity Corpus (tudatalib.ulb.tu-darmstadt.de, handle tudatalib/2496)"
#: Of the paper (arXiv 2010.08240, table 1), which drew them across all topics.
IN_TOPIC_SIZES = {"dev": 478, "test": 451}


class Bws:
    """3,400 pairs of arguments on eight topics, scored 0..1 (regression).

    Args:
        path: the folder with the corpus and its split.
        split: ``cross_topic`` is the corpus's own split, in which no topic is in two parts (2,125, 425 and 850 pairs);
            ``in_topic`` draws from all pairs in the paper's sizes (2,471, 478 and 451). The paper's own draw is not
            published.
        seed: of that draw, at least 0.
        duplicates: what a pair with two scores is: an ``error``, or given their ``mean``.

    Raises:
        UserError: a value that is not allowed.
    """

    VERSION = 1
    UNKEYED = ("path",)

    def __init__(
        self,
        path: str | None = None,
        split: Literal["cross_topic", "in_topic"] = "cross_topic",
        seed: int = 0,
        duplicates: Duplicates = "mean",
    ) -> None:
        check_choice("dataset.split", split, ("cross_topic", "in_topic"))
        check_choice("dataset.duplicates", duplicates, ("error", "mean"))
        check_count("seed", seed, least=0)
        self.path, self.split, self.seed, self.duplicates = path, split, seed, duplicates

    def files(self) -> list[Path]:
        """The corpus, or the three files of its split.

        Raises:
            UserError: they are not there.
        """
        return folder_files(self.path, (CORPUS,) if self.split == "in_topic" else SPLIT_FILES, SOURCE)

    def __call__(self) -> Splits:
        """Read, check, draw, merge repeated pairs and guard against leaks.

        Raises:
            UserError: a file is not what it should be.
        """
        names = ("train", "dev", "test")
        read = [read_pairs(path, LAYOUT) for path in self.files()]
        if self.split == "cross_topic":
            where = {name: str(path) for name, path in zip(names, self.files(), strict=True)}
            return complete(dict(zip(names, read, strict=True)), "regression", self.duplicates, where)
        where = dict.fromkeys(names, f"{self.files()[0]}, split in_topic")
        # Before the draw, so that a repeated pair cannot fall into two parts.
        whole = merged(read[0], "regression", self.duplicates, str(self.files()[0]))
        return complete(draw_splits(whole, IN_TOPIC_SIZES, self.seed), "regression", self.duplicates, where)
