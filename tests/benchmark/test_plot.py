from xml.etree import ElementTree

import pytest

from petafit_benchmark.plot import draw
from tests.benchmark.examples import result

LIMIT = result("decode_only", title="decode only", log_loss=None, log_loss_ci=None)
FAST = result("petafit_spark", title="petafit, Spark local[2]", rows_per_second=2e6)
SLOW = result("vw_text", rows_per_second=4e5, log_loss=0.51, extrapolated=True)
BROKEN = result("river_online", status="failed", error="exit code 1")


def plot(results, *, limit=None, best=None):
    return ElementTree.fromstring(draw(results, limit=limit, best=best, name="clicks"))


def dots(root):
    """By its contender's title a dot's place and style."""
    groups = [group for group in root.iter("g") if group.find("title") is not None]
    return {g.find("title").text.split(":")[0]: g.find(".//use").attrib for g in groups}


def test_every_contender_that_predicts_is_a_dot_over_its_interval():
    root = plot([LIMIT, FAST, SLOW, BROKEN], limit=LIMIT, best=0.45)
    places = dots(root)
    assert places.keys() == {"petafit, Spark local[2]", "vw text"}
    fast, slow = places["petafit, Spark local[2]"], places["vw text"]
    assert float(fast["x"]) > float(slow["x"])  # faster lies to the right
    assert float(fast["y"]) < float(slow["y"])  # better lies above
    assert "fill: var(--own)" in fast["style"]
    assert "fill: var(--card); stroke: var(--peer)" in slow["style"], "hollow: a sample"
    styles = [path.get("style") for path in root.iter("path")]
    assert sum("stroke-opacity: 0.55" in style for style in styles) == 2
    assert sum("stroke-dasharray" in style for style in styles) == 2
    texts = [text.text for text in root.iter("text")]
    assert {"decode only", "the best any model can do", "vw text"} < {*texts}
    assert {"1k", "1M"} < {*texts}, "ticks as people read them"


def test_the_description_names_the_fastest_and_the_best():
    described = plot([FAST, SLOW]).find("desc").text
    assert described.startswith("The fastest: petafit, Spark local[2]: 2M rows/s, log-loss 0.5000")
    (tooltip,) = (t.text for t in plot([SLOW]).iterfind(".//g/title"))
    assert tooltip == "vw text: 400k rows/s, log-loss 0.5100 ±0.0100, a sample"


@pytest.mark.parametrize("count", [1, 16])
def test_names_keep_within_the_plot_and_apart(count):
    many = [result(f"contender_{i}", rows_per_second=1000.0 + i) for i in range(count)]
    root = plot(many)
    width = float(root.attrib["viewBox"].split()[2])
    names = [text for text in root.iter("text") if text.text.startswith("contender")]
    assert len(names) == count
    spans = [_span(name) for name in names]
    assert all(0 <= left < right <= width for left, right, _ in spans)
    apart = [
        left >= other_right or other_left >= right or abs(y - other_y) > 11
        for number, (left, right, y) in enumerate(spans)
        for other_left, other_right, other_y in spans[:number]
    ]
    assert all(apart)


def _span(name):
    """The start and end of a name, by a letter's usual width, and its height on the plot."""
    x, y, width = float(name.get("x")), float(name.get("y")), 6.6 * len(name.text)
    left = x - width if "text-anchor: end" in name.get("style") else x
    return left, left + width, y


def test_a_name_wider_than_the_plot_is_drawn_all_the_same():
    assert "a" * 300 in [text.text for text in plot([result("x", title="a" * 300)]).iter("text")]


def test_nothing_to_plot_is_no_plot():
    assert draw([LIMIT, BROKEN], limit=None, best=None, name="clicks") == ""
