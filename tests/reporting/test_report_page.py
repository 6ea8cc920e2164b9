"""report.html: one small file that loads nothing; in a browser its tables sort and filter, on light and on dark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from augsbert.reporting.__main__ import main
from tests.reporting.left import leave_run

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
GAINS, MAIN = "AugSBERT against the baseline, test", "Spearman x100, test"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two samplers x two sizes x two seeds, and of a job that failed."""
    sweep = tmp_path_factory.mktemp("out") / "sweep"
    jobs = [(sampler, size, seed) for sampler in ("random", "bm25") for size in ("100", "20") for seed in ("0", "1")]
    for number, (sampler, size, seed) in enumerate(jobs):
        leave_run(sweep / str(number), sampler=sampler, gold_size=size, seed=seed)
    (sweep / "9").mkdir()
    (sweep / "9" / "status.json").write_text(json.dumps({"state": "failed", "reason": "gold_size=<1>: too few"}))
    main([str(sweep)])
    return sweep / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, where it is installed."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield opened
        opened.close()


@pytest.fixture
def show(browser: Any, written: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page on a phone; nothing may be said on the console."""
    said: list[str] = []
    pages: list[Any] = []

    def show(**options: Any) -> Any:
        page = browser.new_page(viewport={"width": 390, "height": 800}, **options)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(written.as_uri())
        return page

    yield show
    for page in pages:
        page.close()
    assert said == []


def test_the_page_is_one_small_file_that_loads_nothing(written: Path) -> None:
    page = written.read_text()
    assert len(page) < 400_000
    assert page.count("<svg") == 7
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "gold_size=&lt;1&gt;: too few" in page
    assert "sentence &lt;1&gt;" in page
    assert "#010203" not in page


@pytest.mark.parametrize("folder", ["here/sweep", ".", "../sweep"])
def test_the_page_is_named_after_the_folder_however_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    sweep = tmp_path / "here" / "sweep"
    leave_run(sweep / "0")
    monkeypatch.chdir(tmp_path if folder.startswith("here") else sweep)
    monkeypatch.setattr("augsbert.reporting.page.PLOTS", {})
    main([folder])
    page = (sweep / "report.html").read_text()
    assert "<title>sweep: Augmented SBERT</title>" in page
    assert "<h1>sweep</h1>" in page


def test_the_page_of_200_runs_stays_small_and_its_plots_say_how_many_they_show(tmp_path: Path) -> None:
    for number in range(200):
        leave_run(tmp_path / "sweep" / str(number), sampler=f"s{number // 4}", seed=str(number % 4))
    main([str(tmp_path / "sweep")])
    page = (tmp_path / "sweep" / "report.html").read_text()
    assert len(page.encode()) < 2_000_000
    assert "score (the first 7 of 50)" in page
    assert page.count(">40 of 50<") == 2  # candidates, silver
    assert ">40 of 200<" in page  # bi_encoder


def test_figures_sort_by_their_size_and_filter(show: Callable[..., Any]) -> None:
    page = show()
    column = page.locator("#figures th").all_text_contents().index("test") + 1
    head = page.locator(f"#figures th:nth-child({column}) button")
    for order in (1, -1):
        head.click()
        cells = page.locator(f"#figures td:nth-child({column})").all_text_contents()
        assert [float(cell) for cell in cells] == sorted(map(float, cells), key=lambda value: order * value)
    page.locator("h2:has-text('All figures') + input").fill("baseline 100")
    assert page.locator("#figures tbody tr:visible").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


#: Put these cells into the second column of the table below a heading, sort by it twice, and give both orders.
SORTED = """([title, cells]) => {
  const heading = [...document.querySelectorAll("h2")].find(heading => heading.textContent === title);
  const table = heading.nextElementSibling.querySelector("table"), body = table.tBodies[0];
  const row = body.rows[0];
  body.replaceChildren(...cells.map(() => row.cloneNode(true)));
  cells.forEach((cell, i) => body.rows[i].cells[1].textContent = cell);
  return [1, 2].map(() => {
    table.querySelectorAll("th button")[1].click();
    return [...body.rows].map(row => row.cells[1].textContent);
  });
}"""


@pytest.mark.parametrize(
    ("title", "rising", "last"),
    [
        pytest.param(GAINS, ["< 0.001", "0.001", "0.010", "0.234", "1.000"], ["", ""], id="p-values"),
        pytest.param(GAINS, ["-3.20", "+0.50", "+12.00"], [""], id="gains"),
        pytest.param(GAINS, ["-4 to +9", "3 to 80", "12 to 14"], [""], id="intervals"),
        pytest.param(GAINS, ["5 %", "40 %", "100 %"], ["", "", "", ""], id="shares, of which most are blank"),
        pytest.param(MAIN, ["9.00 (1)", "61.00 ± 9.10 (2)†", "70.12 ± 0.50", "100.00"], [""], id="means"),
        pytest.param(MAIN, ["20", "100", "1e3"], ["-", "null", ""], id="numbers and words"),
        pytest.param(MAIN, ["all", "kde", "top 3"], [""], id="words"),
    ],
)
def test_a_column_sorts_by_its_numbers_and_what_is_no_number_or_empty_stands_last(
    show: Callable[..., Any], title: str, rising: list[str], last: list[str]
) -> None:
    mixed = [*last, *rising[::2], *rising[1::2]]
    words = [cell for cell in last if cell]
    found = show().evaluate(SORTED, [title, mixed])
    assert found == [rising + last, rising[::-1] + words[::-1] + last[len(words) :]]


def test_the_worst_pairs_filter_by_every_word(show: Callable[..., Any]) -> None:
    page = show()
    for encoder in ("the baseline", "AugSBERT"):
        heading = f"h2:text-is('Test pairs that {encoder} places worst')"
        rows = page.locator(f"{heading} + input + div tbody tr")
        assert rows.count() == 10
        number = rows.first.locator("td").first.text_content().split()[-1]
        page.locator(f"{heading} + input").fill(f"{number} SENTENCE")
        visible = page.locator(f"{heading} + input + div tbody tr:visible").all_text_contents()
        assert 1 <= len(visible) < 10
        assert all(number in row for row in visible)
        page.locator(f"{heading} + input").fill("")
        assert page.locator(f"{heading} + input + div tbody tr:visible").count() == 10


def test_on_dark_the_page_and_the_text_of_its_plots_change_colour(show: Callable[..., Any]) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = show(color_scheme=scheme)
        colour = "element => [getComputedStyle(element).color, getComputedStyle(element).backgroundColor]"
        ink, paper = page.locator("body").evaluate(colour)
        text = page.locator("svg text").first.evaluate("element => getComputedStyle(element).fill")
        assert text == ink
        colours[scheme] = [sum(map(int, re.findall(r"\d+", said)[:3])) for said in (ink, paper)]
    assert colours["light"][0] < 200 < 600 < colours["light"][1]
    assert colours["dark"][1] < 200 < 600 < colours["dark"][0]
