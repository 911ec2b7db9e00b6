import re
from html.parser import HTMLParser

import numpy as np
import pytest

from kws_core.errors import EvaluationError
from kws_core.evaluation.det import det_curve
from kws_core.evaluation.det_plot import det_plot
from kws_core.report.data import Fact, ReportData, ReportFigure, ReportTable, Verdict
from kws_core.report.page import render_report

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Collects what the tests look at, and fails where elements are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.links, self.texts, self.tags = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if text.strip():
            self.texts.append((self.open[-1] if self.open else "", text.strip()))


@pytest.fixture(scope="module")
def data():
    same = np.arange(100) % 2 == 0
    curve = det_curve(np.random.default_rng(0).normal(size=100) + same, same)
    return ReportData(
        'A <run> & its "report"',
        facts=(Fact("Seed", "7"), Fact("Created from segments", "abc123")),
        verdict=Verdict(True, "FRR 3 % < 5 %"),
        tables=(
            ReportTable("trials", "Trials", ("Set", "EER"), (("in", "3.2 % [2.1, 4.4]"), ("<out>", "none")), "A note."),
            ReportTable("configuration", "Configuration", ("Key", "Value"), (("seed", "7"),), folded=True),
            ReportTable("rejections", "Rejections", ("Stage", "Reason"), ()),
        ),
        figures=(
            ReportFigure("First", det_plot({"a": curve}, "one")),
            ReportFigure("Second", det_plot({"a": curve}, "two")),
        ),
    )


def test_the_page_is_well_formed_and_reaches_for_nothing(data):
    html = render_report(data)
    assert html == render_report(data)
    assert html.startswith('<!doctype html>\n<html lang="en">')
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert {"figures", "trials", "configuration", "rejections"} <= set(page.ids)
    addresses = set(re.findall(r"https?://[^\s\"')]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe"}
    assert "@import" not in html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_text_is_escaped_and_figures_are_not(data):
    html = render_report(data)
    assert "<title>A &lt;run&gt; &amp; its &#34;report&#34;</title>" in html
    assert "&lt;out&gt;" in html
    assert "<out>" not in html
    assert html.count("<svg ") == 2
    assert "&lt;svg" not in html


def test_tables_have_captions_and_header_cells_and_can_be_reached_by_keyboard(data):
    page = Page(render_report(data))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == 3
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert scopes.count("col") == 6
    assert scopes.count("row") == 3
    regions = [attributes for _, attributes in page.tags if attributes.get("role") == "region"]
    assert all(region["tabindex"] == "0" and region["aria-labelledby"] in page.ids for region in regions)
    numeric = [attributes.get("class") for tag, attributes in page.tags if tag == "td"]
    assert numeric == ["number", "number", "number"]
    assert ("small", "[2.1, 4.4]") in page.texts
    assert ("p", "Nothing to show.") in page.texts
    assert tags.count("details") == 1


def test_counts_of_a_column_stand_under_its_heading():
    rows = (("softmax", "3.2 % [2.1, 4.4]"),)
    page = Page(render_report(ReportData("t", tables=(ReportTable("a", "A", ("Method", "FRR at 2 % (n 40)"), rows),))))
    assert ("th", "FRR at 2\u00a0%") in page.texts
    assert ("small", "(n 40)") in page.texts


def test_no_two_links_of_the_index_say_the_same():
    captions = {"a": "Words: alone", "b": "Words: of sentences", "c": "Trials: pairs"}
    tables = tuple(ReportTable(key, caption, ("Key",), (("x",),)) for key, caption in captions.items())
    page = Page(render_report(ReportData("t", tables=tables)))
    assert [text for tag, text in page.texts if tag == "a"] == [
        "Skip to the report",
        "Words: alone",
        "Words: of sentences",
        "Trials",
    ]


@pytest.mark.parametrize(("promoted", "word"), [(True, "Promoted"), (False, "Not promoted")])
def test_the_verdict_is_said_in_words(promoted, word):
    page = Page(render_report(ReportData("t", verdict=Verdict(promoted, "because of 5 %"))))
    assert ("strong", word) in page.texts
    assert ("span", "because of 5\u00a0%") in page.texts


def test_a_report_with_a_title_only_is_a_page():
    page = Page(render_report(ReportData("bare")))
    assert ("h1", "bare") in page.texts
    assert "verdict" not in {attributes.get("class") for _, attributes in page.tags}


@pytest.mark.parametrize(
    "svg", ["<p>no</p>", "<svg><script>1</script></svg>", '<svg onload="x"/>', '<svg><use href="http://a"/></svg>']
)
def test_figures_that_are_not_plain_svg_are_refused(svg):
    with pytest.raises(EvaluationError, match="figure 'f' must be a plain <svg>"):
        render_report(ReportData("t", figures=(ReportFigure("f", svg),)))


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(EvaluationError, match="'a' has rows that do not fit its 2 columns"):
        render_report(ReportData("t", tables=(ReportTable("a", "A", ("x", "y"), (("1",),)),)))
    twice = ReportTable("a", "A", ("x",), ())
    with pytest.raises(EvaluationError, match="share an id: a"):
        render_report(ReportData("t", tables=(twice, twice)))
