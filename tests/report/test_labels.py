from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from petafit.report.labels import PointName, name_points


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
