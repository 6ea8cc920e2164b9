"""Compare runs by the files that they left: a table on the screen, and report.html beside them.

python -m augsbert.reporting out/grid                     one sweep; writes out/grid/report.html
python -m augsbert.reporting out/grid out/more            several, as one table
python -m augsbert.reporting out/grid --metric pearson --columns gold_size
python -m augsbert.reporting out/grid --write table.tex table.md figures.csv figures.parquet
python -m augsbert.reporting out/grid --wandb augsbert    also a summary run in that project of W&B
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from augsbert.errors import UserError
from augsbert.reporting.comparison import Comparison
from augsbert.reporting.drawing import without_matplotlib
from augsbert.reporting.grid import Grid, latex, markdown, screen
from augsbert.reporting.runs import failures, read

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's mistake is one message and exit status 1."""
    args = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    try:
        _report(args)
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # the output went to head
        sys.stderr.close()
    except OSError as error:  # what is read says so itself
        sys.exit(f"error: {error.filename}: it cannot be written ({error.strerror}).")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser("augsbert.reporting", description=__doc__, formatter_class=raw)
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="of runs or sweeps")
    parser.add_argument("--metric", help="such as pearson; default: the one that models are chosen by")
    parser.add_argument("--columns", metavar="KEY", help="the setting whose values are the columns")
    parser.add_argument(
        "--write", type=Path, nargs="+", default=[], metavar="FILE", help=f"tables: {', '.join(WRITERS)}"
    )
    parser.add_argument("--no-html", action="store_true", help="write no report.html")
    parser.add_argument("--wandb", metavar="PROJECT", help="log table and plots as a summary run")
    return parser


def _report(args: argparse.Namespace) -> None:
    if unknown := [path for path in args.write if path.suffix not in WRITERS]:
        raise UserError(f"--write {unknown[0]}: its ending must be one of {', '.join(WRITERS)}.")
    if lost := [path for path in args.write if not path.parent.is_dir()]:
        raise UserError(f"--write {lost[0]}: there is no folder {lost[0].parent}.")
    if args.wandb and args.no_html:
        raise UserError("--wandb logs report.html: leave out --no-html.")
    comparison = Comparison(read(args.folders), args.metric, args.columns)
    tables = [table for table in (comparison.table(), comparison.gains_table()) if table.rows]
    if not args.no_html:  # before the screen, whose reader may leave early
        _write_page(args, comparison)
    print("\n\n".join(screen(table) for table in tables))
    for folder, reason in failures(args.folders):
        log.warning("not in the table: %s: %s", folder, reason)
    for path in args.write:
        WRITERS[path.suffix](path, comparison, tables)
        print(f"written: {path}")


def _write_page(args: argparse.Namespace, comparison: Comparison) -> None:
    from augsbert.reporting.page import page, plots

    if (lacking := without_matplotlib()) and not args.wandb:
        log.warning(lacking)
        return
    drawn = plots(comparison)
    path = args.folders[0] / "report.html"
    path.write_text(page(comparison, drawn, failures(args.folders), args.folders), encoding="utf8")
    print(f"written: {path}")
    if args.wandb:
        from augsbert.reporting.wandb_summary import log_summary

        log_summary(args.wandb, comparison, path, args.folders)


def _text(render: Callable[[Grid], str]) -> Callable[[Path, Comparison, list[Grid]], None]:
    def write(path: Path, comparison: Comparison, tables: list[Grid]) -> None:
        path.write_text("\n\n".join(render(table) for table in tables) + "\n", encoding="utf8")

    return write


def _csv(path: Path, comparison: Comparison, tables: list[Grid]) -> None:
    comparison.figures().to_csv(path, index=False)


def _parquet(path: Path, comparison: Comparison, tables: list[Grid]) -> None:
    comparison.figures().to_parquet(path, index=False)


#: Ending of a file -> what writes it: tables as text, or every figure as data.
WRITERS = {".md": _text(markdown), ".tex": _text(latex), ".txt": _text(screen), ".csv": _csv, ".parquet": _parquet}


if __name__ == "__main__":
    main()
