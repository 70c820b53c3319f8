"""The report as a page: what is in it, and what a browser does with it."""

import base64
import json
import re
import shutil
import zlib

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.core.result import JOB
from accelsim.report import summarize
from accelsim.report.page import page, split, write_page

from .records import record


@pytest.fixture(scope="module")
def runs():
    return [("first", record(2, traced=True)), ("<second>", record(3, traced=True))]


@pytest.fixture(scope="module")
def file(runs, tmp_path_factory):
    return write_page(runs, tmp_path_factory.mktemp("page") / "r.html")


def data(text: str) -> dict:
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_stands_alone_and_has_the_figures(runs, file):
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<link|src=|@import|url\((?!#)", text) and file.stat().st_size < 5_000_000
    assert "@DATA@" not in text and "@SCRIPT@" not in text and "<second>" not in text
    for held, (name, made) in zip(data(text)["runs"], runs):
        summary = summarize(made)
        assert (held["name"], held["figures"]["cycles"], held["synthetic"]) == (name, summary.total.cycles, True)
        assert [row["cycles"] for row in held["layers"]] == [row.cycles for row in summary.layers]
        assert sum(row["pj"] for row in held["energy"]["chip"]) == pytest.approx(summary.total.energy.chip_pj)
        assert held["activity"]["whole run"]["gemm"] == made.result.total.status["gemm"]


def test_every_change_of_status_is_in_it(runs, file):
    made, held = runs[0][1], data(file.read_text(encoding="utf-8"))["runs"][0]["timeline"]
    words = np.frombuffer(zlib.decompress(base64.b64decode(held["changes"])), "<u4")
    core, first = made.result.periods["core"], 0
    for number, part in enumerate(held["parts"]):
        mine = made.result.events[made.result.events["component"] == number]
        some = words[first : first + part["count"]]
        assert np.rint(np.cumsum(some >> 2) * part["period"] * core).tolist() == mine["at"].tolist()
        assert (some & 3 == mine["status"]).all()
        first += part["count"]
    assert first == len(words)


def test_a_long_wait_is_several_words():
    steps, status = split(np.array([5, (1 << 31) + 7, 2]), np.array([1, 2, 0], np.uint32))
    assert steps.sum() == 5 + (1 << 31) + 7 + 2 and steps.max() < 1 << 30
    assert status.tolist() == [1, 1, 1, 2, 0]


def test_what_is_no_page_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match="r.pdf: a report is a page; name it .html"):
        write_page(runs, tmp_path / "r.pdf")
    with pytest.raises(InputError, match="a report is of 1 to 8 results, not of 9"):
        write_page(runs[:1] * 9, tmp_path / "r.html")


def test_a_run_without_changes_of_status_has_no_timeline():
    text = page([("untraced", record(1))])
    assert data(text)["runs"][0]["timeline"]["changes"] == ""


@pytest.fixture(scope="module")
def browser():
    """A page of a headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium on the path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        view = opened.new_page(viewport={"width": 1300, "height": 900})
        view.wrong = []
        view.on("pageerror", lambda error: view.wrong.append(str(error)))
        view.on("request", lambda request: view.wrong.append(request.url) if request.url[:4] == "http" else None)
        yield view
        opened.close()


def test_a_browser_sorts_filters_and_zooms(browser, runs, file):
    browser.goto(file.as_uri())
    browser.wait_for_function("document.body.dataset.ready === '2'", timeout=20_000)
    assert browser.wrong == []
    assert "A first: " in browser.inner_text("#top")

    rows = browser.locator("#layer-table tbody tr")
    assert rows.count() == sum(len(made.layers) for _, made in runs)
    browser.click("#layer-table th:has-text('core cycles')")

    def column():
        return [int(t.replace(",", "")) for t in browser.locator("#layer-table td:nth-child(4)").all_inner_texts()]

    assert column() == sorted(column(), reverse=True)
    browser.click("#layer-table th:has-text('core cycles')")
    assert column() == sorted(column())
    browser.fill("#filter", "blocks.1.attention")
    assert rows.count() == 2

    longest = max(made.result.cycles() for _, made in runs)
    before = browser.locator("canvas").first.screenshot()
    browser.locator("canvas").first.hover(position={"x": 600, "y": 100})
    browser.mouse.wheel(0, -600)
    browser.wait_for_function(f"document.body.dataset.view !== '0:{longest}'", timeout=10_000)
    start, end = map(int, browser.evaluate("document.body.dataset.view").split(":"))
    assert 0 < start < end < longest and browser.locator("canvas").first.screenshot() != before
    browser.mouse.move(620, 100)
    browser.locator("canvas").first.hover(position={"x": 620, "y": 200})
    assert re.search(r"gemm: (busy|starved|blocked|idle) from [\d,]+ to", browser.inner_text("#tip"))
    browser.locator("canvas").first.dblclick(position={"x": 600, "y": 100})
    browser.wait_for_function(f"document.body.dataset.view === '0:{longest}'", timeout=10_000)

    assert browser.locator("#made-body td:has-text('engine.lines')").count() == 0, "nothing differs between the two"
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the window"

    browser.select_option("#phase", "attention")
    total = runs[0][1].result.total.status["sparser"]  # the shares of a phase are not those of the run
    whole = total["busy"] / sum(total.values())
    assert f"{100 * whole:.1f} %" not in browser.locator("#diagram-body g:has-text('sparser')").first.text_content()
    assert browser.wrong == []


def test_settings_that_differ_and_the_phases_of_attention_are_shown(browser, tmp_path):
    runs = [("a", record(1, traced=True)), ("b", record(1, traced=True))]
    first, second = (made.result for _, made in runs)
    runs[1][1].arch = {**runs[1][1].arch, "parts": {"extra": {"lanes": 7}}}
    span = next(s for s in first.spans if runs[0][1].phase(s.label) == "attention")
    unit = list(first.parts).index("denser")
    for made in (first, second):
        made.about = [(0, "head 3", "scores")]
        made.jobs = np.array([(unit, 0, span.label, 0, span.start, span.end, -1, -1, span.start)], JOB)
    browser.goto(write_page(runs, tmp_path / "r.html").as_uri())
    browser.wait_for_function("document.body.dataset.ready === '2'", timeout=20_000)
    row = browser.locator("#made-body tr:has-text('parts.extra.lanes')")
    assert row.count() == 1 and row.inner_text().split() == ["parts.extra.lanes", "not", "there", "7"]
    browser.locator("#losses-body summary").first.click()
    cells = browser.locator("#losses-body details").first.locator("tbody tr").first.inner_text().split("\t")
    whole = first.cycles(end=span.end) - first.cycles(end=span.start)
    assert cells[1:7] == ["0", "head 3", "scores", f"{whole:,}", "100.0 %", "denser"]
    assert browser.wrong == []
