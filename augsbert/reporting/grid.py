"""A table as rows of text, and how it looks on a screen, in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Text(NamedTuple):
    """A cell of a table; empty text stays an empty cell."""

    text: str = ""
    bold: bool = False


class Grid(NamedTuple):
    """A table: a title, the columns' names, and rows of as many cells; notes stand below."""

    title: str
    columns: list[str]
    rows: list[list[Text]]
    notes: Sequence[str] = ()


def screen(grid: Grid) -> str:
    """As text, numbers to the right; the best is marked with a star, as a screen may have no bold."""
    cells = [[f"{cell.text} *" if cell.bold else cell.text for cell in row] for row in grid.rows]
    lines = [grid.columns, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(grid.columns))]
    said = ["  ".join(_aligned(text, widths[i], i) for i, text in enumerate(line)).rstrip() for line in lines]
    return "\n".join([grid.title, said[0], "-" * (sum(widths) + 2 * len(widths) - 2), *said[1:], *grid.notes])


def _aligned(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column == 0 else text.rjust(width)


def markdown(grid: Grid) -> str:
    """As a Markdown table under its title."""
    lines = [grid.columns, ["---", *["---:"] * (len(grid.columns) - 1)]]
    lines += [[f"**{cell.text}**" if cell.bold else cell.text for cell in row] for row in grid.rows]
    table = ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines]
    return "\n\n".join([f"### {grid.title}", "\n".join(table), *grid.notes])


_ESCAPED = {letter: f"\\{letter}" for letter in "&%_#${}"}
_ESCAPED |= {letter: f"${letter}$" for letter in "<>|"}
_ESCAPED |= {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\textasciitilde{}"}
_ESCAPED |= {"±": r"$\pm$", "Δ": r"$\Delta$", "†": r"$\dagger$"}


def latex(grid: Grid) -> str:
    """As a LaTeX table for the package booktabs."""
    rows = [[_bold(_escaped(cell.text)) if cell.bold else _escaped(cell.text) for cell in row] for row in grid.rows]
    lines = [rf"    {' & '.join(row)} \\" for row in rows]
    head = " & ".join(_escaped(name) for name in grid.columns)
    caption = " ".join(_escaped(text) for text in (f"{grid.title}.", *grid.notes))
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \begin{{tabular}}{{l{'r' * (len(grid.columns) - 1)}}}",
            r"    \toprule",
            rf"    {head} \\",
            r"    \midrule",
            *lines,
            r"    \bottomrule",
            r"  \end{tabular}",
            rf"  \caption{{{caption}}}",
            r"\end{table}",
        ]
    )


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in text)


def _bold(text: str) -> str:
    return rf"\textbf{{{text}}}" if text else ""
