import re
from dataclasses import replace
from html.parser import HTMLParser

from petafit_benchmark.page import FILE, render, write_page
from petafit_benchmark.record import Record
from petafit_benchmark.results import Tuning
from petafit_benchmark.terminal import show
from tests.benchmark.examples import result

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
        if tag != "meta":
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
    assert "petafit, Spark local[2] ÷ VW from text" in text
    assert "missed" in text


def test_a_row_shows_the_figures_of_its_contender():
    rows = re.findall(r"<tr.*?>(.*?)</tr>", render(RECORD), re.DOTALL)
    (row,) = (row for row in rows if "<td>petafit, Spark local[2]</td>" in row)
    cells = re.findall(r"<td.*?>(.*?)</td>", row)
    figures = ["1", "1,000", "2M", "1.0", "–", "0.5000 ±0.0100", "0.8000 ±0.0100", "1.00 GB"]
    assert cells == ["petafit, Spark local[2]", *figures, ""]


def test_the_page_needs_nothing_but_itself(tmp_path):
    page = write_page(RECORD, tmp_path).read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<img|https?:|@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_the_same_record_is_the_same_page():
    assert render(RECORD) == render(RECORD)


def test_every_plot_is_on_the_page():
    merged = result("stacked_k8_seed1", suite="merging", figures={"above_sequential": 0.1})
    results = (*RECORD.results, result("petafit_text", suite="text", auc=None), merged)
    page = render(replace(RECORD, results=results))
    titles = re.findall(r'<svg [^>]*aria-labelledby="(\w+)-title"', page)
    assert titles == ["clicks", "text", "merging"]
    assert page.count("<figure>") == 3
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len({*ids})
    assert "<figure>" not in render(replace(RECORD, results=RECORD.results[:1])), "nothing to plot"


def test_the_terminal_shows_everyone(capsys):
    show(RECORD, "clicks")
    shown = capsys.readouterr().out
    assert "petafit, Spark local[2]" in shown
    assert "0.5000 ±0.0100" in shown
    assert "failed: [/tmp] <broken>" in shown
    assert "must reach" in shown
    assert "tf.data" in shown
    assert "merged − sequential" not in shown, "another suite's"
