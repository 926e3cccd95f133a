import inspect
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from petafit.report import svg
from petafit.report.svg import PointName, inline_svg, name_points

LIB = Path(__file__).parents[2] / "lib"


def draw_line(figure):
    axes = figure.subplots()
    (line,) = axes.plot([1, 2], [3, 4], "o-", color="#0b62d6")
    axes.set_xlabel("x")
    return {line: "rises"}


def drawn(draw=draw_line, name="plot", title="A line", description="It rises.") -> str:
    return inline_svg(draw, name=name, title=title, description=description)


def test_it_is_one_image_with_a_name_and_a_description():
    root = ElementTree.fromstring(drawn())
    assert root.get("role") == "img"
    by_id = {element.get("id"): element for element in root.iter()}
    title, description = by_id[root.get("aria-labelledby")], by_id[root.get("aria-describedby")]
    assert (title.tag, title.text) == ("title", "A line")
    assert (description.tag, description.text) == ("desc", "It rises.")
    assert root[0] is title, "browsers take the first child"


def test_tooltips_are_titles_of_their_artists():
    root = ElementTree.fromstring(drawn())
    (group,) = (g for g in root.iter("g") if g.find("title") is not None)
    assert group.find("title").text == "rises"
    assert group.find(".//use") is not None


def test_the_same_figure_is_the_same_bytes_in_any_process(tmp_path: Path):
    """Whatever the order of hashes, and the user's own style."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\naxes.xmargin: 0.3\n")
    code = (
        f"from petafit.report.svg import inline_svg\n{inspect.getsource(draw_line)}\n"
        "print(inline_svg(draw_line, name='plot', title='A line', description='It rises.'), end='')"
    )
    environment = {"PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": str(LIB)}
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == drawn() == drawn()


def test_the_style_ends_with_the_drawing():
    before = dict(matplotlib.rcParams)
    drawn()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "label", ["<b>a & b</b>", "$x^2$", "price in $", '"quoted"', "数据 — naïve", "a\x00\x1bb"]
)
def test_any_label_is_text_as_it_is(label):
    def draw(figure: Figure) -> dict[Artist, str]:
        axes = figure.subplots()
        text = axes.text(0.5, 0.5, label)
        return {text: label}

    root = ElementTree.fromstring(drawn(draw, title=label, description=label))
    shown = re.sub("[\x00\x1b]", "\ufffd", label)
    assert shown in [text.text for text in root.iter("text")]
    assert [title.text for title in root.iter("title")] == [shown, shown]
    assert root.find("desc").text == shown


def test_colours_are_the_pages_in_light_and_dark():
    colours = [svg.INK, svg.SOFT, svg.LINE, svg.CARD, svg.OWN, svg.PEER]

    def draw(figure: Figure) -> dict[Artist, str]:
        axes = figure.subplots()
        for height, colour in enumerate(colours):
            axes.axhline(height, color=colour)
        return {}

    root = ElementTree.fromstring(drawn(draw))
    styles = " ".join(element.get("style", "") for element in root.iter())
    assert not re.findall("#[0-9a-f]{6}", styles)
    used = set(re.findall(r"var\(--(\w+)\)", styles))
    css = (LIB / "petafit/report/templates/page.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    assert used == {"ink", "soft", "line", "card", "own", "peer"}
    assert used <= set(re.findall(r"--(\w+): #", light))
    assert used <= set(re.findall(r"--(\w+): #", dark))
    assert all(colour in light for colour in colours)
    assert "font-family" not in styles, "the page's own"


def test_two_figures_on_a_page_share_no_ids_and_every_reference_leads_somewhere():
    page = drawn(name="one") + drawn(name="two")
    root = ElementTree.fromstring(f"<div>{page}</div>")
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    assert set(ids.values()) == {1}
    references = re.findall(r'(?:url\(|href=")#([\w-]+)', page)
    assert len(references) > 4
    assert set(references) <= ids.keys()


def test_an_svg_loads_nothing_and_styles_only_itself():
    page = drawn()
    assert not re.search(r"https?:|<style|<script|<image|xmlns|<metadata", page)
    assert not re.search(r"""(href="|url\()(?!#)""", page)


def placed(names: list[PointName], **options: object) -> list[Annotation]:
    """Names on a plot whose values are pixels."""
    figure = Figure(figsize=(600 / 72, 400 / 72), dpi=72)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 600), ylim=(0, 400))
    name_points(axes, names, **options)
    figure.draw_without_rendering()
    return [child for child in axes.get_children() if isinstance(child, Annotation)]


def box(name: Annotation) -> Bbox:
    """The box of the text, without the line to its point."""
    return Text.get_window_extent(name)


def test_a_name_stands_to_the_right_of_its_point_or_left_of_it_at_the_edge():
    inner, edge = placed([PointName("inner", (100, 300)), PointName("edge", (590, 100))])
    assert box(inner).x0 > 100
    assert box(edge).x1 < 590
    assert inner.arrow_patch is None, "no line: it is beside its point"


def test_names_of_one_point_are_spread_with_lines_to_it():
    names = placed([PointName(f"name {i}", (300, 200)) for i in range(8)])
    boxes = [box(name) for name in names]
    assert all(one.count_overlaps(boxes) == 1 for one in boxes), "each overlaps itself alone"
    assert sum(name.arrow_patch is not None for name in names) == 6


def test_names_keep_off_other_points():
    points = [PointName("a long name", (100, 200)), PointName("second", (130, 196))]
    first, second = placed(points, sides=["right"])
    assert not box(first).contains(130, 196)
    assert box(second).x0 > 130


def test_own_names_stand_out():
    (own, other) = placed([PointName("own", (100, 300), own=True), PointName("other", (100, 100))])
    assert own.get_weight() == "bold"
    assert own.get_color() != other.get_color()


def test_a_name_wider_than_the_plot_is_written_all_the_same():
    (name,) = placed([PointName("a" * 300, (300, 200))])
    assert name.get_text() == "a" * 300
