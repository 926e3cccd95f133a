import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from petafit_benchmark.page import render, write_page
from petafit_benchmark.plot import draw
from petafit_benchmark.record import Record
from petafit_benchmark.report import show
from petafit_benchmark.tuning import Tuning
from tests.benchmark.made import result

RECORD = Record(
    machine={
        "processor": "a <fast> one",
        "cores": 2,
        "memory_bytes": 8e9,
        "python": "3.12",
        "measured_at": "2030-01-02T03:04:05+00:00",
    },
    tables={
        "clicks": {
            "name": "clicks-1000-1",
            "train_rows": 9000,
            "test_rows": 1000,
            "best_log_loss": 0.45,
        }
    },
    results=(
        result("decode_only", log_loss=None, log_loss_ci=None, auc=None, auc_ci=None),
        result("petafit_spark", title="petafit, Spark local[2]", rows_per_second=2e6),
        result("vw_text", rows_per_second=4e5, log_loss=0.51, extrapolated=True),
        result("river_online", status="failed", error="exit code 1\n[/tmp] <broken>"),
        result("dask_incremental", status="missing", error="needs dask"),
    ),
    tunings=(Tuning("clicks", "t", "VW", "step", "vw_text", 20, 10, (0.1, 0.5), (0.6, 0.5)),),
)


class Balanced(HTMLParser):
    """Fails on a tag that is not closed, or closed by another."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "circle", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_well_formed_and_shows_everything():
    parser = Balanced()
    parser.feed(render(RECORD))
    assert not parser.open
    text = " ".join(parser.text)
    for word in (
        "a <fast> one",
        "petafit, Spark local[2]",
        "not installed: needs dask",
        "<broken>",
    ):
        assert word in text
    assert "9,000 rows to learn from" in text
    assert "0.1: 0.6000, 0.5: 0.5000 ✓ (at the edge of the grid)" in text


def test_the_page_needs_nothing_but_itself(tmp_path):
    page = write_page(RECORD, tmp_path).read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<img|https?:|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page


def test_the_plot_has_a_dot_with_an_interval_for_each_that_predicts():
    plot = ElementTree.fromstring(draw(RECORD.results, limit=RECORD.results[0], best=0.45))
    assert len(plot.findall(".//circle")) == 2
    assert len(plot.findall(".//polyline[@class='interval']")) == 2
    assert len(plot.findall(".//polyline[@class='limit']")) == 2
    by_name = {g.find("text").text: g.find("circle").attrib for g in plot.findall("g")}
    fast, slow = by_name["petafit, Spark local[2]"], by_name["vw text"]
    assert float(fast["cx"]) > float(slow["cx"])  # faster lies to the right
    assert float(fast["cy"]) < float(slow["cy"])  # better lies above
    assert plot.find("g[@class='peer sample']") is not None


@pytest.mark.parametrize("count", [1, 16])
def test_names_keep_within_the_plot(count):
    many = [result(f"contender_{i}", rows_per_second=1000.0 + i) for i in range(count)]
    plot = ElementTree.fromstring(draw(many, limit=None, best=None))
    width = float(plot.attrib["viewBox"].split()[2])
    assert all(0 <= float(text.attrib.get("x", 0)) <= width for text in plot.iter("text"))


def test_nothing_to_plot_is_no_plot():
    assert draw(RECORD.results[:1], limit=None, best=None) == ""


def test_the_terminal_shows_everyone(capsys):
    show(RECORD, "clicks")
    shown = capsys.readouterr().out
    assert "petafit, Spark local[2]" in shown
    assert "0.5000 ±0.0100" in shown
    assert "failed: [/tmp] <broken>" in shown
    assert "must reach" in shown
    assert "tf.data" in shown
    assert "merged − sequential" not in shown, "another suite's"
