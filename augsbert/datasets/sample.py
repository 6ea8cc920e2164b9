"""The sample that ships with the package: English pairs whose scores are computed by a script, not given by people."""

from __future__ import annotations

from pathlib import Path

from augsbert.datasets.checks import SPLITS, Layout, complete, read_pairs
from augsbert.pairs import Splits

LAYOUT = Layout()  # scores are in 0..1 as they stand
FOLDER = Path(__file__).parent / "sample_data"


class Sample:
    """Sentence pairs to try the method on where there is nothing but the installed package; not a benchmark.

    Sentences tell a made-up event (who, what, to whom, where, when, how many, why, or that it did not happen) in words
    drawn by chance; the score compares the events, not the words. Figures on it say that the code works, not how well
    an encoder knows English. experiments/sample in the repository makes the files and describes them.
    """

    VERSION = 1
    UNKEYED = ()

    def files(self) -> list[Path]:
        """The packaged files of train, dev and test, in this order."""
        return [FOLDER / f"{name}.tsv.gz" for name in SPLITS]

    def __call__(self) -> Splits:
        """Read and check the three files.

        Raises:
            UserError: a packaged file is missing or damaged.
        """
        where = {name: str(path) for name, path in zip(SPLITS, self.files(), strict=True)}
        tables = {name: read_pairs(Path(path), LAYOUT) for name, path in where.items()}
        return complete(tables, LAYOUT.task, "error", where)
